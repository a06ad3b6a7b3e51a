// An Apollo Client for the catalog, configured as in a frontend.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { Defer20220824Handler } from "@apollo/client/incremental";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { getMainDefinition, relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { createClient as createSocket } from "graphql-ws";

export interface ClientOptions {
  url: string;
  /** The WebSocket URL of subscriptions; without it they use HTTP multipart. */
  wsUrl?: string;
  /** Send each document once, and afterwards its hash with GET. */
  persisted?: boolean;
  /** Replaces fetch in tests that inspect the requests. */
  fetch?: typeof globalThis.fetch;
}

export function createClient({ url, wsUrl, persisted, fetch }: ClientOptions) {
  let http: ApolloLink = new HttpLink({ uri: url, ...(fetch && { fetch }) });
  if (persisted) {
    http = ApolloLink.from([new PersistedQueryLink({ sha256, useGETForHashedQueries: true }), http]);
  }
  const socket = wsUrl ? createSocket({ url: wsUrl }) : undefined;
  const link = socket
    ? ApolloLink.split(
        ({ query }) => {
          const definition = getMainDefinition(query);
          return definition.kind === "OperationDefinition" && definition.operation === OperationTypeNode.SUBSCRIPTION;
        },
        new GraphQLWsLink(socket),
        http,
      )
    : http;
  const client = new ApolloClient({
    link,
    cache: new InMemoryCache({
      typePolicies: {
        // One cached list for each filter and order; all pages of it are merged.
        Query: { fields: { resources: relayStylePagination(["filter", "orderBy"]) } },
        // Types are no Nodes; their name identifies them.
        ResourceType: { keyFields: ["name"] },
        EventType: { keyFields: ["name"] },
      },
    }),
    incrementalHandler: new Defer20220824Handler(),
  });
  return { client, dispose: async () => (client.stop(), await socket?.dispose()) };
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Buffer.from(digest).toString("hex");
}
