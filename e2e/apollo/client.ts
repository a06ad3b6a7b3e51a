// An Apollo Client for the catalog, as a frontend has it.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { Defer20220824Handler } from "@apollo/client/incremental";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { getMainDefinition, relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { createClient as createSocket } from "graphql-ws";

export interface ClientOptions {
  url: string;
  /** Where subscriptions go; without it they go over HTTP, as multipart. */
  wsUrl?: string;
  /** Send each document once, and its hash with GET from then on. */
  persisted?: boolean;
  /** For tests that look at the requests. */
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
        // One list for each filter and order, whatever page it was read by.
        Query: { fields: { resources: relayStylePagination(["filter", "orderBy"]) } },
        // No Node: a type is its name.
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
