// Checkpoints are keep-alives with a cursor. No client may treat one as an event or an error,
// and clients that are able to must remember the cursor.
import { createClient as createSSE } from "graphql-sse";
import { createClient as createSocket } from "graphql-ws";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { gql } from "@apollo/client";
import { createClient as createApollo } from "../apollo/client.js";
import { register } from "../graphql.js";
import { type Server, startServer } from "../server.js";

let server: Server;
beforeAll(async () => {
  server = await startServer({ flags: ["--keep-alive", "1s"] });
});
afterAll(() => server?.stop());

const query = (prefix: string) => `subscription { eventRecorded(filter: {pathPrefix: "${prefix}"}) { cursor event { path } } }`;

type Follow = (query: string, take: (path: string) => void, failed: (reason: unknown) => void) => () => void;

const clients: Record<string, Follow> = {
  "graphql-sse": (query, take, failed) => {
    const client = createSSE({ url: server.url, retryAttempts: 0 });
    client.subscribe<any>({ query }, { next: ({ data }) => take(data.eventRecorded.event.path), error: failed, complete: () => failed("complete") });
    return () => client.dispose();
  },
  "graphql-ws": (query, take, failed) => {
    const client = createSocket({ url: server.wsUrl, retryAttempts: 0 });
    client.subscribe<any>({ query }, { next: ({ data }) => take(data.eventRecorded.event.path), error: failed, complete: () => failed("complete") });
    return () => void client.dispose();
  },
  "Apollo Client over multipart": (query, take, failed) => {
    const { client, dispose } = createApollo({ url: server.url });
    client.subscribe<any>({ query: gql(query) }).subscribe({
      next: ({ data, error }) => (error ? failed(error) : take(data.eventRecorded.event.path)),
      error: failed,
      complete: () => failed("complete"),
    });
    return () => void dispose();
  },
};

test.each(Object.entries(clients))("%s ignores checkpoints", async (name, follow) => {
  const prefix = `${name.replaceAll(" ", "-")}/`;
  const taken: string[] = [];
  const failed = vi.fn();
  const stop = follow(query(prefix), (path) => taken.push(path), failed);
  onTestFinished(stop);
  const open = async () => /catalog_subscriptions\{.*\} [1-9]/.test(await (await fetch(`${server.origin}/metrics`)).text());
  await expect.poll(open, { timeout: 20_000 }).toBe(true);
  await register(`${prefix}first`, {}, server.url);
  await vi.waitFor(() => expect(taken).toEqual([`${prefix}first`]), { timeout: 20_000 });
  for (let other = 0; other < 5; other++) {
    await register(`other/${name}/${other}`, {}, server.url);
    await new Promise((over) => setTimeout(over, 500)); // for a keep-alive
  }
  await register(`${prefix}last`, {}, server.url);
  await vi.waitFor(() => expect(taken).toEqual([`${prefix}first`, `${prefix}last`]), { timeout: 20_000 });
  expect(failed).not.toHaveBeenCalled();
});

test("graphql-ws passes the checkpoint to its listeners, and the server resumes after it", async () => {
  let checkpoint: { id: string; cursor: string } | undefined;
  let number = 0;
  const client = createSocket({
    url: server.wsUrl,
    generateID: () => `mine-${++number}`,
    on: { ping: (received, payload) => received && (checkpoint = (payload?.checkpoint as typeof checkpoint) ?? checkpoint) },
  });
  onTestFinished(() => client.dispose());
  client.subscribe({ query: query("nothing/") }, { next() {}, error() {}, complete() {} });
  await expect
    .poll(async () => (await register(`noise/${Math.random()}`, {}, server.url), checkpoint?.id), { timeout: 20_000, interval: 200 })
    .toBe("mine-1");
  await register("nothing/after", {}, server.url);
  const resumed = client.iterate<any>({
    query: `subscription { eventRecorded(filter: {pathPrefix: "nothing/"}, after: "${checkpoint?.cursor}") { previousCursor event { path } } }`,
  });
  const { value } = await resumed.next();
  expect(value.data.eventRecorded.event.path).toBe("nothing/after");
  await resumed.return?.();
});

test("a browser's EventSource remembers the checkpoint and resumes after it", async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync", "--disable-component-update"],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${server.origin}/healthz`);
  const resumedAfter: (string | undefined)[] = [];
  page.on("request", async (request) => {
    if (request.url().includes("/graphql")) resumedAfter.push((await request.allHeaders())["last-event-id"]);
  });
  const errors: string[] = [];
  await page.exposeFunction("told", (line: string) => errors.push(line));
  await page.evaluate((address) => {
    const source = new EventSource(address);
    source.addEventListener("next", () => (window as any).told("an event"));
    source.onmessage = () => (window as any).told("a message");
  }, `/graphql?query=${encodeURIComponent(query("none/"))}`);
  await vi.waitFor(() => expect(resumedAfter).toHaveLength(1), { timeout: 20_000 });
  for (let other = 0; other < 5; other++) {
    await register(`browser/${other}`, {}, server.url);
    await new Promise((over) => setTimeout(over, 500));
  }
  await server.kill();
  await server.restart();
  await vi.waitFor(() => expect(resumedAfter.length).toBeGreaterThan(1), { timeout: 30_000 });
  await vi.waitFor(() => expect(resumedAfter.at(-1)).toBeTruthy(), { timeout: 30_000 });
  expect(errors).toEqual([]);
});
