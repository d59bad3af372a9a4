/** `@holdfast/client/react` in a page of a real browser, in StrictMode, against a real server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { join, startChat } from "../../packages/client/test/support/chat-app.js";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { CutLine } from "./cut-line.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;

const numbered = (count: number, from = 1) => Array.from({ length: count }, (_, i) => `line ${i + from}`);

describe.skipIf(!executablePath)("useChannel in a browser", { timeout: timeLimitMs }, () => {
  let browser: Browser;
  let pages: string;

  beforeAll(async () => {
    pages = mkdtempSync(joinPath(tmpdir(), "holdfast-react-"));
    await build({
      root: joinPath(import.meta.dirname, "react-page"),
      configFile: false,
      logLevel: "error",
      // StrictMode mounts twice in development only.
      mode: "development",
      define: { "process.env.NODE_ENV": '"development"' },
      build: { outDir: pages, emptyOutDir: true, minify: false, target: "es2023" },
    });
    browser = await chromium.launch({ executablePath: executablePath as string, args: launchArguments });
  }, timeLimitMs);

  afterAll(async () => {
    await browser?.close();
    rmSync(pages, { recursive: true, force: true });
  }, timeLimitMs);

  async function start() {
    const { server, url, port } = await startChat({ pages });
    const say = async (room: string, texts: readonly string[]) => {
      for (const text of texts) await server.publish(`chat:${room}`, { text, sentAt: 0, from: "" });
    };
    const open = async (address = url, room = "a") => {
      const context = await browser.newContext();
      onTestFinished(() => context.close());
      const page = await context.newPage();
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(String(error)));
      page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
      await page.goto(`${address}#${room}`);
      return { page, faults };
    };
    return { server, url, port, say, open };
  }

  const texts = (page: Page) => eventually(() => page.locator("#texts li").allTextContents());
  const present = (page: Page) =>
    eventually(async () => (await page.locator("#present li").allTextContents()).sort());
  const text = (page: Page, id: string) => eventually(() => page.locator(`#${id}`).textContent());
  const show = (page: Page, room?: string) => page.evaluate(`show(${JSON.stringify(room) ?? "undefined"})`);

  it("shows history, then new publications, each once, up to the limit", async () => {
    const { say, open, url } = await start();
    await say("a", numbered(7));
    const { page, faults } = await open(`${url}/`);
    await texts(page).toEqual(numbered(5, 3));
    expect(await page.evaluate("mounts")).toBe(2);
    await text(page, "status").toBe("a subscribed");
    await say("a", numbered(2, 8));
    await texts(page).toEqual(numbered(7, 3));
    await say("a", numbered(3, 10));
    await texts(page).toEqual(numbered(8, 5));
    expect(faults).toEqual([]);
  });

  it("publishes, and shows joins and leaves", async () => {
    const { server, url, open } = await start();
    const { page, faults } = await open(`${url}/`);
    await present(page).toEqual(["page"]);
    const bo = join(url, { token: "bo" });
    const leave = bo.channel("chat:{room}", { room: "a" }).subscribe(() => {});
    await present(page).toEqual(["bo", "page"]);
    leave();
    await present(page).toEqual(["page"]);
    await page.getByRole("button", { name: "Say" }).click();
    await texts(page).toEqual(["said in a"]);
    expect((await server.history("chat:a")).publications[0]?.data.from).toBe("page");
    expect(faults).toEqual([]);
  });

  it("shows a map in order, changes it, and continues after a lost connection", async () => {
    const { server, open, port } = await start();
    const line = await CutLine.open(port);
    const { page, faults } = await open(line.url);
    const board = () => eventually(() => page.locator("#board li").allTextContents());
    await text(page, "board-status").toBe("subscribed");
    await server.publish("board:a", { points: 9 }, { key: "ann" });
    await server.publish("board:a", { points: 3 }, { key: "bo" });
    await board().toEqual(["ann 9", "bo 3"]);
    await page.locator("#set").click();
    await board().toEqual(["ann 9", "page 5", "bo 3"]);
    line.cut();
    await text(page, "board-status").toBe("subscribing");
    await server.publish("board:a", { points: 10 }, { key: "bo" });
    await server.remove("board:a", "ann");
    line.mend();
    await board().toEqual(["bo 10", "page 5"]);
    await page.locator("#remove").click();
    await board().toEqual(["bo 10"]);
    expect(faults.filter((fault) => !fault.includes("WebSocket"))).toEqual([]);
  });

  it("reports a lost connection, and continues without a gap", async () => {
    const { say, open, port, url } = await start();
    const line = await CutLine.open(port);
    const { page, faults } = await open(line.url);
    await text(page, "status").toBe("a subscribed");
    await say("a", numbered(2));
    await texts(page).toEqual(numbered(2));
    line.cut();
    await text(page, "status").toBe("a subscribing");
    await text(page, "client").toBe("connecting");
    await say("a", numbered(4, 3));
    const bo = join(url, { token: "bo" });
    bo.channel("chat:{room}", { room: "a" }).subscribe(() => {});
    line.mend();
    await text(page, "status").toBe("a subscribed recovered");
    await texts(page).toEqual(numbered(6));
    await present(page).toEqual(["bo", "page"]);
    await text(page, "client").toBe("connected");
    // What the browser itself says of broken connections is no fault of the page.
    expect(faults.filter((fault) => !fault.includes("WebSocket connection"))).toEqual([]);
  });

  it("follows its parameters, and leaves nothing behind", async () => {
    const { server, url, say, open } = await start();
    await say("a", ["in a"]);
    await say("b", ["in b"]);
    const { page, faults } = await open(`${url}/`);
    await texts(page).toEqual(["in a"]);
    await show(page, "b");
    await texts(page).toEqual(["in b"]);
    await text(page, "status").toBe("b subscribed");
    await eventually(() => server.presence("chat:a")).toEqual([]);
    await say("a", ["nobody looks"]);
    await say("b", ["more in b"]);
    await texts(page).toEqual(["in b", "more in b"]);
    await show(page);
    await eventually(() => server.presence("chat:b")).toEqual([]);
    await show(page, "a");
    await texts(page).toEqual(["in a", "nobody looks"]);
    expect(faults).toEqual([]);
  });

  it("reports why it is not subscribed", async () => {
    const { url, open } = await start();
    const { page } = await open(`${url}/`);
    await text(page, "secret").toBe(
      "unsubscribed the subscription to secret:x was ended: not for you (code 403)",
    );
    await text(page, "error").toBe("");
  });
});
