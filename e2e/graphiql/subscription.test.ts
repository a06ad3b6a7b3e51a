// A subscription shows events as they arrive.
import { expect, test } from "vitest";
import { execute, register } from "../graphql.js";
import { startServer } from "../server.js";
import { addressOf, GraphiQLPage } from "./browser.js";

const query = `subscription Watch($filter: EventFilter, $after: String) {
  eventRecorded(filter: $filter, after: $after) { cursor event { path message } }
}`;

function watch(pathPrefix: string): string {
  return addressOf({ query, variables: JSON.stringify({ filter: { pathPrefix } }) });
}

test("events are counted and listed, newest first, until it is stopped", async () => {
  const graphiql = await GraphiQLPage.open({ address: watch("e2e/watched/") });
  await graphiql.run();
  await graphiql.shows('"events": 0, "note": "Connected.');
  await register("e2e/watched/first");
  await graphiql.shows('"events": 1, "newestFirst": [');
  await register("e2e/watched/second");
  await graphiql.shows('"events": 2');
  const shown = await graphiql.text("response");
  expect(shown.indexOf("e2e/watched/second")).toBeGreaterThan(0);
  expect(shown.indexOf("e2e/watched/second")).toBeLessThan(shown.indexOf("e2e/watched/first"));

  await graphiql.page.getByRole("button", { name: /^Stop/ }).click();
  await graphiql.page.getByRole("button", { name: /^Execute/ }).waitFor();
  await register("e2e/watched/third");
  expect(await graphiql.text("response")).not.toContain("third");
});

test("each of many simultaneous events is counted", async () => {
  await register("e2e/flood/resource");
  const graphiql = await GraphiQLPage.open({ address: watch("e2e/flood/") });
  await graphiql.run();
  await graphiql.shows("Connected.");
  const inputs = Array.from({ length: 500 }, (_, i) => ({ eventId: `flood-${i}`, type: "EXECUTION_STARTED", path: "e2e/flood/resource" }));
  await execute("mutation ($inputs: [RecordEventInput!]!) { recordEvents(inputs: $inputs) { results { duplicate } } }", { inputs });
  await graphiql.shows('"events": 500');
});

test("a refused operation shows the reason", async () => {
  const refused = 'subscription Refused { eventRecorded(after: "no cursor") { cursor } }';
  const graphiql = await GraphiQLPage.open({ address: addressOf({ query: refused }) });
  await graphiql.run();
  await graphiql.shows('"code": "BAD_USER_INPUT"');
});

test("after a restart of the server it resumes after the last event", async () => {
  const server = await startServer();
  try {
    const graphiql = await GraphiQLPage.open({
      at: server.origin,
      address: watch("e2e/restarted/"),
      // The browser of the tests has no cache, so it may fetch a worker while the server is down.
      provoked: /WebSocket connection to|ERR_CONNECTION_REFUSED|web worker|^undefined$|^Event$/,
    });
    const registerThere = (path: string) =>
      execute(
        'mutation ($path: String!) { registerResource(input: {path: $path, type: "playbook", payload: {json: {}}}) { status } }',
        { path },
        server.url,
      );
    await graphiql.run();
    await graphiql.shows("Connected.");
    await registerThere("e2e/restarted/before");
    await graphiql.shows('"events": 1');
    await server.kill();
    await graphiql.shows("Connecting again: the connection is lost.");
    await server.restart();
    await registerThere("e2e/restarted/after");
    await graphiql.shows('"events": 2');
    await graphiql.shows("e2e/restarted/after");
  } finally {
    await server.stop();
  }
});
