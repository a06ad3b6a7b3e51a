// A headless Chromium whose page may contact one server only. A test fails if the page logs an
// unexpected error.
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, expect, onTestFinished } from "vitest";
import { origin } from "../graphql.js";

const artifacts = join(import.meta.dirname, "../artifacts");

let browser: Promise<Browser> | undefined;

afterAll(async () => (await browser)?.close());

export interface Visit extends BrowserContextOptions {
  /** The part of the URL after the origin, such as "/#query=…". */
  address?: string;
  /** The origin of the server; default: the shared server. */
  at?: string;
  /** The errors that the test provokes; any other error fails it. */
  provoked?: RegExp;
  /** Is called before the page loads. */
  prepare?: (page: Page) => Promise<void>;
}

/** An editor of GraphiQL; the response is a read-only one. */
export type Editor = "query" | "variables" | "headers" | "response";

/** GraphiQL in a new browser, as on a first visit. */
export class GraphiQLPage {
  private constructor(
    readonly page: Page,
    private readonly answers: string[],
  ) {}

  /**
   * Opens the page and waits for its editors. At its end the test fails where
   * the page asked another host for anything, or complained on its console.
   */
  static async open(visit: Visit = {}): Promise<GraphiQLPage> {
    const { address = "/", at = origin, provoked, prepare, ...options } = visit;
    browser ??= chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      // Playwright hides scrollbars by default.
      ignoreDefaultArgs: ["--hide-scrollbars"],
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync", "--disable-component-update"],
    });
    const context = await (await browser).newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);

    const { host } = new URL(at);
    const elsewhere: string[] = [];
    const complaints: string[] = [];
    const answers: string[] = [];
    await context.route(
      (url) => /^http/.test(url.protocol) && url.host !== host,
      (route) => {
        elsewhere.push(route.request().url());
        return route.abort();
      },
    );
    page.on("websocket", (socket) => new URL(socket.url()).host === host || elsewhere.push(socket.url()));
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    page.on("response", (response) => answers.push(`${response.status()} ${new URL(response.url()).pathname}`));
    page.on("requestfailed", (request) => answers.push(`${request.failure()?.errorText} ${new URL(request.url()).pathname}`));
    page.on("pageerror", (error) => complaints.push(String(error)));
    onTestFinished(async () => {
      await context.close();
      expect(elsewhere, "requests to other hosts").toEqual([]);
      expect(
        complaints.filter((text) => !provoked?.test(text)),
        "complaints on the console",
      ).toEqual([]);
    });

    await prepare?.(page);
    await page.goto(at + address);
    const graphiql = new GraphiQLPage(page, answers);
    await graphiql.ready();
    return graphiql;
  }

  /** Waits until the editor has a query and the schema is loaded. */
  async ready() {
    await this.editor("query").locator(".view-line").first().waitFor();
    await this.editor("response").locator(".view-line").first().waitFor();
    await this.page.locator(".graphiql-sidebar .graphiql-spin").waitFor({ state: "detached" });
  }

  /** Returns the titles of the tabs. */
  titles(): Promise<string[]> {
    return this.page.locator(".graphiql-tab-button").allTextContents();
  }

  /** Returns the title of the active tab. */
  async title(): Promise<string | null> {
    return this.page.locator(".graphiql-tab-active .graphiql-tab-button").textContent();
  }

  /** Activates another tab. */
  async select(tab: string) {
    await this.page.locator(".graphiql-tab-button", { hasText: tab }).click();
    await expect.poll(() => this.text("query")).toContain(tab);
  }

  /** Runs the active tab, or stops it. */
  async run() {
    await this.settled();
    await this.page.locator(".graphiql-execute-button").click();
  }

  /**
   * Waits until the address has the query that the editor shows: GraphiQL has
   * parsed it by then, which it does a while after the last key.
   */
  async settled() {
    await expect.poll(async () => unspaced(this.linked("query") ?? "").startsWith(await this.text("query"))).toBe(true);
  }

  /** Returns a parameter of the deep link in the address bar. */
  linked(name: string): string | null {
    return new URLSearchParams(new URL(this.page.url()).hash.slice(1)).get(name);
  }

  /** Returns the visible text of an editor without spaces and line breaks, which depend on the width. */
  async text(editor: Editor): Promise<string> {
    const lines = await this.editor(editor)
      .locator(".view-line")
      .evaluateAll((elements) =>
        elements
          .map((element) => ({ top: Number.parseFloat((element as HTMLElement).style.top), text: element.textContent ?? "" }))
          .sort((one, other) => one.top - other.top)
          .map(({ text }) => text),
      );
    return unspaced(lines.join(""));
  }

  /** Waits until the response shows a text, ignoring spaces. */
  async shows(text: string) {
    try {
      await expect.poll(() => this.text("response"), { timeout: 20_000 }).toContain(unspaced(text));
    } catch (failure) {
      await this.screenshot("graphiql-failed");
      const shown = await Promise.all((["query", "headers", "response"] as const).map(async (name) => `${name}: ${await this.text(name)}`));
      throw new Error([`The response does not show ${text}.`, ...shown, ...this.answers].join("\n"), { cause: failure });
    }
  }

  /** Replaces an editor's text. */
  async type(editor: "query" | "variables" | "headers", text: string) {
    if (editor !== "query") await this.page.getByRole("button", { name: editor === "headers" ? "Headers" : "Variables", exact: true }).click();
    await this.editor(editor).locator(".view-lines").click();
    await this.page.keyboard.press("ControlOrMeta+A");
    // Monaco would surround a selection with quotes.
    await this.page.keyboard.press("Delete");
    await this.page.keyboard.insertText(text);
  }

  /** Opens a query from the menu. */
  async openUseCase(title: string) {
    const show = this.page.getByRole("button", { name: "Show Use cases" });
    if (await show.isVisible()) await show.click();
    await this.page.getByRole("navigation", { name: "Use cases" }).getByRole("button", { name: title, exact: true }).click();
    await expect.poll(() => this.text("query")).toContain(unspaced(`# ${title} #`));
  }

  /** Opens a plugin by its title. */
  async openPlugin(title: string): Promise<Locator> {
    await this.page.getByRole("button", { name: `Show ${title}` }).click();
    return this.page.locator(".graphiql-plugin");
  }

  /** Saves a screenshot as an artifact. */
  async screenshot(name: string) {
    await this.page.screenshot({ path: join(artifacts, `${name}.png`), animations: "disabled" });
  }

  private editor(editor: Editor): Locator {
    const tool = (name: string) => this.page.locator(`.graphiql-editor-tool[aria-label="${name}"] .graphiql-editor:not(.hidden)`);
    switch (editor) {
      case "query":
        return this.page.locator(".graphiql-query-editor .graphiql-editor");
      case "response":
        return this.page.locator(".graphiql-response .result-window");
      case "variables":
        return tool("Variables");
      case "headers":
        return tool("Headers");
    }
  }
}

/** Returns the deep link to an operation. */
export function addressOf(operation: Record<string, string>): string {
  return `/#${new URLSearchParams(operation)}`;
}

function unspaced(text: string): string {
  return text.replace(/[\s\u200b]/g, "");
}
