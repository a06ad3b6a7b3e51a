import { gql } from "@urql/core";
import { pipe, subscribe } from "wonka";
import { afterEach, expect, test, vi } from "vitest";
import { execute, register, url, wsUrl } from "../graphql.js";
import { type ClientOptions, createClient } from "./client.js";

let dispose: (() => Promise<void>)[] = [];
function connect(options: Partial<ClientOptions> = {}) {
  const made = createClient({ url, ...options });
  dispose.push(async () => void (await made.dispose()));
  return made.client;
}
afterEach(async () => {
  await Promise.all(dispose.map((end) => end()));
  dispose = [];
});

const Catalog = gql`
  query Catalog($after: String) {
    resources(first: 5, after: $after, filter: { pathPrefix: "examples/" }) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { id path latestVersion { version } }
    }
  }
`;

test("pages can be read to the end of the list", async () => {
  const client = connect();
  const paths: string[] = [];
  let after: string | null = null;
  let total = 0;
  do {
    const { data, error }: any = await client.query(Catalog, { after });
    expect(error).toBeUndefined();
    paths.push(...data.resources.nodes.map((node: any) => node.path));
    after = data.resources.pageInfo.hasNextPage ? data.resources.pageInfo.endCursor : null;
    total = data.resources.totalCount;
  } while (after);
  expect(paths).toHaveLength(total);
  expect(new Set(paths).size).toBe(total);
});

test("a query by GET, and an error with its code", async () => {
  const client = connect();
  const byGet = await client.query(gql`{ resourceTypes { name } }`, {}, { preferGetMethod: "force" });
  expect(byGet.data.resourceTypes.length).toBeGreaterThan(5);
  const { error } = await client.query(gql`{ resource(path: "") { id } ... { resources(last: 0) { totalCount } } }`, {});
  expect(error?.graphQLErrors.map((e) => e.extensions.code)).toContain("BAD_USER_INPUT");
});

test("a mutation registers", async () => {
  const { data, error } = await connect().mutation(
    gql`mutation ($input: RegisterResourceInput!) { registerResource(input: $input) { status version { version } } }`,
    { input: { path: `urql/${crypto.randomUUID()}`, type: "playbook", payload: { yaml: "a: 1 # one\n" } } },
  );
  expect(error).toBeUndefined();
  expect(data.registerResource).toMatchObject({ status: "REGISTERED", version: { version: "1.0.0" } });
});

test.each([
  ["a WebSocket", { wsUrl }],
  ["server-sent events", {}],
])("a subscription delivers each event over %s", async (_, options) => {
  const path = `urql/${crypto.randomUUID()}`;
  const { events } = await execute("{ events(first: 1) { tailCursor } }");
  const versions: string[] = [];
  const { unsubscribe } = pipe(
    connect(options).subscription(
      gql`
        subscription ($path: String!, $after: String) {
          eventRecorded(filter: { path: $path }, after: $after) { cursor event { message version { version } } }
        }
      `,
      { path, after: events.tailCursor },
    ),
    subscribe(({ data, error }) => versions.push(error ? error.message : data.eventRecorded.event.version.version)),
  );
  for (const n of [1, 2, 3]) {
    await register(path, { n });
    await vi.waitFor(() => expect(versions).toHaveLength(n), { timeout: 20_000 });
  }
  expect(versions).toEqual(["1.0.0", "1.0.1", "1.0.2"]);
  unsubscribe();
});

test.each([
  ["server-sent events, which the client prefers", undefined, "text/event-stream"],
  ["multipart", "multipart/mixed, application/graphql-response+json", "multipart/mixed"],
])("@defer delivers the rest of each item later over %s", async (_, accept, mediaType) => {
  const states: any[] = [];
  const done = vi.fn();
  const answered: (string | null)[] = [];
  const recordingFetch: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    answered.push(response.headers.get("content-type"));
    return response;
  };
  const { unsubscribe } = pipe(
    connect().query(
      gql`
        {
          resources(first: 5, filter: { pathPrefix: "examples/" }) {
            nodes { path ... @defer(label: "latest") { latestVersion { payload } } }
          }
        }
      `,
      {},
      { fetch: recordingFetch, fetchOptions: { headers: { ...(accept && { accept }) } } },
    ),
    subscribe((result) => {
      states.push(structuredClone(result.data));
      if (result.error || !result.hasNext) done(result.error);
    }),
  );
  await vi.waitFor(() => expect(done).toHaveBeenCalledWith(undefined), { timeout: 20_000 });
  expect(answered).toEqual([expect.stringContaining(mediaType)]);
  for (const node of states[0].resources.nodes) expect(node).not.toHaveProperty("latestVersion");
  for (const node of states.at(-1).resources.nodes) expect(node.latestVersion.payload).toHaveProperty("metadata");
  unsubscribe();
});
