// A frontend that misses nothing: it remembers the last cursor that it has
// taken in, and begins there again whenever its connection has broken.
import { createClient } from "graphql-ws";

export interface Delivery {
  cursor: string;
  previousCursor: string | null;
  position: string;
  event: { eventId: string };
}

const query = `
  subscription Follow($filter: EventFilter, $after: String) {
    eventRecorded(filter: $filter, after: $after) {
      cursor
      previousCursor
      position
      event { eventId }
    }
  }
`;

export interface Following {
  /** How often the connection was made. */
  readonly connections: number;
  stop(): Promise<void>;
}

/** Follows the events of a filter after a cursor, over any number of connections. */
export function follow(wsUrl: string, filter: object, after: string, take: (delivery: Delivery) => void): Following {
  let cursor = after;
  let connections = 0;
  let stopped = false;
  const client = createClient({
    url: wsUrl,
    // Reconnecting is left to resubscribe below: a retry of the client's own
    // would begin at the old cursor.
    retryAttempts: 0,
    on: { connected: () => connections++ },
  });
  let unsubscribe = () => {};
  const subscribe = () => {
    unsubscribe = client.subscribe<{ eventRecorded: Delivery }>(
      { query, variables: { filter, after: cursor } },
      {
        next: ({ data }) => {
          if (!data) return;
          take(data.eventRecorded);
          cursor = data.eventRecorded.cursor;
        },
        error: () => resubscribe(),
        complete: () => resubscribe(),
      },
    );
  };
  const resubscribe = () => {
    if (!stopped) setTimeout(subscribe, 100 + Math.random() * 200);
  };
  subscribe();
  return {
    get connections() {
      return connections;
    },
    stop: async () => {
      stopped = true;
      unsubscribe();
      await client.dispose();
    },
  };
}

/** The same with graphql-ws's own retries: the variables are read anew for each of them. */
export function followWithRetries(wsUrl: string, filter: object, after: string, take: (delivery: Delivery) => void): Following {
  const variables = { filter, after };
  let connections = 0;
  const client = createClient({
    url: wsUrl,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: () => new Promise((again) => setTimeout(again, 100 + Math.random() * 200)),
    shouldRetry: () => true,
    on: { connected: () => connections++ },
  });
  const unsubscribe = client.subscribe<{ eventRecorded: Delivery }>(
    { query, variables },
    {
      next: ({ data }) => {
        if (!data) return;
        take(data.eventRecorded);
        // The client sends this object again whenever it subscribes again.
        variables.after = data.eventRecorded.cursor;
      },
      error: (error) => {
        throw error;
      },
      complete: () => {},
    },
  );
  return {
    get connections() {
      return connections;
    },
    stop: async () => {
      unsubscribe();
      await client.dispose();
    },
  };
}
