import { CombinedGraphQLErrors, gql } from "@apollo/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { execute, register, url, wsUrl } from "../graphql.js";
import { type ClientOptions, createClient } from "./client.js";

/** The requests that a client has sent. */
const requests: { method: string; url: string; body: string; accept: string }[] = [];
const recordingFetch: typeof fetch = (input, init) => {
  const headers = new Headers(init?.headers);
  requests.push({ method: init?.method ?? "GET", url: String(input), body: String(init?.body ?? ""), accept: headers.get("accept") ?? "" });
  return fetch(input, init);
};

let dispose: (() => Promise<void>)[] = [];
function connect(options: Partial<ClientOptions> = {}) {
  const made = createClient({ url, fetch: recordingFetch, ...options });
  dispose.push(made.dispose);
  return made.client;
}
beforeEach(() => {
  requests.length = 0;
});
afterEach(async () => {
  await Promise.all(dispose.map((end) => end()));
  dispose = [];
});

const Catalog = gql`
  query Catalog($after: String) {
    resources(first: 5, after: $after, filter: { pathPrefix: "examples/" }) {
      totalCount
      pageInfo { hasNextPage endCursor }
      edges { cursor node { id path latestVersion { id version payload } } }
    }
  }
`;

test("the cache merges pages into one list, and cached pages need no request", async () => {
  const client = connect();
  const list = client.watchQuery<any>({ query: Catalog });
  const subscription = list.subscribe(() => {});
  await vi.waitFor(() => expect(list.getCurrentResult().data?.resources.edges).toHaveLength(5), { timeout: 20_000 });
  let { pageInfo, totalCount } = list.getCurrentResult().data.resources;
  while (pageInfo.hasNextPage) {
    const more = await list.fetchMore({ variables: { after: pageInfo.endCursor } });
    ({ pageInfo } = more.data.resources);
  }
  await vi.waitFor(() => expect(list.getCurrentResult().data.resources.edges).toHaveLength(totalCount), { timeout: 20_000 });
  const { edges } = list.getCurrentResult().data.resources;
  const paths = edges.map((edge: any) => edge.node.path);
  expect(paths).toHaveLength(totalCount);
  expect(totalCount).toBeGreaterThan(10);
  expect(paths).toEqual([...new Set(paths)].sort());

  const before = requests.length;
  const again = await client.query<any>({ query: Catalog });
  expect(again.data?.resources.edges).toHaveLength(totalCount);
  const one = client.readFragment<any>({
    id: client.cache.identify({ __typename: "Resource", id: edges[0].node.id })!,
    fragment: gql`fragment Path on Resource { path }`,
  });
  expect(one?.path).toBe(paths[0]);
  expect(requests).toHaveLength(before);
  subscription.unsubscribe();
});

test("the answer of a mutation updates the watched query", async () => {
  const path = `apollo/${crypto.randomUUID()}`;
  await register(path, { greeting: "hi" });
  const client = connect();
  const screen = client.watchQuery<any>({
    query: gql`query One($path: String!) { resource(path: $path) { id versionCount latestVersion { id version } } }`,
    variables: { path },
  });
  const subscription = screen.subscribe(() => {});
  await vi.waitFor(() => expect(screen.getCurrentResult().data?.resource.versionCount).toBe(1), { timeout: 20_000 });
  await client.mutate({
    mutation: gql`
      mutation Register($input: RegisterResourceInput!) {
        registerResource(input: $input) { status version { id version resource { id versionCount latestVersion { id version } } } }
      }
    `,
    variables: { input: { path, type: "playbook", payload: { json: { greeting: "hello" } } } },
  });
  await vi.waitFor(
    () => expect(screen.getCurrentResult().data?.resource).toMatchObject({ versionCount: 2, latestVersion: { version: "1.0.1" } }),
    { timeout: 20_000 },
  );
  subscription.unsubscribe();
});

test("an error has its code and its argument", async () => {
  const client = connect();
  const error = await client.query({ query: gql`{ resources(first: 1000) { totalCount } }` }).catch((e) => e);
  expect(CombinedGraphQLErrors.is(error)).toBe(true);
  expect(error.errors[0].extensions).toMatchObject({ code: "BAD_USER_INPUT", argument: "first" });
  const invalid = await client.query({ query: gql`{ nothing }` }).catch((e) => e);
  expect(CombinedGraphQLErrors.is(invalid)).toBe(true);
  expect(invalid.errors[0].extensions.code).toBe("GRAPHQL_VALIDATION_FAILED");
});

