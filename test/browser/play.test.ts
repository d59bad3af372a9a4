/** The playground: code runs as two clients when the visitor says so, and only there. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { samples } from "../../apps/showcase/play/model/samples.js";
import { fromFragment, toFragment } from "../../apps/showcase/play/model/share.js";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { ServedChat } from "./served-chat.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 180_000;

describe.skipIf(!executablePath)("the playground", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
  });

  afterAll(() => browser?.close());

  const open = async (url: string): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(url);
    return page;
  };
  const output = (page: Page, me: string) =>
    page.frameLocator(`iframe[title="Output of client ${me}"]`).getByRole("log");
  const run = (page: Page) => page.getByRole("button", { name: /^Run/ }).click();
  const write = (page: Page, code: string) => page.getByLabel("Code that both clients run").fill(code);

  it("runs code as two clients, shows their messages, and recovers what a cut one missed", async () => {
    const served = await ServedChat.start();
    const page = await open(served.pageUrl("play"));
    await page.getByLabel("Code that both clients run").focus();
    await page.keyboard.press("Control+Enter");
    for (const me of ["A", "B"]) await output(page, me).getByText("subscribed", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Cut client B off for six seconds" }).click();
    const publish = page.frameLocator('iframe[title="Output of client A"]').getByRole("button");
    for (let count = 0; count < 3; count++) await publish.click();
    await output(page, "B").getByText("subscribed and recovered").waitFor();
    await eventually(() => output(page, "B").locator("p").allTextContents()).toEqual(
      expect.arrayContaining(["1 A says 1", "2 A says 2", "3 A says 3"]),
    );
    const messages = page.getByLabel("Messages of client B");
    await messages.getByText("closed with 1006: interrupted from here").first().waitFor();
  });

  it("runs every sample without a fault but the one that shows faults", async () => {
    const served = await ServedChat.start();
    const page = await open(served.pageUrl("play"));
    for (const { id } of samples) {
      await page.getByLabel("Sample").selectOption(id);
      await run(page);
      for (const me of ["A", "B"])
        await page
          .getByLabel(`Messages of client ${me}`)
          .getByText(/^connect/)
          .first()
          .waitFor();
      if (id !== "refused") continue;
      for (const me of ["A", "B"])
        await page.getByText(`Client ${me}, line 11: ReferenceError: missing is not defined`).waitFor();
    }
    await page.getByLabel("Sample").selectOption("rpc");
    expect(await page.getByRole("alert").textContent()).toBe("");
  });

  it("opens code from a link, runs it only on request, and marks the line of an error", async () => {
    const served = await ServedChat.start();
    const fragment = await toFragment({ code: 'console.log("it ran");\nconst = 1;\n', room: "room1" });
    const page = await open(`${served.pageUrl("play")}${fragment}`);
    await page.getByText("This code came with the link").waitFor();
    expect(await page.getByLabel("Code that both clients run").inputValue()).toContain("it ran");
    expect(await page.locator("iframe").count()).toBe(0);
    await run(page);
    await page.getByText(/Client A, line 2: SyntaxError/).waitFor();
    expect(await page.locator(".editor-lines .marked").textContent()).toBe("2");
    // And what is shared again is the same link.
    await page.getByRole("button", { name: "Share as a link" }).click();
    await page.getByText(/^(?:Link copied|The link is in the address bar)$/).waitFor();
    expect(await fromFragment(new URL(page.url()).hash)).toEqual(await fromFragment(fragment));
  });

  it("gives code no cookies, storage, network, or way into the page", async () => {
    const served = await ServedChat.start();
    const page = await open(served.pageUrl("play"));
    // What is blocked is a request for the browser's tools, too: so another server counts those that arrive.
    const arrived: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      arrived.push(request.url);
      response
        .writeHead(200, { "Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*" })
        .end();
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void other.close());
    const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    expect((await fetch(elsewhere)).status).toBe(200);
    await write(
      page,
      `const attempt = async (name, task) => {
  try {
    await task();
    console.log(name, "worked");
  } catch (error) {
    console.log(name, "failed");
  }
};
console.log("origin", origin);
await attempt("cookies", () => document.cookie);
await attempt("storage", () => localStorage.length);
await attempt("page", () => parent.document.title);
await attempt("fetch", () => fetch("/me"));
await attempt("socket", () => new Promise((resolve, reject) => {
  const socket = new WebSocket(location.href.replace("http", "ws"));
  socket.onopen = resolve;
  socket.onerror = reject;
}));
await attempt("eval", () => eval("1"));
await attempt("import", () => import("${elsewhere}x.js"));
console.log("done");
`,
    );
    await run(page);
    await output(page, "A").getByText("done").waitFor();
    expect(await output(page, "A").locator("p").allTextContents()).toEqual([
      "origin null",
      ...["cookies", "storage", "page", "fetch", "socket", "eval", "import"].map((name) => `${name} failed`),
      "done",
    ]);
    await write(page, `location.href = "${elsewhere}?secret";`);
    await run(page);
    await page.getByText("Press Run: its output").waitFor({ state: "detached" });
    await write(page, 'console.log("still here");');
    await run(page);
    await output(page, "B").getByText("still here").waitFor();
    expect(arrived).toEqual(["/"]);
  });
});
