// Lints the schema with graphql-eslint's rules for schemas and for Relay.
import graphql from "@graphql-eslint/eslint-plugin";

export default [
  {
    files: ["**/*.graphql"],
    plugins: { "@graphql-eslint": graphql },
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: "schema.graphql" } },
    },
    rules: {
      ...graphql.configs["flat/schema-recommended"].rules,
      ...graphql.configs["flat/schema-relay"].rules,
      // Only a Relay Node has an id.
      "@graphql-eslint/strict-id-in-types": "off",
      // Connections have `nodes` beside `edges`, not every list is paged, and folders, which
      // are paged, have a path instead of an id.
      "@graphql-eslint/relay-edge-types": ["error", { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
      // resource types and event types are terms of NoETL, and tables.
      "@graphql-eslint/naming-convention": [
        "error",
        {
          ...graphql.configs["flat/schema-recommended"].rules["@graphql-eslint/naming-convention"][1],
          "ObjectTypeDefinition,ObjectTypeExtension": { forbiddenPrefixes: ["Type"], ignorePattern: "^(ResourceType|EventType)$" },
        },
      ],
      // event_id, execution_id and version are terms of NoETL.
      "@graphql-eslint/no-typename-prefix": "off",
      // People read the schema in GraphiQL, so everything has a description.
      "@graphql-eslint/require-description": [
        "error",
        { types: true, rootField: true, DirectiveDefinition: true, EnumValueDefinition: true, FieldDefinition: true, InputValueDefinition: true },
      ],
      // Lists of children are paged forwards only, newest first.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
    },
  },
];
