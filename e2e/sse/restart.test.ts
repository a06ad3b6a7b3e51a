// Event streams when the server or the client disconnects, with npm's graphql-sse and the
// EventSource of a real browser.
import { createClient } from "graphql-sse";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { execute, register } from "../graphql.js";
import { type Server, startServer } from "../server.js";

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

const watch = "subscription { eventRecorded { cursor event { path } } }";

/** Returns the number of the server's subscriptions in any state. */
async function subscriptions(): Promise<number> {
  const metrics = await (await fetch(`${server.origin}/metrics`)).text();
  const counts = [...metrics.matchAll(/^catalog_subscriptions\{.*\} (\d+)$/gm)];
  expect(counts.length).toBeGreaterThan(0);
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

test("the subscriptions of a disconnected client end", async () => {
  const client = createClient({ url: server.url, retryAttempts: 0 });
  const stops = Array.from({ length: 20 }, () => client.subscribe({ query: watch }, { next() {}, error() {}, complete() {} }));
  await expect.poll(subscriptions, { timeout: 20_000 }).toBe(20);
  for (const stop of stops.slice(5)) stop();
  await expect.poll(subscriptions, { timeout: 20_000 }).toBe(5);
  client.dispose();
  await expect.poll(subscriptions, { timeout: 20_000 }).toBe(0);
});

test.each(["SIGTERM", "SIGKILL"] as const)("graphql-sse resumes after the last event when the server is back from %s", async (signal) => {
  const received: string[] = [];
  const ended = vi.fn();
  const connected = vi.fn();
  const waiting: (() => void)[] = [];
  // graphql-sse repeats the request, and calls the function headers for each attempt.
  let cursor: string | undefined;
  const client = createClient({
    url: server.url,
    headers: () => (cursor ? { "Last-Event-ID": cursor } : undefined) as any,
    retryAttempts: 1,
    retry: () => new Promise((again) => waiting.push(again)),
    on: { connected },
  });
  onTestFinished(() => client.dispose());
  client.subscribe<any>(
    { query: watch },
    {
      next: ({ data }) => {
        cursor = data.eventRecorded.cursor;
        received.push(data.eventRecorded.event.path);
      },
      error: ended,
      complete: ended,
    },
  );
  await vi.waitFor(() => expect(connected).toHaveBeenCalledOnce()); // no event is missed from here on
  const [before, during, after] = ["before", "during", "after"].map((name) => `${signal}/${name}`) as [string, string, string];
  await register(before, {}, server.url);
  await vi.waitFor(() => expect(received).toEqual([before]));
  await server.kill(signal);
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  await server.restart();
  await register(during, {}, server.url); // while the client is disconnected
  waiting[0]?.();
  await vi.waitFor(() => expect(received).toEqual([before, during]), { timeout: 20_000 });
  await register(after, {}, server.url);
  await vi.waitFor(() => expect(received).toEqual([before, during, after]));
  expect(ended).not.toHaveBeenCalled();
});

test("a browser's EventSource resumes by itself and receives the event complete", async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync", "--disable-component-update"],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${server.origin}/healthz`);
  const lines: string[] = [];
  await page.exposeFunction("told", (line: string) => lines.push(line));
  const follow = (query: string) =>
    page.evaluate((address) => {
      const told = (window as any).told as (line: string) => void;
      const source = new EventSource(address);
      source.onopen = () => told("open");
      source.onerror = () => told(source.readyState === EventSource.CONNECTING ? "comes again" : "gives up");
      source.addEventListener("next", ({ data, lastEventId }) => {
        const [delivery] = Object.values<any>(JSON.parse(data).data);
        told(delivery.cursor === lastEventId ? delivery.event.path : `cursor ${delivery.cursor}, id ${lastEventId}`);
      });
      source.addEventListener("complete", () => {
        source.close();
        told("complete");
      });
    }, `/graphql?query=${encodeURIComponent(query)}`);

  await follow(watch);
  await vi.waitFor(() => expect(lines).toEqual(["open"]));
  await register("browser/before", {}, server.url);
  await vi.waitFor(() => expect(lines).toEqual(["open", "browser/before"]));
  await server.kill();
  await vi.waitFor(() => expect(lines).toContain("comes again"), { timeout: 20_000 });
  await server.restart();
  await register("browser/during", {}, server.url);
  await vi.waitFor(() => expect(lines).toContain("browser/during"), { timeout: 30_000 });
  await register("browser/after", {}, server.url);
  await vi.waitFor(() => expect(lines).toContain("browser/after"));
  expect(lines.filter((line) => line !== "comes again")).toEqual(["open", "browser/before", "open", "browser/during", "browser/after"]);

  lines.length = 0;
  const record = (type: string) =>
    execute(
      "mutation ($input: RecordEventInput!) { recordEvent(input: $input) { duplicate } }",
      { input: { type, path: "browser/before", meta: { execution_id: "browser" } } },
      server.url,
    );
  await record("EXECUTION_STARTED");
  await follow(`subscription { executionProgressed(executionId: "browser") { cursor event { path } } }`);
  await record("EXECUTION_COMPLETED");
  // The first stream is still open, and receives both events, too.
  await vi.waitFor(() => expect([...lines].sort()).toEqual([...Array(4).fill("browser/before"), "complete", "open"]), { timeout: 20_000 });
});
