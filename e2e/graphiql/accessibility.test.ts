// Accessibility as checked by axe, and scrollbars, hints and labels, on a desktop and a phone.
import { createRequire } from "node:module";
import type axe from "axe-core";
import { expect, test } from "vitest";
import { addressOf, GraphiQLPage } from "./browser.js";

const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const desktop = { viewport: { width: 1280, height: 720 } };
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** Returns the violations that axe finds on the page. */
async function findings({ page }: GraphiQLPage): Promise<string[]> {
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
}

test.for([
  ["desktop", "light", desktop],
  ["desktop", "dark", desktop],
  ["phone", "light", phone],
  ["phone", "dark", phone],
] as const)("axe finds no violation: %s, %s", async ([, colorScheme, device]) => {
  const graphiql = await GraphiQLPage.open({ ...device, colorScheme, prepare: async (page) => void (await page.addInitScript({ path: axeFile })) });
  expect(await findings(graphiql)).toEqual([]);
  await graphiql.run();
  await graphiql.shows('"totalCount":');
  expect(await findings(graphiql)).toEqual([]);

  const { page } = graphiql;
  expect(await page.locator("h1").allTextContents()).toEqual(["noetl-catalog"]);
  for (const landmark of ["banner", "main"] as const) expect(await page.getByRole(landmark).count()).toBe(1);
  for (const plugin of ["Use cases", "Query Builder", "Documentation Explorer", "History"]) {
    const show = page.getByRole("button", { name: `Show ${plugin}` });
    if (await show.isVisible()) await show.click();
    await page.getByRole("button", { name: `Hide ${plugin}` }).waitFor();
    expect(await findings(graphiql), plugin).toEqual([]);
  }
});

test.for([
  ["1280x720", desktop],
  ["1440x900", { viewport: { width: 1440, height: 900 } }],
  ["phone", phone],
] as const)("overflowing content has a visible scrollbar: %s", async ([, device]) => {
  const graphiql = await GraphiQLPage.open(device);
  const { page } = graphiql;
  await graphiql.run();
  await graphiql.shows('"totalCount":');
  expect(await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight])).toEqual([device.viewport.width, device.viewport.height]);
  for (const editor of [".graphiql-query-editor", ".graphiql-response"]) {
    expect(await page.locator(`${editor} .scrollbar.vertical`).first().getAttribute("class")).toMatch(/(^| )visible( |$)/);
    expect(await page.locator(`${editor} .scrollbar.horizontal`).first().getAttribute("class")).not.toMatch(/(^| )visible( |$)/);
  }
  const show = page.getByRole("button", { name: "Show Use cases" });
  if (await show.isVisible()) await show.click();
  const panel = page.locator(".graphiql-plugin");
  await panel.getByRole("button", { name: "Add types" }).waitFor();
  expect(await panel.evaluate((element: HTMLElement) => element.scrollHeight > element.clientHeight && element.offsetWidth - element.clientWidth >= 10)).toBe(true);
});

test("a phone shows a hint before the first run, and wraps comments", async () => {
  const graphiql = await GraphiQLPage.open(phone);
  const { page } = graphiql;
  const hint = page.getByText("Press the run button beside the query");
  await hint.waitFor();
  // A comment is one line of the text, which the editor wraps.
  expect(await page.locator(".graphiql-query-editor .view-line", { hasText: "#" }).count()).toBe(2);
  expect(await page.locator(".graphiql-query-editor .scrollbar.horizontal").getAttribute("class")).not.toMatch(/(^| )visible( |$)/);
  await graphiql.run();
  await graphiql.shows('"totalCount":');
  expect(await hint.count()).toBe(0);
});

test("inputs of the query builder are named after their arguments", async () => {
  const graphiql = await GraphiQLPage.open({ address: addressOf({ query: "query Five { executions(first: 5) { totalCount } }" }) });
  await graphiql.page.getByRole("button", { name: "Show Query Builder" }).click();
  await graphiql.page.getByRole("textbox", { name: "first", exact: true }).waitFor();
  await graphiql.page.getByRole("combobox", { name: "Operation to add" }).waitFor();
});

test("the introduction is the schema's description", async () => {
  const graphiql = await GraphiQLPage.open();
  const menu = graphiql.page.getByRole("navigation", { name: "Use cases" });
  await menu.getByText("Three things to try:").waitFor();
  const link = menu.getByRole("link", { name: "the command line" });
  const response = await graphiql.page.request.get(new URL((await link.getAttribute("href"))!, graphiql.page.url()).href);
  expect(await response.text()).toContain("# ");
});
