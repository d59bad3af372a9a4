/**
 * What each page costs to load, and that nothing moves while it does, as on a phone with a slow line: bytes, caching, what the
 * first paint waits for, and layout shifts. Times depend on the machine: `npm run bench -- pages` measures them.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { emulateSlowPhone, shiftScript } from "./slow-phone.js";
import { StillShowcase } from "./still-showcase.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 180_000;
const built = join(import.meta.dirname, "../../apps/showcase/dist/pages");

/** Something that a page shows once it has all its data. */
const pages: Readonly<Record<string, string>> = {
  "": "text=Ask every second",
  chat: "text=nothing is missing",
  leaderboard: "text=slow water",
  ticker: ".chart canvas >> nth=3",
  canvas: "text=5 strokes",
  notices: "text=Choose one, and send yourself the first",
  lab: "text=Nothing measured yet",
  play: "text=Press Run",
};
const names = Object.keys(pages);
/** With the header fields of the answers. */
const maxBytes = 100_000;
/** Without the document. */
const maxFiles = 12;
/** Stylesheets that the first paint waits for. */
const maxBlocking = 5;
/** Scripts and styles that are loaded after the page shows all but charts. */
const drawsCharts = /\/(?:uPlot|draw-chart)[^/]*\.(?:js|css)$/;
const maxShift = 0.05;

interface Loaded {
  readonly url: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  bytes: number;
}

describe.skipIf(!executablePath)("loading pages", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
  });

  afterAll(() => browser?.close());

  it.each(names)("costs little, compressed and kept for good: %s", async (name) => {
    const showcase = await startFilled();
    const page = await showcase.open(browser);
    const loaded = await recordLoads(await page.context().newCDPSession(page));
    await page.goto(showcase.url(name));
    await untilShown(page, name);
    await eventually(() => Promise.resolve(loaded.every(({ bytes }) => bytes > 0))).toBe(true);
    const files = loaded.filter(({ type }) => ["Document", "Script", "Stylesheet", "Font"].includes(type));
    const own = files.filter(({ url }) => !drawsCharts.test(url));
    const bytes = own.reduce((sum, file) => sum + file.bytes, 0);
    expect(bytes, own.map((file) => `${file.bytes} ${file.url}`).join("\n")).toBeLessThan(maxBytes);
    expect(own.length - 1, own.map(({ url }) => url).join("\n")).toBeLessThanOrEqual(maxFiles);
    for (const { url, type, headers, bytes: size } of files) {
      if (type !== "Font" && size > 2000) expect(headers["content-encoding"], url).toBe("br");
      expect(headers["cache-control"], url).toBe(
        type === "Document" ? "no-cache" : "public, max-age=31536000, immutable",
      );
    }
    // Nothing that a browser learns of only once it has loaded something else, but charts.
    const html = readFileSync(join(built, name, "index.html"), "utf8");
    const scripts = html.match(/<script(?![^>]*type="module")[^>]*>/g) ?? [];
    const styles = html.match(/<link[^>]*rel="stylesheet"[^>]*>/g) ?? [];
    expect(scripts).toEqual([]);
    expect(styles.length, styles.join("\n")).toBeLessThanOrEqual(maxBlocking);
    expect(styles.length).toBeGreaterThan(0);
    for (const { url, type } of own)
      if (type !== "Document") expect(html).toContain(url.slice(url.lastIndexOf("/") + 1));
  });

  it.each(names)("shows what it is before its scripts run: %s", async (name) => {
    const showcase = await StillShowcase.start();
    const page = await showcase.open(browser);
    const asked: string[] = [];
    await page.route(/\.js$/, (route) => route.abort());
    page.on("request", (request) => asked.push(request.resourceType()));
    await page.goto(showcase.url(name));
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Lab" }).waitFor();
    await page.getByRole("heading", { level: name === "chat" ? 2 : 1 }).waitFor();
    const [colour, font] = await page.evaluate<string[]>(
      "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).fontFamily]",
    );
    expect(colour).toBe("rgb(246, 243, 236)");
    expect(font).toContain("Holdfast Text");
    // The document, which has the styles, and then all at once.
    expect([...new Set(asked)].sort()).toEqual(["document", "font", "script"]);
  });

  it.each(names)("moves nothing, on a slow phone: %s", async (name) => {
    const showcase = await startFilled();
    const page = await showcase.open(browser, { viewport: { width: 360, height: 740 }, hasTouch: true });
    await emulateSlowPhone(await page.context().newCDPSession(page), { cpuRate: 4 });
    await page.addInitScript(shiftScript);
    await page.goto(showcase.url(name));
    await untilShown(page, name);
    expect(await shiftOf(page)).toBeLessThan(maxShift);
  });

  it("moves where something is put above", async () => {
    const showcase = await StillShowcase.start();
    const page = await showcase.open(browser);
    await page.addInitScript(shiftScript);
    await page.goto(showcase.url("notices"));
    await untilShown(page, "notices");
    await page.evaluate(
      "document.querySelector('.page-main').prepend(Object.assign(document.createElement('p'), { style: 'height: 20rem' }))",
    );
    await eventually(() => shiftOf(page)).toBeGreaterThan(maxShift);
  });
});

async function startFilled(): Promise<StillShowcase> {
  const showcase = await StillShowcase.start();
  await showcase.fillChat();
  await showcase.fillLeaderboard();
  await showcase.fillTicker();
  await showcase.fillCanvas();
  return showcase;
}

async function untilShown(page: Page, name: string): Promise<void> {
  await page
    .locator(pages[name] as string)
    .first()
    .waitFor({ state: "attached" });
  if (name !== "" && name !== "play") await page.getByText("Live", { exact: true }).first().waitFor();
  await page.evaluate("document.fonts.ready");
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
}

async function shiftOf(page: Page): Promise<number> {
  return await page.evaluate<number>("window.layoutShift");
}

async function recordLoads(session: CDPSession): Promise<Loaded[]> {
  const loaded: Loaded[] = [];
  const byId = new Map<string, Loaded>();
  session.on("Network.responseReceived", ({ requestId, response, type }) => {
    if (!response.url.startsWith("http") || type === "EventSource") return;
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([key, value]) => [key.toLowerCase(), value]),
    );
    const one = { url: response.url, type, headers, bytes: 0 };
    loaded.push(one);
    byId.set(requestId, one);
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const one = byId.get(requestId);
    if (one) one.bytes = encodedDataLength;
  });
  await session.send("Network.enable");
  return loaded;
}
