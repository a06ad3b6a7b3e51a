// The documents of a Relay frontend. Relay's compiler checks them against schema.graphql (the
// server's GET /schema.graphql) and writes __generated__.
import { graphql } from "relay-runtime";

graphql`
  query queriesCatalogQuery($count: Int!, $cursor: String, $pathPrefix: String!) {
    ...queriesCatalog_query @arguments(count: $count, cursor: $cursor, pathPrefix: $pathPrefix)
  }
`;

graphql`
  fragment queriesCatalog_query on Query
  @refetchable(queryName: "queriesCatalogPageQuery")
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" }, pathPrefix: { type: "String!" }) {
    resources(first: $count, after: $cursor, filter: { pathPrefix: $pathPrefix }) @connection(key: "Catalog_resources") {
      edges {
        node {
          id
          path
          ...queriesVersions_resource
        }
      }
    }
  }
`;

graphql`
  fragment queriesVersions_resource on Resource @refetchable(queryName: "queriesVersionsPageQuery") @argumentDefinitions(count: { type: "Int", defaultValue: 1 }, cursor: { type: "String" }) {
    versions(first: $count, after: $cursor) @connection(key: "Resource_versions") {
      edges {
        node {
          version
          payload
        }
      }
    }
  }
`;

graphql`
  query queriesTimelineQuery($path: String!) {
    events(first: 10, filter: { path: $path }) @connection(key: "Timeline_events", filters: []) {
      tailCursor
      edges {
        node {
          id
          message
        }
      }
    }
  }
`;

graphql`
  subscription queriesTimelineSubscription($path: String!, $after: String!) {
    eventRecorded(filter: { path: $path }, after: $after) {
      cursor
      event {
        id
        message
      }
    }
  }
`;
