// A frontend that loses its connection under load misses nothing.
import { expect, test, vi } from "vitest";
import { execute, origin, register, url } from "../graphql.js";
import { startServer } from "../server.js";
import { type Delivery, follow, followWithRetries } from "./frontend.js";
import { createProxy } from "./proxy.js";

/** Records events until stopped, and remembers those that were acknowledged. */
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
        // Not acknowledged; it may be there or not.
        await new Promise((again) => setTimeout(again, 50));
      }
    }
  });
  return { recorded, stop: async () => ((stopped = true), await Promise.all(running)) };
}

/** Fails unless each event came once, in the log's order, without a break in the chain. */
function checkChain(deliveries: Delivery[], after: string) {
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

const follows: [string, typeof follow][] = [
  ["that subscribes again", follow],
  ["with graphql-ws's retries", followWithRetries],
];

test.concurrent.each(follows)("ten seconds without a network, a frontend %s", async (_, following) => {
  const path = `resume/${crypto.randomUUID()}`;
  await register(path);
  const { events } = await execute("query ($path: String) { events(first: 1, filter: { path: $path }) { tailCursor } }", { path });
  const network = await createProxy(origin);
  const deliveries: Delivery[] = [];
  const frontend = following(`ws://${network.host}/graphql`, { path, types: ["UPDATED"] }, events.tailCursor, (delivery) => deliveries.push(delivery));
  const load = write(url, path, 4);
  await vi.waitFor(() => expect(deliveries.length).toBeGreaterThan(100), { timeout: 30_000 });
  const before = load.recorded.size;
  await network.cut(10_000);
  expect(load.recorded.size).toBeGreaterThan(before + 200);
  await vi.waitFor(() => expect(deliveries.length).toBeGreaterThan(before + 200), { timeout: 30_000 });
  await load.stop();
  await vi.waitFor(() => expect(deliveries.length).toBeGreaterThanOrEqual(load.recorded.size), { timeout: 30_000 });
  expect(checkChain(deliveries, events.tailCursor)).toEqual(load.recorded);
  expect(frontend.connections).toBeGreaterThan(1);
  await frontend.stop();
  await network.close();
});

test("a server killed again and again", async () => {
  const server = await startServer();
  try {
    await execute('mutation { registerResource(input: { path: "p", type: "playbook", payload: { json: {} } }) { status } }', {}, server.url);
    const { events } = await execute("{ events(first: 1) { tailCursor } }", {}, server.url);
    const deliveries: Delivery[] = [];
    const frontend = follow(server.wsUrl, { types: ["UPDATED"] }, events.tailCursor, (delivery) => deliveries.push(delivery));
    const load = write(server.url, "p", 2);
    for (let kills = 0; kills < 3; kills++) {
      const seen = deliveries.length;
      await vi.waitFor(() => expect(deliveries.length).toBeGreaterThan(seen + 50), { timeout: 30_000 });
      await server.kill("SIGKILL");
      await server.restart();
    }
    await load.stop();
    const received = () => new Set(deliveries.map(({ event }) => event.eventId));
    await vi.waitFor(() => expect([...load.recorded].filter((id) => !received().has(id))).toEqual([]), { timeout: 30_000 });
    checkChain(deliveries, events.tailCursor);
    await frontend.stop();
  } finally {
    await server.stop();
  }
});
