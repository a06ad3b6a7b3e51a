// The close codes of sockets of npm's graphql-ws, and after which of them clients reconnect.
import { type ClientOptions, createClient } from "graphql-ws";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { execute, register } from "../graphql.js";
import { type Server, startServer } from "../server.js";

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

/** Returns a client with the sockets that it opened and their close events, as "1000 Normal Closure". */
function connect(options: Partial<ClientOptions> = {}) {
  const sockets: WebSocket[] = [];
  const closed: string[] = [];
  const client = createClient({ url: server.wsUrl, retryAttempts: 0, ...options });
  client.on("connected", (socket) => sockets.push(socket as WebSocket));
  client.on("closed", (event) => {
    const { code, reason } = event as CloseEvent;
    closed.push(`${code} ${reason}`);
  });
  onTestFinished(async () => {
    // dispose rejects if the client has no socket.
    await Promise.allSettled([client.dispose()]);
  });
  /** Executes a query and returns its data. */
  const result = async (query: string) => {
    for await (const { data, errors } of client.iterate<any>({ query })) {
      expect(errors).toBeUndefined();
      return data;
    }
  };
  return { client, sockets, closed, result };
}

const watch = "subscription ($after: String) { eventRecorded(after: $after) { cursor previousCursor event { path } } }";

/** A socket that sends a message before the client does. */
const saying = (message: object): Partial<ClientOptions> => ({
  on: { opened: (socket) => (socket as WebSocket).send(JSON.stringify(message)) },
});

/** A socket without a subprotocol. */
class Unnamed extends WebSocket {
  constructor(address: string | URL) {
    super(address);
  }
}

test.each<[string, Partial<ClientOptions>]>([
  ["4400 Invalid message: its type is missing or unknown", saying({ type: "start" })],
  ["4400 Invalid message: the payload must be an object", saying({ type: "connection_init", payload: "token" })],
  ["4401 Unauthorized", saying({ id: "1", type: "subscribe", payload: { query: "{ __typename }" } })],
  ["4406 Subprotocol not acceptable", { webSocketImpl: Unnamed }],
  ["4408 Connection initialisation timeout", { connectionParams: () => new Promise(() => {}) }],
  ["4409 Subscriber for a already exists", { generateID: () => "a" }],
  ["4429 Too many initialisation requests", saying({ type: "connection_init" })],
  ["1009 Message longer than 65536 bytes", { connectionParams: { token: "x".repeat(100_000) } }],
])("a client that violates the protocol receives a close code: %s", async (expected, options) => {
  const { client, closed } = connect(options);
  const failed = [1, 2].map(() => new Promise<any>((error) => client.subscribe({ query: watch }, { next: error, error, complete: () => error("complete") })));
  for (const { code, reason } of await Promise.all(failed)) expect(`${code} ${reason}`).toBe(expected);
  expect(closed[0]).toBe(expected);
});

test("an idle socket is reused until lazyCloseTimeout", async () => {
  const { sockets, closed, result } = connect({ lazyCloseTimeout: 1500 });
  for (let n = 0; n < 3; n++) expect(await result("{ __typename }")).toEqual({ __typename: "Query" });
  expect(sockets).toHaveLength(1);
  expect(closed).toEqual([]);
  await vi.waitFor(() => expect(closed).toEqual(["1000 Normal Closure"]), { timeout: 10_000 });
  expect(await result("{ __typename }")).toEqual({ __typename: "Query" });
  expect(sockets).toHaveLength(2);
});

/** Returns the number of the server's subscriptions in any state. */
async function subscriptions(): Promise<number> {
  const metrics = await (await fetch(`${server.origin}/metrics`)).text();
  const counts = [...metrics.matchAll(/^catalog_subscriptions\{.*\} (\d+)$/gm)];
  expect(counts.length).toBeGreaterThan(0);
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

const running = (count: number) => expect.poll(subscriptions, { timeout: 20_000 }).toBe(count);

test("the subscriptions of a disconnected client end", async () => {
  const { client, sockets } = connect();
  for (let n = 0; n < 20; n++) client.subscribe({ query: watch }, { next() {}, error() {}, complete() {} });
  await running(20);
  sockets[0]?.terminate();
  await running(0);
});

test.each<["SIGTERM" | "SIGKILL", RegExp]>([
  ["SIGTERM", /^1001 Going away$/],
  ["SIGKILL", /^1006 /],
])("a client resumes after the last event when the server is back from %s", async (signal, end) => {
  const { events } = await execute("{ events(first: 1) { tailCursor } }", {}, server.url);
  // graphql-ws repeats the request, so the request must have the cursor.
  const variables = { after: events.tailCursor };
  const received: string[] = [];
  const failed = vi.fn();
  const waiting: (() => void)[] = [];
  const { client, closed } = connect({ retryAttempts: 1, retryWait: () => new Promise((retry) => waiting.push(retry)) });
  const stop = client.subscribe<any>(
    { query: watch, variables },
    {
      next: ({ data }) => {
        expect(data.eventRecorded.previousCursor).toBe(variables.after);
        variables.after = data.eventRecorded.cursor;
        received.push(data.eventRecorded.event.path);
      },
      error: failed,
      complete: failed,
    },
  );
  const paths = ["before", "during", "after"].map((name) => `${signal}/${name}`);
  const [before, during, after] = paths as [string, string, string];
  await register(before, {}, server.url);
  await vi.waitFor(() => expect(received).toEqual([before]));
  await server.kill(signal);
  await vi.waitFor(() => expect(closed).toHaveLength(1));
  expect(closed[0]).toMatch(end);
  await server.restart();
  await register(during, {}, server.url); // while the client is disconnected
  expect(waiting).toHaveLength(1);
  waiting[0]?.();
  await vi.waitFor(() => expect(received).toEqual([before, during]), { timeout: 20_000 });
  await register(after, {}, server.url);
  await vi.waitFor(() => expect(received).toEqual(paths));
  expect(failed).not.toHaveBeenCalled();
  stop();
});
