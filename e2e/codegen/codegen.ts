// The configuration of graphql-codegen, which generates typed documents from the schema of a
// running server and the operations in program.ts.
import type { CodegenConfig } from "@graphql-codegen/cli";

/** The configuration for a server at an origin, such as http://127.0.0.1:8080. */
export function configure(origin: string): CodegenConfig {
  return {
    schema: `${origin}/schema.graphql`,
    documents: "codegen/program.ts",
    ignoreNoDocuments: false,
    generates: {
      "codegen/generated/": {
        preset: "client",
        presetConfig: { fragmentMasking: false },
        config: { scalars: { DateTime: "string", JSON: "unknown" }, useTypeImports: true, enumsAsTypes: true },
      },
    },
  };
}

export default configure("http://127.0.0.1:8080");