test.each([
  ["a WebSocket", { wsUrl }],
  ["multipart, which the HTTP link chooses by itself", {}],
])("a subscription delivers each event over %s", async (_, options) => {
  const path = `apollo/${crypto.randomUUID()}`;
  // The subscription starts at this cursor, so it misses no later event.
  const { events } = await execute("{ events(first: 1) { tailCursor } }");
  const client = connect(options);
  const versions: string[] = [];
  const failed = vi.fn();
  const subscription = client
    .subscribe<any>({
      query: gql`
        subscription Live($path: String!, $after: String) {
          eventRecorded(filter: { path: $path }, after: $after) { cursor event { id message version { id version } } }
        }
      `,
      variables: { path, after: events.tailCursor },
    })
    .subscribe({ next: ({ data, error }) => (error ? failed(error) : versions.push(data?.eventRecorded.event.version.version)), error: failed });
  for (const n of [1, 2, 3]) {
    await register(path, { n });
    await vi.waitFor(() => expect(versions).toHaveLength(n), { timeout: 20_000 });
  }
  expect(versions).toEqual(["1.0.0", "1.0.1", "1.0.2"]);
  expect(failed).not.toHaveBeenCalled();
  if (!("wsUrl" in options)) expect(requests[0]?.accept).toContain("subscriptionSpec");
  subscription.unsubscribe();
});

test("a refused subscription reports the reason", async () => {
  const refused = gql`subscription { eventRecorded(after: "no cursor") { cursor } }`;
  for (const options of [{ wsUrl }, {}]) {
    const error = await new Promise<any>((settle) => {
      connect(options).subscribe({ query: refused }).subscribe({ next: (result) => settle(result.error), error: settle });
    });
    expect(CombinedGraphQLErrors.is(error)).toBe(true);
    expect(error.errors[0].extensions).toMatchObject({ code: "BAD_USER_INPUT", argument: "after" });
  }
});

test("@defer delivers the list first and the rest of each item later", async () => {
  const client = connect();
  const states: any[] = [];
  const list = client.watchQuery<any>({
    query: gql`
      query Deferred {
        resources(first: 5, filter: { pathPrefix: "examples/" }) {
          nodes { id path ... @defer(label: "latest") { latestVersion { id payload } latestEvent { id message } } }
        }
      }
    `,
  });
  const subscription = list.subscribe((result) => states.push(structuredClone({ data: result.data, state: result.dataState })));
  await vi.waitFor(() => expect(list.getCurrentResult().dataState).toBe("complete"), { timeout: 20_000 });
  const { nodes } = list.getCurrentResult().data.resources;
  expect(nodes).toHaveLength(5);
  for (const node of nodes) {
    expect(node.latestVersion.payload).toHaveProperty("metadata");
    expect(node.latestEvent.message).toContain(node.path);
  }
  const streaming = states.find(({ state }) => state === "streaming");
  expect(streaming?.data.resources.nodes[0]).toHaveProperty("path");
  // A missing part is absent, not null, which would mean that there is no event.
  for (const { data } of states.filter(({ state }) => state === "streaming")) {
    for (const node of data.resources.nodes) expect(Object.values(node)).not.toContain(null);
  }
  subscription.unsubscribe();
});

test("a persisted query is sent once, and afterwards its hash only", async () => {
  const exchanges: { method: string; document: boolean; hash: boolean; codes: string[] }[] = [];
  const client = connect({
    persisted: true,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      const sent = decodeURIComponent(String(input)) + String(init?.body ?? "");
      const { errors = [] } = await response.clone().json();
      exchanges.push({
        method: init?.method ?? "GET",
        document: sent.includes("resourceTypes"),
        hash: /"sha256Hash":"[0-9a-f]{64}"/.test(sent),
        codes: errors.map((error: any) => error.extensions.code),
      });
      return response;
    },
  });
  const name = `Persisted${Math.random().toString(36).slice(2)}`;
  const query = gql(`query ${name} { resourceTypes { name } }`);
  const first = await client.query<any>({ query, fetchPolicy: "no-cache" });
  expect(first.data?.resourceTypes.length).toBeGreaterThan(5);
  const second = await client.query<any>({ query, fetchPolicy: "no-cache" });
  expect(second.data).toEqual(first.data);
  expect(exchanges).toEqual([
    { method: "GET", document: false, hash: true, codes: ["PERSISTED_QUERY_NOT_FOUND"] },
    { method: "POST", document: true, hash: true, codes: [] },
    { method: "GET", document: false, hash: true, codes: [] },
  ]);
});

test("a persisted query can have an incremental answer", async () => {
  const client = connect({ persisted: true });
  const query = gql(`query Deferred${Math.random().toString(36).slice(2)} {
    resources(first: 2) { nodes { id ... @defer { latestVersion { id version } } } }
  }`);
  for (const methods of [["GET", "POST"], ["GET"]]) {
    requests.length = 0;
    const states = new Set<string>();
    const list = client.watchQuery<any>({ query, fetchPolicy: "no-cache" });
    const subscription = list.subscribe(({ dataState }) => states.add(dataState));
    await vi.waitFor(() => expect(list.getCurrentResult().dataState).toBe("complete"), { timeout: 20_000 });
    expect(list.getCurrentResult().data.resources.nodes[1].latestVersion.version).toMatch(/^\d/);
    expect(states).toContain("streaming");
    expect(requests.map(({ method }) => method)).toEqual(methods);
    subscription.unsubscribe();
  }
});
