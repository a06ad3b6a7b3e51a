// Deep links, which share an operation.
import { expect, test } from "vitest";
import { origin } from "../graphql.js";
import { addressOf, GraphiQLPage } from "./browser.js";

const query = "query Shared($first: Int) { resources(first: $first) { totalCount } }";

test("a link has the operation without secrets, and opening it runs nothing", async () => {
  const headers = {
    "X-Trace": "traced", Authorization: "Bearer secret-1", Cookie: "secret-2", "X-Api-Key": "secret-3",
    "X-Session-Id": "secret-4", "my-PASSWORD": "secret-5", "Client-Token": "secret-6", ClientSecret: "secret-7",
  };
  const from = await GraphiQLPage.open();
  await from.page.getByRole("button", { name: "New tab" }).click();
  await from.type("query", query);
  await from.type("variables", '{"first": 7}');
  await from.type("headers", JSON.stringify(headers));
  await expect.poll(() => from.linked("headers")).toBe('{"X-Trace":"traced"}');
  await expect.poll(() => from.linked("variables")).toBe('{"first": 7}');
  expect(from.page.url()).not.toContain("secret-");

  const asked: string[] = [];
  const to = await GraphiQLPage.open({
    address: from.page.url().slice(origin.length),
    prepare: async (page) => {
      page.on("request", (request) => asked.push(request.postData() ?? ""));
    },
  });
  expect(await to.title()).toBe("Shared");
  expect(await to.text("query")).toBe(query.replaceAll(" ", ""));
  expect(await to.text("variables")).toBe('{"first":7}');
  expect(asked.filter((body) => body.includes("Shared"))).toEqual([]);
  const request = to.page.waitForRequest((sent) => (sent.postData() ?? "").includes("Shared"));
  await to.run();
  expect((await request).headers()["x-trace"]).toBe("traced");
  await to.shows('"totalCount":');
});

test("the address bar has the link to the active tab", async () => {
  const graphiql = await GraphiQLPage.open();
  await graphiql.select("Register");
  await expect.poll(() => graphiql.linked("query")).toContain("mutation Register");
  await graphiql.page.getByRole("button", { name: "New tab" }).click();
  await expect.poll(() => graphiql.page.url()).toBe(`${origin}/`);
});

test("a link opens a new tab beside those of an earlier visit", async () => {
  const graphiql = await GraphiQLPage.open();
  await graphiql.settled();
  const stored = () => graphiql.page.evaluate(() => localStorage.getItem("graphiql:tabState"));
  await expect.poll(stored).toContain("CatalogPage");
  await graphiql.page.goto(origin + addressOf({ query, variables: '{"first": 3}' }));
  await expect.poll(() => graphiql.titles()).toHaveLength(4);
  await graphiql.ready();
  expect(await graphiql.text("query")).toContain("queryShared");
  expect(await graphiql.text("variables")).toBe('{"first":3}');
});

test("a link with the operation in the query string works", async () => {
  const graphiql = await GraphiQLPage.open({ address: `/?${new URLSearchParams({ query })}` });
  expect(await graphiql.title()).toBe("Shared");
});

test("the run button runs the operation that the link names", async () => {
  const two = "query One { resourceTypes { name } }\n\nquery Two { eventTypes { name } }";
  const graphiql = await GraphiQLPage.open({ address: addressOf({ query: two, operationName: "Two" }) });
  await graphiql.settled();
  await graphiql.page.keyboard.press("ControlOrMeta+Enter");
  await graphiql.shows('"REGISTERED"');
});

test("a button copies the link", async () => {
  const graphiql = await GraphiQLPage.open({ permissions: ["clipboard-read", "clipboard-write"] });
  await graphiql.settled();
  await graphiql.page.getByRole("button", { name: "Copy link" }).click();
  await graphiql.page.getByRole("button", { name: "Link copied" }).waitFor();
  expect(await graphiql.page.evaluate(() => navigator.clipboard.readText())).toBe(graphiql.page.url());
});
