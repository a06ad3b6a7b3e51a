// npm's graphql-sse in distinct connections mode, and the behaviour that EventSource requires.
import { type Client, type ClientOptions, createClient } from "graphql-sse";
import { afterEach, expect, test, vi } from "vitest";
import { execute, register, url } from "../graphql.js";

let clients: Client[] = [];
function connect(options: Partial<ClientOptions<false>> = {}) {
  const client = createClient({ url, retryAttempts: 0, ...options });
  clients.push(client);
  return client;
}
afterEach(() => {
  clients.forEach((client) => client.dispose());
  clients = [];
});

test("queries, mutations and refusals", async () => {
  const client = connect();
  const answers: any[] = [];
  for await (const answer of client.iterate({ query: "{ resourceTypes { name } }" })) answers.push(answer);
  for await (const answer of client.iterate({
    query: `mutation ($path: String!) { registerResource(input: { path: $path, type: "playbook", payload: { json: {} } }) { status } }`,
    variables: { path: `sse/${crypto.randomUUID()}` },
  })) {
    answers.push(answer);
  }
  for await (const answer of client.iterate({ query: 'subscription { eventRecorded(after: "x") { cursor } }' })) answers.push(answer);
  expect(answers).toHaveLength(3);
  expect(answers[0].data.resourceTypes.length).toBeGreaterThan(5);
  expect(answers[1].data.registerResource.status).toBe("REGISTERED");
  expect(answers[2].errors[0].extensions).toMatchObject({ code: "BAD_USER_INPUT", argument: "after" });
});

test("the stream of an execution completes after its last event", async () => {
  const path = `sse/${crypto.randomUUID()}`;
  const executionId = crypto.randomUUID();
  await register(path);
  const record = (type: string) =>
    execute(
      `mutation ($input: RecordEventInput!) { recordEvent(input: $input) { event { eventId } } }`,
      { input: { type, path, meta: { execution_id: executionId } } },
    );
  await record("EXECUTION_STARTED");
  const types: string[] = [];
  const ended = (async () => {
    for await (const { data } of connect().iterate<any>({
      query: `subscription ($id: String!) { executionProgressed(executionId: $id) { event { type { name } } } }`,
      variables: { id: executionId },
    })) {
      types.push(data?.executionProgressed.event.type.name);
    }
  })();
  await vi.waitFor(() => expect(types).toEqual(["EXECUTION_STARTED"]));
  await record("EXECUTION_COMPLETED");
  await ended;
  expect(types).toEqual(["EXECUTION_STARTED", "EXECUTION_COMPLETED"]);
});

/** Reads a number of events, as an EventSource does. */
async function readEvents(address: string, count: number, lastEventId?: string) {
  const stop = new AbortController();
  const response = await fetch(address, {
    headers: { Accept: "text/event-stream", ...(lastEventId && { "Last-Event-ID": lastEventId }) },
    signal: stop.signal,
  });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const events: { id?: string; event?: string; data?: string }[] = [];
  let rest = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    const blocks = rest.split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const fields = block.split("\n").filter((line) => !line.startsWith(":"));
      if (fields.length) events.push(Object.fromEntries(fields.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()])));
    }
    if (events.length >= count) break;
  }
  stop.abort();
  return events.slice(0, count);
}

test("an EventSource resumes after the last id that it received", async () => {
  const path = `sse/${crypto.randomUUID()}`;
  const { events } = await execute("{ events(first: 1) { tailCursor } }");
  for (let n = 0; n < 6; n++) await register(path, { n });
  const query = `subscription { eventRecorded(filter: {path: "${path}"}, after: "${events.tailCursor}") { cursor event { version { version } } } }`;
  const address = `${url}?query=${encodeURIComponent(query)}`;
  const first = await readEvents(address, 2);
  const rest = await readEvents(address, 4, first[1]!.id);
  const all = [...first, ...rest];
  expect(all.map(({ data }) => JSON.parse(data!).data.eventRecorded.event.version.version)).toEqual(["1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5"]);
  for (const { id, event, data } of all) {
    expect(event).toBe("next");
    expect(id).toBe(JSON.parse(data!).data.eventRecorded.cursor);
  }
});
