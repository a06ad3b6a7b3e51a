// The page of a server that requires a token: without a token, with a wrong one and with the
// right one.
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../server.js";
import { addressOf, GraphiQLPage } from "./browser.js";

const token = "the-right-token";
const right = JSON.stringify({ Authorization: `Bearer ${token}` });
const wrong = JSON.stringify({ Authorization: "Bearer a-wrong-token" });
// The browser logs this for a response with status 401.
const unauthorized = /status of 401/;

let directory: string;
let server: Server;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "noetl-catalog-e2e-tokens-"));
  const file = join(directory, "tokens");
  await writeFile(file, `sha256:${createHash("sha256").update(token).digest("hex")} viewer\n`);
  server = await startServer({ flags: ["--tokens", file] });
});

afterAll(async () => {
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

test("a wrong token shows a clear error; the right one works, also after a reload, and only in its browser tab", async () => {
  const graphiql = await GraphiQLPage.open({ at: server.origin, provoked: unauthorized });
  const { page } = graphiql;
  await graphiql.type("headers", wrong);
  await graphiql.run();
  await graphiql.shows('"code": "UNAUTHENTICATED"');
  await graphiql.shows('"message": "');

  const docs = await graphiql.openPlugin("Documentation Explorer");
  await docs.getByText("The schema could not be loaded").waitFor();
  await docs.getByText("This server asks for a token.").waitFor();
  await graphiql.screenshot("graphiql-token");

  await graphiql.type("headers", right);
  await docs.getByText("All Schema Types").waitFor();
  await graphiql.run();
  await graphiql.shows('"totalCount":');

  // A token is typed once and then set in each tab.
  await graphiql.openUseCase("Search");
  await graphiql.run();
  await graphiql.shows('"nodes":');

  const introspection = page.waitForRequest((request) => (request.postData() ?? "").includes("IntrospectionQuery"));
  await page.reload();
  expect((await introspection).headers().authorization).toBe(`Bearer ${token}`);
  await graphiql.ready();
  expect(await page.evaluate(() => JSON.stringify(localStorage) + window.location.href)).not.toContain(token);
});

test("a subscription with a wrong token shows the reason, and runs with the right one", async () => {
  const address = addressOf({ query: "subscription Watch { eventRecorded { cursor } }" });
  const graphiql = await GraphiQLPage.open({ at: server.origin, address, provoked: unauthorized });
  await graphiql.type("headers", wrong);
  await graphiql.run();
  await graphiql.shows('"message": "The server closed the WebSocket:');
  await graphiql.shows("(4403)");
  await graphiql.type("headers", right);
  await graphiql.run();
  await graphiql.shows("Connected.");
});

test("an answer that is not GraphQL is shown unchanged", async () => {
  const graphiql = await GraphiQLPage.open({ provoked: /status of 502/ });
  await graphiql.page.route("**/graphql", (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" }));
  await graphiql.run();
  await graphiql.shows("The answer is not GraphQL, but 502");
});
