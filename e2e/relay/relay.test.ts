import { execFile } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ConnectionHandler, createOperationDescriptor, fetchQuery, getRequest, requestSubscription } from "relay-runtime";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { register, url, wsUrl } from "../graphql.js";
import { createEnvironment } from "./environment.js";

const generated = join(import.meta.dirname, "__generated__");

// The compiler must accept the schema and the documents before anything runs.
beforeAll(async () => {
  await rm(generated, { recursive: true, force: true });
  await mkdir(generated);
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, "../node_modules/relay-compiler/cli.js"), "relay.config.json"], {
    cwd: import.meta.dirname,
  });
});

/** What the compiler has made of a document. */
const compiled = async (name: string) => (await import(join(generated, `${name}.graphql.ts`))).default;

const { environment, dispose } = createEnvironment({ url, wsUrl });
afterAll(dispose);

test("pages are appended to one connection", async () => {
  const query = await compiled("queriesCatalogQuery");
  const page = await compiled("queriesCatalogPageQuery");
  const connection = () => {
    const root = environment.getStore().getSource().get("client:root") as any;
    const key = Object.keys(root).find((name) => name.startsWith("__Catalog_resources_connection"));
    const record = environment.getStore().getSource().get(root[key!].__ref) as any;
    const read = (ref: string) => environment.getStore().getSource().get(ref) as any;
    return {
      paths: record.edges.__refs.map((ref: string) => read(read(ref).node.__ref).path),
      pageInfo: read(record.pageInfo.__ref),
    };
  };
  const variables = { count: 5, pathPrefix: "examples/", cursor: null as string | null };
  const retained = environment.retain(createOperationDescriptor(getRequest(query), variables));
  await fetchQuery(environment, query, variables).toPromise();
  expect(connection().paths).toHaveLength(5);
  for (let pages = 0; connection().pageInfo.hasNextPage; pages++) {
    expect(pages).toBeLessThan(10);
    await fetchQuery(environment, page, { ...variables, cursor: connection().pageInfo.endCursor }).toPromise();
  }
  const { paths } = connection();
  expect(paths.length).toBeGreaterThan(10);
  expect(paths).toEqual([...new Set(paths)].sort());
  retained.dispose();
});

test("a fragment is read again by its object's id", async () => {
  const page = await compiled("queriesVersionsPageQuery");
  const all = await compiled("queriesCatalogQuery");
  const data: any = await fetchQuery(environment, all, { count: 20, pathPrefix: "examples/http/weather_fetch" }).toPromise();
  expect(data).toBeDefined();
  const resource = (environment.getStore().getSource().getRecordIDs() as string[])
    .map((id) => environment.getStore().getSource().get(id) as any)
    .find((record) => record?.__typename === "Resource" && record.path === "examples/http/weather_fetch");
  const answer: any = await fetchQuery(environment, page, { id: resource.id, count: 3, cursor: null }, { networkCacheConfig: { force: true } }).toPromise();
  expect(answer.node).toBeDefined();
  const versions = (environment.getStore().getSource().getRecordIDs() as string[])
    .map((id) => environment.getStore().getSource().get(id) as any)
    .filter((record) => record?.__typename === "Version" && record.payload?.metadata?.path === "examples/http/weather_fetch");
  expect(versions.length).toBeGreaterThan(1);
});

test("a subscription prepends what happens to the list on the screen", async () => {
  const path = `relay/${crypto.randomUUID()}`;
  await register(path, { n: 0 });
  const query = await compiled("queriesTimelineQuery");
  const operation = createOperationDescriptor(getRequest(query), { path });
  const retained = environment.retain(operation);
  const first: any = await fetchQuery(environment, query, { path }).toPromise();
  const subscription = requestSubscription(environment, {
    subscription: await compiled("queriesTimelineSubscription"),
    variables: { path, after: first.events.tailCursor },
    updater: (store) => {
      const event = store.getRootField("eventRecorded")?.getLinkedRecord("event");
      const timeline = ConnectionHandler.getConnection(store.getRoot(), "Timeline_events");
      if (event && timeline) {
        ConnectionHandler.insertEdgeBefore(timeline, ConnectionHandler.createEdge(store, timeline, event, "EventEdge"));
      }
    },
    onError: (error) => {
      throw error;
    },
  });
  const messages = () => (environment.lookup(operation.fragment).data as any).events.edges.map((edge: any) => edge.node.message);
  expect(messages()).toHaveLength(1);
  await register(path, { n: 1 });
  await register(path, { n: 2 });
  await vi.waitFor(() => expect(messages()).toHaveLength(3), { timeout: 20_000 });
  expect(messages()[0]).toContain("1.0.2");
  expect(messages()[2]).toContain("1.0.0");
  subscription.dispose();
  retained.dispose();
});
