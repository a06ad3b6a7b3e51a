// Each tab of a first visit works on the example playbooks.
import { expect, test } from "vitest";
import { register } from "../graphql.js";
import { addressOf, GraphiQLPage } from "./browser.js";

test.for([
  ["CatalogPage", ['"hasNextPage": true', '"path": "examples/', '"latestVersion": {', '"latestEvent": {']],
  ["OneResource", ['"name": "weather_fetch"', '"totalCount": 3', '"isLatest": true', '"changes": [', '"pointer": "/']],
  ["EventTimeline", ['"tailCursor": "', '"message": "Resource examples/']],
  ["RegisterPlaybook", ['"path": "graphiql/greeting"', '"revision": 1']],
] as const)("%s answers", async ([tab, expected]) => {
  const graphiql = await GraphiQLPage.open({ viewport: { width: 1440, height: 2000 } });
  if (tab !== "CatalogPage") await graphiql.select(tab);
  await graphiql.run();
  for (const text of expected) await graphiql.shows(text);
  expect(await graphiql.text("response")).not.toContain('"errors"');
});

test("RegisterPlaybook registers a playbook, and then reports it unchanged", async () => {
  const graphiql = await GraphiQLPage.open();
  await graphiql.select("RegisterPlaybook");
  await graphiql.type("variables", JSON.stringify({ yaml: "kind: Playbook\nmetadata:\n  path: e2e/graphiql/registered\n" }));
  await graphiql.run();
  await graphiql.shows('"status": "REGISTERED"');
  await graphiql.run();
  await graphiql.shows('"status": "UNCHANGED"');
});

test("LiveEvents shows registrations while it runs", async () => {
  const graphiql = await GraphiQLPage.open();
  await graphiql.select("LiveEvents");
  await graphiql.run();
  await graphiql.shows("Connected. Events will appear here as they happen.");
  await register("e2e/graphiql/live");
  await graphiql.shows("Resource e2e/graphiql/live version 1.0.0 was registered.");
  await graphiql.screenshot("graphiql-live");
});

test("an answer in parts is merged", async () => {
  const query = 'query Parts { resource(path: "examples/http/weather_fetch") { path ... @defer { versionCount } } }';
  const graphiql = await GraphiQLPage.open({ address: addressOf({ query }) });
  await graphiql.run();
  await graphiql.shows('{ "data": { "resource": { "path": "examples/http/weather_fetch", "versionCount": 3 } } }');
});
