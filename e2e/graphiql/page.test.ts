// The page loads without access to any host but the server, and is laid out correctly at both
// sizes and in both themes.
import { expect, test } from "vitest";
import { GraphiQLPage } from "./browser.js";

const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };

/** Returns the brightness of the page's background, from 0 to 1. */
async function brightness({ page }: GraphiQLPage): Promise<number> {
  const color = await page.locator(".graphiql-container").evaluate((element) => getComputedStyle(element).backgroundColor);
  const channels = color.match(/\d+/g)!.slice(0, 3).map(Number);
  return channels.reduce((sum, channel) => sum + channel, 0) / 765;
}

test("a first visit opens with the examples", async () => {
  const graphiql = await GraphiQLPage.open({ colorScheme: "light" });
  expect(await graphiql.page.title()).toBe("noetl-catalog");
  expect(await graphiql.titles()).toEqual(["CatalogPage", "Register", "FollowEvents"]);
  await graphiql.run();
  await graphiql.shows('"totalCount":');
  expect(await brightness(graphiql)).toBeGreaterThan(0.9);
  await graphiql.screenshot("graphiql-light");
});

test("the dark theme follows the system", async () => {
  const graphiql = await GraphiQLPage.open({ colorScheme: "dark" });
  await graphiql.run();
  await graphiql.shows('"totalCount":');
  await graphiql.openPlugin("Documentation Explorer");
  expect(await brightness(graphiql)).toBeLessThan(0.3);
  await graphiql.screenshot("graphiql-dark");
});

test("the dark theme can be chosen and survives a reload", async () => {
  const graphiql = await GraphiQLPage.open({ colorScheme: "light" });
  await graphiql.page.getByRole("button", { name: "Open settings dialog" }).click();
  await graphiql.page.getByRole("button", { name: "Dark" }).click();
  await expect.poll(() => brightness(graphiql)).toBeLessThan(0.3);
  await graphiql.page.reload();
  await graphiql.ready();
  expect(await brightness(graphiql)).toBeLessThan(0.3);
});

test("a phone shows all panes below each other", async () => {
  const graphiql = await GraphiQLPage.open(phone);
  const { page } = graphiql;
  await graphiql.run();
  await graphiql.shows('"totalCount":');
  await graphiql.screenshot("graphiql-phone");

  const query = (await page.locator(".graphiql-query-editor").boundingBox())!;
  const response = (await page.locator(".graphiql-response").boundingBox())!;
  for (const box of [query, response]) {
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(390);
    expect(box.width).toBeGreaterThan(330);
    expect(box.height).toBeGreaterThan(200);
  }
  expect(response.y).toBeGreaterThanOrEqual(query.y + query.height);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);

  await page.getByRole("button", { name: "Variables", exact: true }).click();
  const plugin = await graphiql.openPlugin("Documentation Explorer");
  await plugin.getByText("All Schema Types").waitFor();
  expect((await plugin.boundingBox())!.width).toBeGreaterThan(380);
  await graphiql.screenshot("graphiql-phone-docs");
  await page.getByRole("button", { name: "Hide Documentation Explorer" }).click();

  await page.getByRole("button", { name: "Open settings dialog" }).click();
  const dialog = (await page.getByRole("dialog").boundingBox())!;
  const dark = (await page.getByRole("button", { name: "Dark" }).boundingBox())!;
  expect(dark.x + dark.width).toBeLessThanOrEqual(dialog.x + dialog.width);
});

test("a second visit restores the tabs of the first", async () => {
  const graphiql = await GraphiQLPage.open();
  await graphiql.page.getByRole("button", { name: "New tab" }).click();
  await graphiql.type("query", "query Kept { resourceTypes { name } }");
  await graphiql.settled();
  const stored = () => graphiql.page.evaluate(() => localStorage.getItem("graphiql:tabState"));
  await expect.poll(stored).toContain("query Kept");
  await graphiql.page.goto(new URL("/", graphiql.page.url()).href);
  await graphiql.page.reload();
  await graphiql.ready();
  await expect.poll(() => graphiql.title()).toBe("Kept");
  expect(await graphiql.titles()).toHaveLength(4);
});
