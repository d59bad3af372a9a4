/** The story on the first page, driven as a visitor does. Its figures are compared with those of a proxy that counts for itself. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { CountingLine, type CountingLineOptions } from "./counting-line.js";
import { ServedChat } from "./served-chat.js";
import { violationsOf } from "./violations.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 180_000;

/** Lets the page's clock run three times as fast, so that what it does every second is waited for a third as long. */
const hurry = `{
  const pace = 3;
  const { setTimeout } = globalThis;
  const now = performance.now.bind(performance);
  globalThis.setTimeout = (task, delayMs, ...rest) => setTimeout(task, delayMs / pace, ...rest);
  performance.now = () => now() * pace;
}`;

class StoryWindow {
  readonly page: Page;
  readonly faults: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(60_000);
    page.on("pageerror", (error) => this.faults.push(String(error)));
  }

  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
  ): Promise<StoryWindow> {
    const context = await browser.newContext({ reducedMotion: "reduce", ...options });
    onTestFinished(() => context.close());
    await context.addInitScript(hurry);
    const window = new StoryWindow(await context.newPage());
    await window.page.goto(url);
    return window;
  }

  async press(scene: string, name: string): Promise<void> {
    await this.page.locator(`#${scene}`).getByRole("button", { name, exact: true }).click();
  }

  async text(id: string): Promise<string> {
    return (await this.page.getByTestId(id).textContent()) ?? "";
  }

  /** A figure without its unit. */
  async figure(id: string): Promise<number> {
    return Number((await this.text(id)).replaceAll(/[^\d]/g, ""));
  }

  /** Until a figure is what the line has counted. */
  async untilFigure(id: string, counted: () => number): Promise<void> {
    await eventually(async () => [id, (await this.figure(id)) - counted()]).toEqual([id, 0]);
  }

  async openLine(): Promise<void> {
    await this.press("handshake", "Open a WebSocket");
    await this.page.getByRole("button", { name: "The line is open" }).waitFor();
  }

  async expectNoSidewaysScroll(): Promise<void> {
    expect(
      await this.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
    ).toBe(0);
  }
}

/** Tries each scene once. @param press presses a button of a scene, in whatever way */
async function playAll(window: StoryWindow, press: (scene: string, name: string) => Promise<void>) {
  await press("poll", "Ask every second");
  await eventually(() => window.figure("poll-requests")).toBeGreaterThanOrEqual(3);
  await press("poll", "Put a letter in the box");
  await eventually(() => window.text("poll-note")).toMatch(/^Your letter lay in the box for/);
  await press("poll", "Stop asking");
  await press("long", "Ask once, and wait");
  await eventually(() => window.figure("long-requests")).toBeGreaterThanOrEqual(2);
  await press("long", "Put a letter in the box");
  await eventually(() => window.text("long-note")).toMatch(/^Your letter was here/);
  await press("long", "Stop waiting");
  await press("handshake", "Open a WebSocket");
  await window.page.getByText("is what the server answered").waitFor();
  await press("frames", "Send");
  await eventually(() => window.text("frames-note")).toMatch(/^There and back in/);
  await press("crowd", "Bring another device");
  await window.page.getByRole("img", { name: /^QR code of http/ }).waitFor();
  await press("cut", "Cut the line");
  await eventually(() => window.text("cut-note")).toMatch(/Letters written meanwhile: [1-9]/);
  await press("cut", "Come back");
  await eventually(() => window.text("cut-note")).toMatch(/^Back\. All \d+ came/);
  await press("close", "Hang up");
  await eventually(() => window.text("close-code")).toBe("1000");
  await press("close", "Try to send");
  await eventually(() => window.text("close-note")).toMatch(/^readyState is 3 \(CLOSED\)/);
  await press("cost", "Run all three");
  await eventually(() => window.text("cost-note")).toMatch(/^Here polling took/);
  await press("once", "Load your letters once, each way");
  await eventually(() => window.text("once-note")).toMatch(/bytes/);
}

