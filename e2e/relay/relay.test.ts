import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ConnectionHandler, createOperationDescriptor, fetchQuery, getRequest, getSingularSelector, requestSubscription } from "relay-runtime";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { execute, origin, register, url, wsUrl } from "../graphql.js";
import { createEnvironment } from "./environment.js";

const generated = join(import.meta.dirname, "__generated__");

// The tests need the output of the compiler, which must accept the schema and the documents.
beforeAll(async () => {
  await rm(generated, { recursive: true, force: true });
  await mkdir(generated);
  const schema = await fetch(`${origin}/schema.graphql`);
  expect(schema.status).toBe(200);
  await writeFile(join(import.meta.dirname, "schema.graphql"), await schema.text());
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, "../node_modules/relay-compiler/cli.js"), "relay.config.json"], {
    cwd: import.meta.dirname,
  }).catch((failure) => {
    throw new Error(failure.stdout + failure.stderr);
  });
});

/** Returns the compiled form of a document. */
const compiled = async (name: string) => (await import(join(generated, `${name}.graphql.ts`))).default;

/** Returns the data of a fragment in the store, as useFragment does in a component. */
async function read(name: string, parent: unknown): Promise<any> {
  const selector = getSingularSelector(await compiled(name), parent);
  return environment.lookup(selector!).data;
}

const { environment, dispose } = createEnvironment({ url, wsUrl });
afterAll(dispose);

test("pages are appended to one connection", async () => {
  const query = await compiled("queriesCatalogQuery");
  const page = await compiled("queriesCatalogPageQuery");
  const variables = { count: 5, pathPrefix: "examples/", cursor: null as string | null };
  const operation = createOperationDescriptor(getRequest(query), variables);
  const retained = environment.retain(operation);
  await fetchQuery(environment, query, variables).toPromise();
  const resources = () => read("queriesCatalog_query", environment.lookup(operation.fragment).data).then((data) => data.resources);

  let connection = await resources();
  expect(connection.edges).toHaveLength(5);
  for (let pages = 1; connection.pageInfo.hasNextPage; pages++) {
    const before = connection.edges.length;
    await fetchQuery(environment, page, { ...variables, cursor: connection.pageInfo.endCursor }).toPromise();
    connection = await resources();
    expect(connection.edges.length).toBeGreaterThan(before);
    expect(pages).toBeLessThan(10);
  }
  const paths: string[] = connection.edges.map((edge: any) => edge.node.path);
  const { resources: all } = await execute('{ resources(first: 200, filter: { pathPrefix: "examples/" }) { nodes { path } } }');
  expect(paths).toEqual(all.nodes.map((node: any) => node.path));
  expect(paths.length).toBeGreaterThan(10);
  retained.dispose();
});

test("a fragment is refetched by the id of its object", async () => {
  const query = await compiled("queriesCatalogQuery");
  const page = await compiled("queriesVersionsPageQuery");
  const variables = { count: 1, pathPrefix: "examples/http/weather_fetch", cursor: null };
  const operation = createOperationDescriptor(getRequest(query), variables);
  const retained = environment.retain(operation);
  await fetchQuery(environment, query, variables).toPromise();
  const { resources } = await read("queriesCatalog_query", environment.lookup(operation.fragment).data);
  const { node } = resources.edges[0];
  const versions = () => read("queriesVersions_resource", node).then((data) => data.versions);

  const first = await versions();
  expect(first.edges).toHaveLength(1);
  expect(first.pageInfo.hasNextPage).toBe(true);
  await fetchQuery(environment, page, { id: node.id, count: 3, cursor: first.pageInfo.endCursor }).toPromise();
  const all = await versions();
  expect(all.edges.map((edge: any) => edge.node.version)).toEqual(["1.0.2", "1.0.1", "1.0.0"]);
  expect(all.edges[2].node.payload).toHaveProperty("metadata");
  expect(all.pageInfo.hasNextPage).toBe(false);
  retained.dispose();
});

test("a subscription prepends events to the connection", async () => {
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
