// The query builder, the documentation and the history.
import { expect, test } from "vitest";
import { addressOf, GraphiQLPage } from "./browser.js";

test("clicks in the query builder build a query that runs", async () => {
  const graphiql = await GraphiQLPage.open();
  await graphiql.page.getByRole("button", { name: "New tab" }).click();
  await expect.poll(() => graphiql.text("query")).toBe("");
  const builder = await graphiql.openPlugin("Query Builder");
  await builder.getByText("Query Builder", { exact: true }).waitFor();
  expect(await builder.textContent()).not.toContain("Explorer");
  const field = (name: string) => builder.locator(`.graphiql-explorer-${name} .graphiql-explorer-field-view`).first();
  await field("resourceTypes").click();
  await field("name").click();
  await field("resourceCount").click();
  await expect.poll(() => graphiql.text("query")).toContain("{resourceTypes{nameresourceCount}}");
  await graphiql.run();
  await graphiql.shows('"name": "playbook"');
  await graphiql.screenshot("graphiql-builder");
});

test("the documentation finds a type and describes a field", async () => {
  const graphiql = await GraphiQLPage.open();
  const docs = await graphiql.openPlugin("Documentation Explorer");
  await docs.getByRole("combobox").fill("RegistrationStatus");
  await docs.getByRole("option", { name: "RegistrationStatus" }).first().click();
  await docs.getByText("UNCHANGED").waitFor();
  await docs.getByRole("link", { name: "Docs" }).click();
  await docs.getByRole("link", { name: "Subscription", exact: true }).first().click();
  await docs.getByText("What can be followed as it happens").waitFor();
  await docs.getByRole("link", { name: "eventRecorded" }).click();
  await docs.getByText("Every committed event that passes the filter").waitFor();
});

test("the history restores a query and stores no headers", async () => {
  const graphiql = await GraphiQLPage.open({ address: addressOf({ query: "query Earlier { eventTypes { name } }" }) });
  await graphiql.type("headers", '{"Authorization": "Bearer remembered-by-nobody"}');
  await graphiql.run();
  await graphiql.shows('"REGISTERED"');
  await graphiql.type("query", "query Later { resourceTypes { name } }");
  await graphiql.run();
  await graphiql.shows('"playbook"');

  const history = await graphiql.openPlugin("History");
  await history.getByText("Earlier").click();
  await expect.poll(() => graphiql.text("query")).toContain("queryEarlier");
  const stored = await graphiql.page.evaluate(() => JSON.stringify(localStorage));
  expect(stored).toContain("query Later");
  expect(stored).not.toContain("remembered-by-nobody");
});