describe.skipIf(!executablePath)("story on the first page", { timeout: timeLimitMs }, () => {
  let browser: Browser;
  let served: ServedChat;

  const serve = (options: CountingLineOptions = {}) => CountingLine.open(served.port, options);

  beforeAll(async () => {
    // A machine with more to do than it can is no reason to refuse anything here.
    served = await ServedChat.startShared({ flags: ["--shed-above-lag-ms", "600000"] });
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
  }, timeLimitMs);

  afterAll(async () => {
    await browser?.close();
    await served?.end();
  }, timeLimitMs);

  it("counts polls and long polls as they go over the line", async () => {
    const line = await serve();
    const window = await StoryWindow.open(browser, line.url);
    await window.press("poll", "Ask every second");
    await eventually(() => window.figure("poll-requests")).toBeGreaterThanOrEqual(3);
    await window.press("poll", "Put a letter in the box");
    await eventually(() => window.text("poll-note")).toMatch(/^Your letter lay/);
    await window.press("poll", "Stop asking");
    await window.untilFigure("poll-requests", () => line.of("poll").requests);
    await window.untilFigure("poll-bytes", () => line.bytesOf("poll"));
    expect(await window.text("poll-request")).toMatch(
      /^GET \/channels\/story:\S+ HTTP\/1\.1\nHost: localhost/,
    );

    await window.press("long", "Ask once, and wait");
    await eventually(() => window.figure("long-requests")).toBeGreaterThanOrEqual(2);
    await window.press("long", "Put a letter in the box");
    await eventually(() => window.text("long-note")).toMatch(/^Your letter was here/);
    await eventually(() => window.figure("long-requests")).toBeGreaterThanOrEqual(3);
    await window.untilFigure("long-requests", () => line.of("long").requests);
    await window.untilFigure("long-bytes", () => line.bytesOf("long"));
    expect(window.faults).toEqual([]);
  });

  it("counts from the first request on, however late the server's figures come", async () => {
    const line = await serve();
    line.hold(/^\/channels\/trace:/);
    const window = await StoryWindow.open(browser, line.url);
    await window.press("poll", "Ask every second");
    await eventually(() => window.figure("poll-empty")).toBeGreaterThanOrEqual(2);
    await window.press("poll", "Stop asking");
    expect(await window.figure("poll-requests")).toBe(0);
    line.release();
    await eventually(() => window.figure("poll-requests")).toBeGreaterThanOrEqual(3);
    await window.untilFigure("poll-requests", () => line.of("poll").requests);
    await window.untilFigure("poll-bytes", () => line.bytesOf("poll"));
  });

  it("shows the handshake that the browser had, and every byte of the line", async () => {
    const line = await serve();
    const window = await StoryWindow.open(browser, line.url);
    const debug = await window.page.context().newCDPSession(window.page);
    const accepts: string[] = [];
    await debug.send("Network.enable");
    debug.on("Network.webSocketHandshakeResponseReceived", ({ response }) => {
      accepts.push(response.headers["Sec-WebSocket-Accept"] ?? "");
    });
    await window.openLine();
    await eventually(() => Promise.resolve(accepts)).toHaveLength(1);
    await eventually(() => window.text("accept-computed")).toBe(accepts[0]);
    expect(await window.text("handshake-answer")).toContain(`Sec-WebSocket-Accept: ${accepts[0]}`);
    await window.press("frames", "Let the server speak");
    await eventually(() => window.page.locator("#frames .frame-row").count()).toBeGreaterThanOrEqual(6);
    await window.press("frames", "Send");
    await eventually(() => window.text("frames-note")).toMatch(/^There and back in/);
    await window.page.locator("#frames .frame-row.up").first().click();
    expect(await window.text("open-frame")).toMatch(/FIN1.*opcode0001text.*MASK1masked/);
    await window.untilFigure("ledger-line", () => line.bytesOf("line"));
    expect(window.faults).toEqual([]);
  });

  it("shows another device that joins by the link, and that it has gone", async () => {
    const line = await serve();
    const first = await StoryWindow.open(browser, line.url);
    await first.openLine();
    await first.press("crowd", "Bring another device");
    const link = (await first.page.locator("#invitation a").getAttribute("href")) ?? "";
    // Those of other windows go, too.
    await eventually(() => first.figure("crowd-connections")).toBe(1);
    const second = await StoryWindow.open(browser, link);
    await second.openLine();
    for (const window of [first, second]) await eventually(() => window.figure("crowd-connections")).toBe(2);
    expect(await first.page.locator(".crowd-member.you").count()).toBe(1);
    await second.page.context().close();
    await eventually(() => first.figure("crowd-connections")).toBe(1);
  });

  it("misses nothing over a real cut, and shows the offsets of the log", async () => {
    const line = await serve();
    const window = await StoryWindow.open(browser, line.url);
    await window.openLine();
    await window.press("frames", "Send");
    await eventually(() => window.text("frames-note")).toMatch(/^There and back in/);
    await window.press("cut", "Cut the line");
    await eventually(() => window.text("cut-note")).toMatch(
      /\(close code 1006\)\. Letters written meanwhile: [3-5]/,
    );
    await window.press("cut", "Come back");
    await eventually(() => window.text("cut-after")).toMatch(/^recovered: true/);
    const [, id = ""] = /trace=([\w-]{22})/.exec(await window.text("handshake-request")) ?? [];
    await eventually(async () => {
      const response = await fetch(`${line.url}channels/story:${id}?guest`);
      const { publications } = (await response.json()) as { publications: { offset: number }[] };
      const shown = await window.page.locator("#cut .log-rail .log-offset").allTextContents();
      return shown.map(Number).join() === publications.map(({ offset }) => offset).join();
    }).toBe(true);
    const states = await window.page.evaluate<string[]>(
      "[...document.querySelectorAll('#cut .log-rail .log-entry')].map((each) => each.dataset.state)",
    );
    expect(states).toEqual(expect.arrayContaining(["live", "recovered"]));
    expect(states).not.toContain("missed");
  });

  it("closes from either side, with code and reason", async () => {
    const line = await serve();
    const window = await StoryWindow.open(browser, line.url);
    await window.openLine();
    await window.press("close", "Let the server hang up");
    await eventually(() => window.text("close-code")).toBe("4500");
    expect(await window.text("close-reason")).toBe("you asked the server to close");
    const before = line.of("line").received;
    await window.press("close", "Try to send");
    await eventually(() => window.text("close-note")).toMatch(/will never send them/);
    expect(line.of("line").received).toBe(before);
    await window.press("close", "Open one");
    await window.press("close", "Hang up");
    await eventually(() => window.text("close-code")).toBe("1000");
    await eventually(() => window.page.locator("#close .frame-row").allInnerTexts()).toHaveLength(2);
  });

  it("compares three ways and loading once by what went over the line", async () => {
    const line = await serve();
    const window = await StoryWindow.open(browser, line.url);
    await window.press("cost", "Run all three");
    await eventually(() => window.text("cost-note")).toMatch(/^Here polling took/);
    for (const [lane, label] of [
      ["poll", "rpoll"],
      ["long", "rlong"],
      ["line", "rline"],
    ] as const) {
      expect(await window.text(`cost-letters-${lane}`)).toBe("4 of 4");
      await window.untilFigure(`cost-bytes-${lane}`, () => line.bytesOf(label));
      await window.untilFigure(`cost-requests-${lane}`, () => line.of(label).requests);
    }
    await window.press("once", "Load your letters once, each way");
    await eventually(() => window.text("once-note")).toMatch(/bytes/);
    for (const [row, label] of [
      ["http", "once"],
      ["again", "again"],
      ["line", "onceline"],
    ] as const)
      await window.untilFigure(`once-bytes-${row}`, () => line.bytesOf(label));
    expect(line.bytesOf("once")).toBeLessThan(line.bytesOf("onceline"));
  });

  it("can be played by keyboard alone", async () => {
    const line = await serve();
    const window = await StoryWindow.open(browser, line.url);
    const { page } = window;
    const focused = `(() => { const { activeElement: at } = document;
      return (at.closest('.scene')?.id ?? '') + '|' + (at.textContent ?? '').trim(); })()`;
    /** Tabs on, from wherever it is, to a button; back to the top where it lies behind. */
    const press = async (scene: string, name: string) => {
      for (let tabs = 0; tabs < 400; tabs++) {
        if ((await page.evaluate(focused)) === `${scene}|${name}`) {
          await page.keyboard.press("Enter");
          return;
        }
        await page.keyboard.press("Tab");
      }
      throw new Error(`${name} of ${scene} cannot be reached by Tab`);
    };
    await page.keyboard.press("Tab");
    expect(await page.evaluate(focused)).toBe("|Skip to the story");
    await page.keyboard.press("Enter");
    await playAll(window, press);
    expect(window.faults).toEqual([]);
  });

  it("says that WebSockets are refused on the way, and goes on over HTTP", async () => {
    const line = await serve({ refusesUpgrades: true });
    const window = await StoryWindow.open(browser, line.url);
    await window.press("handshake", "Open a WebSocket");
    await window.page.getByTestId("refused").getByText("refuses WebSockets").waitFor();
    await window.page.getByRole("textbox", { name: "What to send" }).fill("سلام 👋");
    await window.press("frames", "Send");
    await window.page
      .getByRole("list", { name: "Letters over the event stream" })
      .getByText("سلام 👋")
      .waitFor();
    for (const [scene, says] of [
      ["crowd", "comes over a WebSocket only"],
      ["cut", "The event stream does the same by itself"],
    ] as const)
      await window.page.locator(`#${scene}`).getByText(says).waitFor();
    await window.press("cost", "Run all three");
    await eventually(() => window.text("cost-letters-poll")).toBe("4 of 4");
    await eventually(() => window.text("cost-letters-long")).toBe("4 of 4");
    await window.page.locator("#cost").getByRole("cell", { name: "refused here" }).waitFor();
    await window.untilFigure("cost-bytes-poll", () => line.bytesOf("rpoll"));
    expect(window.faults).toEqual([]);
  });

  it("works in a window of 360 px over a slow network, and asks for no name", async () => {
    const line = await serve({ delayMs: 150, bytesPerSecond: 50_000 });
    const window = await StoryWindow.open(browser, line.url, {
      viewport: { width: 360, height: 740 },
      colorScheme: "dark",
    });
    await window.expectNoSidewaysScroll();
    await playAll(window, (scene, name) => window.press(scene, name));
    await window.expectNoSidewaysScroll();
    await window.untilFigure("poll-bytes", () => line.bytesOf("poll"));
    await window.untilFigure("cost-bytes-line", () => line.bytesOf("rline"));
    await window.page.evaluate(
      "for (const each of document.querySelectorAll('.scene-code')) each.open = true",
    );
    await window.expectNoSidewaysScroll();
    expect(await window.page.context().cookies()).toEqual([]);
  });

  it("has no violations, before and after it was played", async () => {
    const line = await serve();
    for (const [colorScheme, width] of [
      ["light", 1600],
      ["dark", 360],
    ] as const) {
      const window = await StoryWindow.open(browser, line.url, {
        colorScheme,
        viewport: { width, height: 800 },
      });
      // What is there before stays there.
      if (colorScheme === "light") expect(await violationsOf(window.page)).toEqual([]);
      await window.press("poll", "Ask every second");
      await eventually(() => window.figure("poll-requests")).toBeGreaterThanOrEqual(2);
      await window.openLine();
      await window.press("frames", "Send");
      await window.press("crowd", "Bring another device");
      await window.press("cost", "Run all three");
      await eventually(() => window.figure("cost-requests-poll")).toBeGreaterThanOrEqual(2);
      expect(await violationsOf(window.page)).toEqual([]);
    }
  });
});
