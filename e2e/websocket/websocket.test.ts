// npm's graphql-ws, the reference client of graphql-transport-ws.
import { type Client, type ClientOptions, createClient } from "graphql-ws";
import { afterEach, expect, test, vi } from "vitest";
import { execute, register, wsUrl } from "../graphql.js";
import { startServer } from "../server.js";

let clients: Client[] = [];
function connect(options: Partial<ClientOptions> = {}) {
  const client = createClient({ url: wsUrl, retryAttempts: 0, ...options });
  clients.push(client);
  return client;
}
afterEach(async () => {
  // A client that is about to reconnect rejects if the server is down.
  await Promise.allSettled(clients.map((client) => client.dispose()));
  clients = [];
});

/** Returns the number of a server's subscriptions. */
async function subscriptions(origin: string) {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const values = text.split("\n").filter((line) => line.startsWith("catalog_subscriptions{"));
  return values.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0);
}

test("queries and mutations", async () => {
  const client = connect();
  const answers: any[] = [];
  for await (const answer of client.iterate({ query: "{ resourceTypes { name } }" })) answers.push(answer);
  expect(answers).toHaveLength(1);
  expect(answers[0].data.resourceTypes.length).toBeGreaterThan(5);
  const path = `websocket/${crypto.randomUUID()}`;
  for await (const { data } of client.iterate<any>({
    query: `mutation ($path: String!) { registerResource(input: { path: $path, type: "playbook", payload: { json: {} } }) { status } }`,
    variables: { path },
  })) {
    expect(data?.registerResource.status).toBe("REGISTERED");
  }
});

test("@defer has an incremental answer", async () => {
  const answers: any[] = [];
  for await (const answer of connect().iterate({ query: "{ resources(first: 2) { nodes { path ... @defer { latestVersion { version } } } } }" })) {
    answers.push(answer);
  }
  expect(answers[0]).toMatchObject({ hasNext: true });
  expect(answers.slice(1).flatMap((answer) => answer.incremental)).toHaveLength(2);
  expect(answers.at(-1)).toMatchObject({ hasNext: false });
});

test("an invalid operation is refused with errors, and the socket stays open", async () => {
  const client = connect({ lazy: false });
  for (const [query, code] of [
    ["{ nothing }", "GRAPHQL_VALIDATION_FAILED"],
    ["{", "GRAPHQL_PARSE_FAILED"],
    ['subscription { eventRecorded(after: "x") { cursor } }', "BAD_USER_INPUT"],
  ] as const) {
    const errors: any = await new Promise((told) =>
      client.subscribe({ query }, { next: told, error: told, complete: () => told("complete") }),
    );
    expect(errors[0].extensions.code).toBe(code);
  }
  for await (const { data } of client.iterate<any>({ query: "{ __typename }" })) expect(data?.__typename).toBe("Query");
});

test("fifty operations on one socket, each with its own events", async () => {
  const opened = vi.fn();
  const client = connect({ on: { opened } });
  const { events } = await execute("{ events(first: 1) { tailCursor } }");
  const paths = Array.from({ length: 50 }, () => `websocket/${crypto.randomUUID()}`);
  const got = new Map<string, string[]>(paths.map((path) => [path, []]));
  const stops = paths.map((path) =>
    client.subscribe<any>(
      {
        query: `subscription ($path: String!, $after: String) { eventRecorded(filter: { path: $path }, after: $after) { event { path version { version } } } }`,
        variables: { path, after: events.tailCursor },
      },
      {
        next: ({ data }) => {
          expect(data?.eventRecorded.event.path).toBe(path);
          got.get(path)!.push(data?.eventRecorded.event.version.version);
        },
        error: (error) => got.get(path)!.push(JSON.stringify(error)),
        complete: () => {},
      },
    ),
  );
  await Promise.all(paths.map((path) => register(path)));
  await Promise.all(paths.map((path) => register(path, { again: true })));
  await vi.waitFor(() => expect([...got.values()]).toEqual(paths.map(() => ["1.0.0", "1.0.1"])), { timeout: 20_000 });
  expect(opened).toHaveBeenCalledTimes(1);
  stops.forEach((stop) => stop());
});

test("the server releases completed subscriptions", async () => {
  const server = await startServer();
  try {
    const client = connect({ url: server.wsUrl, lazy: false });
    const query = "subscription { eventRecorded { cursor } }";
    const stays = client.subscribe({ query }, { next: () => {}, error: () => {}, complete: () => {} });
    await vi.waitFor(async () => expect(await subscriptions(server.origin)).toBe(1));
    for (let round = 0; round < 200; round++) {
      const started = client.iterate({ query });
      const first = started.next();
      await started.return?.();
      await first;
    }
    stays();
    await vi.waitFor(async () => expect(await subscriptions(server.origin)).toBe(0), { timeout: 20_000 });
  } finally {
    await server.stop();
  }
});

test("pings are answered", async () => {
  const pong = vi.fn();
  connect({ lazy: false, keepAlive: 50, on: { pong: (received) => received && pong() } });
  await vi.waitFor(() => expect(pong.mock.calls.length).toBeGreaterThan(2), { timeout: 10_000 });
});

test("the old subprotocol is refused, so that its clients report an error", async () => {
  const socket = new WebSocket(wsUrl, "graphql-ws");
  const outcome = await new Promise((told) => {
    socket.onerror = () => told("error");
    socket.onclose = (event) => told(event.code);
  });
  expect([4406, "error"]).toContain(outcome);
});
