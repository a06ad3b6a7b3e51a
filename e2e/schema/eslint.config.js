// The schema by graphql-eslint's rules for schemas and for Relay.
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
      // Relay's Node has an id, and what is no Node needs none.
      "@graphql-eslint/strict-id-in-types": "off",
      // Connections have `nodes` beside `edges`, and not every list is paged. Folders are
      // paged and have paths instead of ids.
      "@graphql-eslint/relay-edge-types": ["error", { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
      // NoETL's own words: resource types and event types, which are tables.
      "@graphql-eslint/naming-convention": [
        "error",
        {
          ...graphql.configs["flat/schema-recommended"].rules["@graphql-eslint/naming-convention"][1],
          "ObjectTypeDefinition,ObjectTypeExtension": { forbiddenPrefixes: ["Type"], ignorePattern: "^(ResourceType|EventType)$" },
        },
      ],
      // Also NoETL's: event_id, execution_id and version are what these are called everywhere.
      "@graphql-eslint/no-typename-prefix": "off",
      // People read the schema in GraphiQL: everything says what it is.
      "@graphql-eslint/require-description": [
        "error",
        { types: true, rootField: true, DirectiveDefinition: true, EnumValueDefinition: true, FieldDefinition: true, InputValueDefinition: true },
      ],
      // Children are read forwards only, newest first.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
    },
  },
];
