// graphql-codegen's configuration: typed documents from the schema and from
// what program.ts asks for.
import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../graph/schema.graphql",
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
export default config;
