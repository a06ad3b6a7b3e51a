// A urql client for the catalog, configured as in a frontend.
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient as createSocket } from "graphql-ws";

export interface ClientOptions {
  url: string;
  /** The WebSocket URL of subscriptions; without it they use server-sent events. */
  wsUrl?: string;
}

export function createClient({ url, wsUrl }: ClientOptions) {
  const socket = wsUrl ? createSocket({ url: wsUrl }) : undefined;
  const client = new Client({
    url,
    preferGetMethod: false,
    fetchSubscriptions: !socket,
    exchanges: socket
      ? [
          fetchExchange,
          subscriptionExchange({
            forwardSubscription: ({ query, variables }) => ({
              subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: query ?? "", variables: variables as Record<string, unknown> }, sink) }),
            }),
          }),
        ]
      : [fetchExchange],
  });
  return { client, dispose: async () => socket?.dispose() };
}
