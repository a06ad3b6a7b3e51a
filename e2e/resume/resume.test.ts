// A frontend that loses its connection under load misses nothing.
import { once } from "node:events";
import { expect, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import { execute, origin, register, url, wsUrl } from "../graphql.js";
import { startServer } from "../server.js";
import { type Delivery, follow, type FollowOptions } from "./frontend.js";
import { createProxy, type Fault } from "./proxy.js";

/** Records events until stopped, and remembers the acknowledged ones. */
function write(at: string, path: string, writers: number) {
  const recorded = new Set<string>();
  let stopped = false;
  const running = Array.from({ length: writers }, async () => {
    while (!stopped) {
      const inputs = Array.from({ length: 5 }, () => ({ eventId: crypto.randomUUID(), type: "UPDATED", path }));
      try {
        await execute("mutation ($inputs: [RecordEventInput!]!) { recordEvents(inputs: $inputs) { results { duplicate } } }", { inputs }, at);
        inputs.forEach(({ eventId }) => recorded.add(eventId));
      } catch {
        // Not acknowledged; it may or may not be recorded.
        await new Promise((again) => setTimeout(again, 50));
      }
    }
  });
  return { recorded, stop: async () => ((stopped = true), await Promise.all(running)) };
}

/** Returns the ids of all events of a path, as the server lists them. */
async function stored(at: string, path: string): Promise<Set<string>> {
  const ids = new Set<string>();
  let after: string | null = null;
  do {
    const { events }: any = await execute(
      `query ($path: String!, $after: String) {
        events(first: 200, after: $after, filter: { path: $path, types: ["UPDATED"] }) {
          nodes { eventId }
          pageInfo { hasNextPage endCursor }
        }
      }`,
      { path, after },
      at,
    );
    for (const { eventId } of events.nodes) ids.add(eventId);
    after = events.pageInfo.hasNextPage ? events.pageInfo.endCursor : null;
  } while (after);
  return ids;
}

/** Returns the cursor of the end of the log. */
async function tail(at: string): Promise<string> {
  const { events } = await execute("{ events(first: 1) { tailCursor } }", {}, at);
  return events.tailCursor;
}

/** Follows, and collects deliveries and errors. */
function collect(options: Pick<FollowOptions, "wsUrl" | "filter" | "after" | "keepAlive">) {
  const deliveries: Delivery[] = [];
  const failed = vi.fn();
  const following = follow({ ...options, take: (delivery) => deliveries.push(delivery), failed });
  return { deliveries, failed, following };
}

/** Returns the ids delivered; fails unless each was delivered once, in the order of the log and without a gap in the chain of cursors. */
function checkChain(deliveries: Delivery[], after: string): Set<string> {
  let previous = after;
  let position = 0n;
  for (const delivery of deliveries) {
    expect(delivery.previousCursor).toBe(previous);
    expect(BigInt(delivery.position) > position).toBe(true);
    previous = delivery.cursor;
    position = BigInt(delivery.position);
  }
  const ids = deliveries.map(({ event }) => event.eventId);
  expect(new Set(ids).size).toBe(ids.length);
  return new Set(ids);
}

test.concurrent.each<Fault>(["broken", "silent"])("ten seconds without a network, connections %s", async (fault) => {
  const path = `resume/${crypto.randomUUID()}`;
  await register(path);
  const after = await tail(url);
  const filter = { path, types: ["UPDATED"] };
  const network = await createProxy(origin);
  const { deliveries, failed, following } = collect({ wsUrl: `ws://${network.host}/graphql`, filter, after, keepAlive: 1000 });
  const load = write(url, path, 4);
  await vi.waitFor(() => expect(deliveries.length).toBeGreaterThan(100), { timeout: 30_000 });

  const before = load.recorded.size;
  await network.cut(10_000, fault);
  const missed = load.recorded.size - before;
  expect(missed).toBeGreaterThan(500);
  expect(network.refused).toBeGreaterThan(0);
  // The subscriber catches up while the writers continue.
  await vi.waitFor(() => expect(deliveries.length).toBeGreaterThan(before + missed), { timeout: 30_000 });
  await load.stop();
  await vi.waitFor(() => expect(deliveries.length).toBeGreaterThanOrEqual(load.recorded.size), { timeout: 30_000 });

  expect(checkChain(deliveries, after)).toEqual(load.recorded);
  expect(await stored(url, path)).toEqual(load.recorded);
  expect(following.connections).toBeGreaterThan(1);
  expect(failed).not.toHaveBeenCalled();

  // A subscriber that was never disconnected got the same events in the same order.
  const again = collect({ wsUrl, filter, after });
  await vi.waitFor(() => expect(again.deliveries.length).toBeGreaterThanOrEqual(deliveries.length), { timeout: 30_000 });
  expect(again.deliveries).toEqual(deliveries);
  await Promise.all([following.stop(), again.following.stop(), network.close()]);
});

test("a server killed again and again", async () => {
  const server = await startServer();
  try {
    await execute('mutation { registerResource(input: { path: "p", type: "playbook", payload: { json: {} } }) { status } }', {}, server.url);
    const after = await tail(server.url);
    const { deliveries, failed, following } = collect({ wsUrl: server.wsUrl, filter: { types: ["UPDATED"] }, after });
    const load = write(server.url, "p", 2);
    for (let kills = 0; kills < 3; kills++) {
      const seen = deliveries.length;
      await vi.waitFor(() => expect(deliveries.length).toBeGreaterThan(seen + 50), { timeout: 30_000 });
      await server.kill("SIGKILL");
      await server.restart();
    }
    await load.stop();
    // Some events were recorded, but the kill prevented their acknowledgement.
    const all = await stored(server.url, "p");
    await vi.waitFor(() => expect(deliveries.length).toBeGreaterThanOrEqual(all.size), { timeout: 30_000 });
    expect(checkChain(deliveries, after)).toEqual(all);
    expect([...load.recorded].filter((id) => !all.has(id))).toEqual([]);
    expect(following.connections).toBeGreaterThan(3);
    expect(failed).not.toHaveBeenCalled();
    await following.stop();
  } finally {
    await server.stop();
  }
});

test("a refused cursor ends the subscription with the reason", async () => {
  const { deliveries, failed, following } = collect({ wsUrl, filter: {}, after: "no cursor" });
  await vi.waitFor(() => expect(failed).toHaveBeenCalled(), { timeout: 20_000 });
  expect(failed.mock.calls).toMatchObject([[[{ extensions: { code: "BAD_USER_INPUT", argument: "after" } }]]]);
  expect(deliveries).toEqual([]);
  await following.stop();
});

test("a stream that the server ends temporarily is resumed after the last cursor", async () => {
  // The server does so to a slow reader; this test does so at once.
  const asked: unknown[] = [];
  const stub = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "graphql-transport-ws" });
  stub.on("connection", (socket) => {
    socket.on("message", (text) => {
      const { type, id, payload } = JSON.parse(String(text));
      const send = (message: object) => socket.send(JSON.stringify(message));
      if (type === "connection_init") send({ type: "connection_ack" });
      if (type !== "subscribe") return;
      asked.push(payload.variables.after);
      const n = asked.length;
      const eventRecorded = { cursor: `c${n}`, previousCursor: `c${n - 1}`, position: `${n}`, event: { eventId: `e${n}` } };
      send({ type: "next", id, payload: { data: { eventRecorded } } });
      if (n < 3) send({ type: "error", id, payload: [{ message: "too slow", extensions: { code: "SLOW_CONSUMER" } }] });
    });
  });
  await once(stub, "listening");
  const { port } = stub.address() as { port: number };
  const { deliveries, failed, following } = collect({ wsUrl: `ws://127.0.0.1:${port}`, filter: {}, after: "c0" });
  await vi.waitFor(() => expect(deliveries).toHaveLength(3), { timeout: 20_000 });
  expect(asked).toEqual(["c0", "c1", "c2"]);
  expect(failed).not.toHaveBeenCalled();
  await following.stop();
  stub.close();
});
