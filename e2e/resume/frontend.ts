// A frontend that misses nothing: it remembers the last cursor that it has
// taken in, and begins there again whenever its connection has broken.
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
  /** Gets each event once, in the log's order. */
  take: (delivery: Delivery) => void;
  /** Called with the reason if the server ends the stream for good; nothing follows. */
  failed: (reason: unknown) => void;
  /** The interval of pings to the server, in ms; an answer may take as long. */
  keepAlive?: number;
}

export interface Following {
  /** How often the connection was made. */
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

/** What ends a stream, but not for good. Any other error would come again. */
const passing = new Set(["SLOW_CONSUMER", "UNAVAILABLE", "TIMEOUT", "INTERNAL", "TOO_MANY_REQUESTS"]);

/** Follows the events of a filter after a cursor, over any number of connections. */
export function follow({ wsUrl, filter, after, take, failed, keepAlive = 10_000 }: FollowOptions): Following {
  const variables = { filter, after };
  let connections = 0;
  let overdue: ReturnType<typeof setTimeout> | undefined;
  // Not all frontends at once, where it was the server that went away.
  const pause = () => new Promise<void>((over) => setTimeout(over, 100 + Math.random() * 200));

  const client = createClient({
    url: wsUrl,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: pause,
    // A connection that is refused is an error, not a close event.
    shouldRetry: () => true,
    keepAlive,
    on: {
      connected: () => connections++,
      // A network can fail silently. This side sends nothing and would not
      // notice, so it pings.
      ping: (received, payload) => {
        // No event up to the checkpoint has passed the filter, so resuming after it
        // misses nothing. There is one subscription on this connection.
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
      // The client sends these variables anew with each retry of its own.
      { query, variables },
      {
        next: ({ data, errors }) => {
          if (!data) return failed(errors);
          take(data.eventRecorded);
          variables.after = data.eventRecorded.cursor;
        },
        // What the server says itself, the client does not retry.
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
