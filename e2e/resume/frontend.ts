// A frontend that misses no event: it remembers the cursor of the last event that it has
// processed, and resumes after it whenever its connection breaks.
import { createClient } from "graphql-ws";

export interface Delivery {
  cursor: string;
  previousCursor: string | null;
  position: string;
  event: { eventId: string };
}

export interface FollowOptions {
  wsUrl: string;
  /** An EventFilter. */
  filter: object;
  /** The cursor to start after. */
  after: string;
  /** Is called once for each event, in the order of the log. */
  take: (delivery: Delivery) => void;
  /** Is called with the reason if the server ends the stream permanently. */
  failed: (reason: unknown) => void;
  /** The interval of pings to the server in ms, and the timeout of the answers. */
  keepAlive?: number;
}

export interface Following {
  /** The number of connections made. */
  readonly connections: number;
  stop(): Promise<void>;
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

/** The codes of temporary errors. Any other error would recur. */
const passing = new Set(["SLOW_CONSUMER", "UNAVAILABLE", "TIMEOUT", "INTERNAL", "TOO_MANY_REQUESTS"]);

/** Follows the events of a filter after a cursor, over any number of connections. */
export function follow({ wsUrl, filter, after, take, failed, keepAlive = 10_000 }: FollowOptions): Following {
  const variables = { filter, after };
  let connections = 0;
  let overdue: ReturnType<typeof setTimeout> | undefined;
  // A random delay, so that not all frontends reconnect to a restarted server at once.
  const pause = () => new Promise<void>((over) => setTimeout(over, 100 + Math.random() * 200));

  const client = createClient({
    url: wsUrl,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: pause,
    // A refused connection is an error, not a close event.
    shouldRetry: () => true,
    keepAlive,
    on: {
      connected: () => connections++,
      // A network can fail silently. The client sends nothing else and would not notice, so it
      // sends pings.
      ping: (received, payload) => {
        // No event up to the checkpoint matches the filter, so resuming after it misses
        // nothing. The connection has one subscription only.
        const checkpoint = payload?.checkpoint as { cursor: string } | undefined;
        if (received && checkpoint) variables.after = checkpoint.cursor;
        if (!received) overdue = setTimeout(() => client.terminate(), keepAlive);
      },
      pong: (received) => {
        if (received) clearTimeout(overdue);
      },
      closed: () => clearTimeout(overdue),
    },
  });

  let stopped = false;
  let unsubscribe = () => {};
  const subscribe = () => {
    if (stopped) return;
    unsubscribe = client.subscribe<{ eventRecorded: Delivery }>(
      // The client sends the current values of these variables with each of its retries.
      { query, variables },
      {
        next: ({ data, errors }) => {
          if (!data) return failed(errors);
          take(data.eventRecorded);
          variables.after = data.eventRecorded.cursor;
        },
        // The client does not retry after an error that the server has sent.
        error: (reason) => {
          if (passing.has(codeOf(reason))) void pause().then(subscribe);
          else failed(reason);
        },
        complete: () => {},
      },
    );
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

function codeOf(reason: unknown): string {
  const error = Array.isArray(reason) ? reason[0] : undefined;
  return String(error?.extensions?.code ?? "");
}
