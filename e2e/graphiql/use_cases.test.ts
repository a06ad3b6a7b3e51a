// The menu of use cases, and the links in an answer to the next use case.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { execute, register } from "../graphql.js";
import { addressOf, GraphiQLPage } from "./browser.js";

const folder = join(import.meta.dirname, "../../examples/queries");
const queries = readdirSync(folder)
  .filter((name) => name.endsWith(".graphql"))
  .map((name) => readFileSync(join(folder, name), "utf8"))
  .map((text) => ({ title: /^# (.*)/.exec(text)![1]!, name: /^(?:query|mutation|subscription) (\w+)/m.exec(text)![1]!, live: /^subscription/m.test(text) }));

test("each query of examples/queries is in the menu and runs without errors", { timeout: 180_000 }, async () => {
  const graphiql = await GraphiQLPage.open({ viewport: { width: 1440, height: 1000 } });
  const entries = graphiql.page.getByRole("navigation", { name: "Use cases" }).getByRole("button");
  expect((await entries.allTextContents()).sort()).toEqual(queries.map(({ title }) => title).sort());
  for (const { title, name, live } of queries) {
    await graphiql.openUseCase(title);
    await expect.poll(() => graphiql.title()).toBe(name);
    await graphiql.run();
    await graphiql.shows(live ? "{" : '{ "data": {');
    expect(await graphiql.text("response"), title).not.toContain('"errors"');
    if (live) await graphiql.page.getByRole("button", { name: /^(Stop|Execute)/ }).click();
  }
});

test("a query opens in a new tab, or in the tab that has it unchanged", async () => {
  const graphiql = await GraphiQLPage.open();
  await graphiql.openUseCase("Search");
  await graphiql.select("CatalogPage");
  await graphiql.openUseCase("Search");
  expect(await graphiql.titles()).toEqual(["CatalogPage", "Register", "FollowEvents", "Search"]);

  await graphiql.type("query", "query Mine { resourceTypes { name } }");
  await graphiql.settled();
  await graphiql.openUseCase("Search");
  await expect.poll(() => graphiql.titles()).toEqual(["CatalogPage", "Register", "FollowEvents", "Mine", "Search"]);
  await graphiql.select("Mine");
});

test("the menu can be used with the keyboard", async () => {
  const graphiql = await GraphiQLPage.open();
  await graphiql.page.getByRole("button", { name: "Catalog page", exact: true }).focus();
  await graphiql.page.keyboard.press("Tab");
  await graphiql.page.keyboard.press("Enter");
  await expect.poll(() => graphiql.title()).toBe("Search");
});

test("the text to register is a block string, also after prettifying", async () => {
  const graphiql = await GraphiQLPage.open();
  await graphiql.select("Register");
  await graphiql.run();
  await graphiql.shows('"path": "demo/greeting"');
  await graphiql.page.getByRole("button", { name: /^Prettify/ }).click();
  expect(await graphiql.text("query")).toContain('yaml:"""apiVersion:noetl.io/v2kind:Playbookmetadata:name:greeting');
  await graphiql.run();
  await graphiql.shows('"status": "UNCHANGED"');
});

test("FollowEvents shows registrations while it runs", async () => {
  const graphiql = await GraphiQLPage.open();
  await graphiql.select("FollowEvents");
  await graphiql.run();
  await graphiql.shows("Connected. Events will appear here as they happen.");
  await register("demo/greeting", { greeting: "from the test" });
  await graphiql.shows('"path": "demo/greeting"');
  await graphiql.screenshot("graphiql-live");
});

test("a path in an answer opens its resource page", async () => {
  const graphiql = await GraphiQLPage.open({ address: addressOf({ query: '{ resource(path: "examples/http/weather_fetch") { name path } }' }) });
  await graphiql.run();
  await graphiql.page.locator(".answer-link", { hasText: "weather_fetch" }).click();
  await expect.poll(() => graphiql.title()).toBe("ResourcePage");
  expect(await graphiql.text("query")).toContain('$path:String!="examples/http/weather_fetch"');
  await graphiql.run();
  await graphiql.shows('"name": "weather_fetch"');
});

test("an execution id in an answer opens its run, by keyboard too", async () => {
  await register("e2e/linked");
  const input = { type: "EXECUTION_STARTED", path: "e2e/linked", meta: { execution_id: "linked-run" } };
  await execute("mutation ($input: RecordEventInput!) { recordEvent(input: $input) { duplicate } }", { input });
  const graphiql = await GraphiQLPage.open({ address: addressOf({ query: '{ execution(executionId: "linked-run") { executionId } }' }) });
  await graphiql.run();
  await graphiql.page.locator(".answer-link", { hasText: "linked-run" }).waitFor();
  await graphiql.page.locator(".result-window").press("Enter");
  await graphiql.page.keyboard.press("ControlOrMeta+Home");
  for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "End", "ArrowLeft", "ArrowLeft", "Enter"]) await graphiql.page.keyboard.press(key);
  await expect.poll(() => graphiql.title()).toBe("OneRun");
  expect(await graphiql.text("query")).toContain('$executionId:String!="linked-run"');
  await graphiql.run();
  await graphiql.shows('"eventCount": 1');
});

test("an incremental answer is merged", async () => {
  const query = 'query Parts { resource(path: "examples/http/weather_fetch") { path ... @defer { versionCount } } }';
  const graphiql = await GraphiQLPage.open({ address: addressOf({ query }) });
  await graphiql.run();
  await graphiql.shows('{ "data": { "resource": { "path": "examples/http/weather_fetch", "versionCount": 3 } } }');
});
