/** The canvas in real browsers: what one draws the others see, and nothing is lost or doubled when the line is cut. */
import { type Browser, type BrowserContextOptions, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { PageWindow } from "./page-window.js";
import { ServedChat } from "./served-chat.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;

/** In the window. */
interface Point {
  readonly x: number;
  readonly y: number;
}

type Place = readonly [number, number];

/** Places are shares of the board's width and height. */
class BoardWindow {
  readonly window: PageWindow;

  private constructor(window: PageWindow) {
    this.window = window;
  }

  static async join(browser: Browser, served: ServedChat, name: string, options: BrowserContextOptions = {}) {
    // All of the board can be seen, and reached by the mouse.
    const wide = { viewport: { width: 1280, height: 1000 }, ...options };
    const joined = new BoardWindow(await PageWindow.join(browser, served.pageUrl("canvas"), name, wide));
    await joined.untilRead();
    await joined.page.getByLabel("Brush").check({ force: true });
    return joined;
  }

  get page() {
    return this.window.page;
  }

  get board() {
    return this.page.getByTestId("board");
  }

  async untilRead(): Promise<void> {
    await eventually(() => this.strokes()).toMatch(/^\d+ strokes?$/);
  }

  async strokes(): Promise<string> {
    return (await this.page.getByTestId("strokes").textContent()) ?? "";
  }

  async untilStrokes(count: number): Promise<void> {
    await eventually(() => this.strokes()).toBe(count === 1 ? "1 stroke" : `${count} strokes`);
  }

  /** Puts the pen down and goes to a place, without lifting it. */
  async begin(from: Place, to: Place): Promise<void> {
    await this.#go(from, 1);
    await this.page.mouse.down();
    await this.#go(to, 12);
  }

  async draw(from: Place, to: Place): Promise<void> {
    await this.begin(from, to);
    await this.page.mouse.up();
  }

  /** Whether anything is painted there. */
  async hasInk([x, y]: Place): Promise<boolean> {
    return await this.page.evaluate(`(() => {
      const canvas = document.querySelector(".board canvas");
      const pixel = (x, y) =>
        canvas.getContext("2d").getImageData(x * (canvas.width - 1), y * (canvas.height - 1), 1, 1).data.join();
      return pixel(${x}, ${y}) !== pixel(0.002, 0.002);
    })()`);
  }

  async untilInk(...places: readonly Place[]): Promise<void> {
    for (const place of places) await eventually(() => this.hasInk(place)).toBe(true);
  }

  async news(): Promise<string> {
    return (await this.page.getByTestId("news").textContent()) ?? "";
  }

  async cursors(): Promise<string[]> {
    return await this.page.getByTestId("cursor").allTextContents();
  }

  async people(): Promise<string[]> {
    return await this.page
      .getByRole("list", { name: "At this board" })
      .locator("span:last-child")
      .allTextContents();
  }

  async #go([x, y]: Place, steps: number): Promise<void> {
    const box = await this.board.boundingBox();
    if (!box) throw new Error("there is no board");
    await this.page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps });
  }
}

describe.skipIf(!executablePath)("canvas in a browser", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath as string, args: launchArguments });
  }, timeLimitMs);

  afterAll(async () => {
    await browser?.close();
  }, timeLimitMs);

  it("shows strokes as they are drawn, named pointers, undo, and who cleared", async () => {
    const served = await ServedChat.start();
    const [ann, bo] = [
      await BoardWindow.join(browser, served, "Ann"),
      await BoardWindow.join(browser, served, "Bo"),
    ];
    await eventually(() => ann.people()).toEqual(["Ann", "Bo"]);
    // The pen is still down.
    await ann.begin([0.1, 0.2], [0.5, 0.2]);
    await bo.untilInk([0.2, 0.2], [0.4, 0.2]);
    await eventually(() => bo.cursors()).toEqual(["Ann"]);
    expect(await ann.cursors()).toEqual([]);
    await ann.page.mouse.up();
    await bo.draw([0.1, 0.6], [0.5, 0.6]);
    await ann.untilInk([0.3, 0.6]);
    for (const window of [ann, bo]) await window.untilStrokes(2);

    // One's own, whatever the others have drawn since.
    await ann.page.getByRole("button", { name: "Undo" }).click();
    for (const window of [ann, bo]) {
      await window.untilStrokes(1);
      await eventually(() => window.hasInk([0.3, 0.2])).toBe(false);
      await window.untilInk([0.3, 0.6]);
    }
    expect(await ann.page.getByRole("button", { name: "Undo" }).isDisabled()).toBe(true);

    const late = await BoardWindow.join(browser, served, "Late");
    await late.untilStrokes(1);
    await late.untilInk([0.3, 0.6]);
    await ann.page.getByRole("button", { name: "Clear" }).click();
    await ann.page.getByRole("button", { name: "Keep it" }).click();
    await ann.page.getByRole("button", { name: "Clear" }).click();
    await ann.page.getByRole("button", { name: "Clear the board" }).click();
    for (const window of [ann, bo, late]) {
      await window.untilStrokes(0);
      await eventually(() => window.news()).toBe("Ann cleared the board.");
      await eventually(() => window.hasInk([0.3, 0.6])).toBe(false);
    }

    // Who leaves is gone, pointer and all.
    await bo.page.mouse.move(200, 400);
    await bo.draw([0.3, 0.3], [0.4, 0.4]);
    await eventually(() => ann.cursors()).toEqual(["Bo"]);
    await bo.page.close();
    await eventually(() => ann.cursors()).toEqual([]);
    await eventually(() => ann.people()).toEqual(["Ann", "Late"]);
    for (const { window } of [ann, bo, late]) window.expectNoFaults();
  });

  it("misses nothing on either side after a lost connection, and repeats nothing", async () => {
    const served = await ServedChat.start();
    const [ann, bo] = [
      await BoardWindow.join(browser, served, "Ann"),
      await BoardWindow.join(browser, served, "Bo"),
    ];
    await ann.draw([0.1, 0.1], [0.8, 0.1]);
    await bo.untilStrokes(1);
    // Cut while the pen is down: what had no answer is sent again.
    await ann.begin([0.1, 0.3], [0.4, 0.3]);
    await ann.page.evaluate(`document.querySelector('[aria-label^="Cut the line"]').click()`);
    await ann.window.untilStatus(/^Connecting/);
    await ann.page.mouse.move(300, 600, { steps: 5 });
    await ann.page.mouse.up();
    await ann.draw([0.1, 0.5], [0.8, 0.5]);
    await ann.draw([0.1, 0.7], [0.8, 0.7]);
    expect(await ann.news()).toBe("What you draw is sent when the connection is back.");
    await ann.untilInk([0.4, 0.5], [0.4, 0.7]);
    await bo.draw([0.9, 0.1], [0.9, 0.8]);
    await bo.untilStrokes(3);
    await ann.window.untilLive();
    const places: Place[] = [
      [0.4, 0.1],
      [0.2, 0.3],
      [0.4, 0.5],
      [0.4, 0.7],
      [0.9, 0.4],
    ];
    const late = await BoardWindow.join(browser, served, "Late");
    for (const window of [ann, bo, late]) {
      await window.untilStrokes(5);
      await window.untilInk(...places);
    }
    await eventually(() => ann.news()).toBe("");

    // And for who was away.
    await bo.window.cutTheLine();
    await ann.draw([0.5, 0.9], [0.7, 0.9]);
    await ann.page.getByRole("button", { name: "Undo" }).click();
    await ann.draw([0.1, 0.9], [0.3, 0.9]);
    await late.untilStrokes(6);
    await bo.window.untilLive();
    await bo.untilStrokes(6);
    await bo.untilInk([0.2, 0.9]);
    expect(await bo.hasInk([0.6, 0.9])).toBe(false);
    for (const { window } of [ann, bo, late]) window.expectNoFaults();
  });

  it("is usable by keyboard alone", async () => {
    const served = await ServedChat.start();
    const [ann, bo] = [
      await BoardWindow.join(browser, served, "Ann"),
      await BoardWindow.join(browser, served, "Bo"),
    ];
    const { keyboard } = ann.page;
    await ann.board.focus();
    // From the middle: held down to the right, then kept down to the bottom.
    await keyboard.down(" ");
    for (let count = 0; count < 4; count++) await keyboard.press("Shift+ArrowRight");
    await keyboard.up(" ");
    await keyboard.press("Shift+ArrowRight");
    await keyboard.press("Enter");
    for (let count = 0; count < 3; count++) await keyboard.press("Shift+ArrowDown");
    await keyboard.press("Enter");
    await bo.untilStrokes(2);
    await bo.untilInk([0.6, 0.5], [0.75, 0.6]);
    expect(await bo.hasInk([0.725, 0.5])).toBe(false);
    await keyboard.press("Control+z");
    await bo.untilStrokes(1);
    // The tools are reached by Tab, and arrows go from one to the next.
    await ann.page.getByRole("radio", { name: "Ink" }).focus();
    await keyboard.press("ArrowRight");
    expect(await ann.page.getByRole("radio", { name: "Kelp" }).isChecked()).toBe(true);
    ann.window.expectNoFaults();
  });

  it("fits a phone, draws by touch, keeps the drawing on resize, and has several boards", async () => {
    const served = await ServedChat.start();
    const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, deviceScaleFactor: 3 };
    const ann = await BoardWindow.join(browser, served, "Ann", phone);
    const bo = await BoardWindow.join(browser, served, "Bo");
    await ann.window.expectNoSidewaysScroll();
    const box = await ann.board.boundingBox();
    if (!box) throw new Error("there is no board");
    const at = (x: number, y: number) => ({ x: box.x + x * box.width, y: box.y + y * box.height });
    const session = await ann.page.context().newCDPSession(ann.page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", points: Point[]) =>
      session.send("Input.dispatchTouchEvent", { type, touchPoints: points });
    const before = await ann.page.evaluate("scrollY");
    await touch("touchStart", [at(0.3, 0.9)]);
    for (let step = 1; step <= 8; step++) await touch("touchMove", [at(0.3, 0.9 - step / 10)]);
    await touch("touchEnd", []);
    expect(await ann.page.evaluate("scrollY")).toBe(before);
    for (const window of [ann, bo]) await window.untilInk([0.3, 0.5]);
    // Most of the height is the board's; two fingers move it from side to side, and draw nothing.
    expect(box.height).toBeGreaterThan(740 * 0.55);
    await ann.untilStrokes(1);
    const [left, right] = [120, 240].map((x) => ({ x, y: box.y + box.height / 2 })) as [Point, Point];
    const shift = ({ x, y }: Point, by: number) => ({ x: x - by, y });
    await touch("touchStart", [left]);
    await touch("touchStart", [left, right]);
    for (let by = 20; by <= 100; by += 20) await touch("touchMove", [shift(left, by), shift(right, by)]);
    await touch("touchEnd", []);
    await eventually(async () => Math.round((await ann.board.boundingBox())?.x ?? 0)).toBe(box.x - 100);
    await ann.untilStrokes(1);
    await ann.page.setViewportSize({ width: 740, height: 360 });
    await ann.window.expectNoSidewaysScroll();
    await ann.untilInk([0.3, 0.3], [0.3, 0.7]);
    expect(await ann.hasInk([0.5, 0.5])).toBe(false);

    await ann.page.getByRole("link", { name: "reef" }).click();
    await ann.untilStrokes(0);
    await eventually(() => bo.people()).toEqual(["Bo"]);
    await bo.page.evaluate('location.hash = "reef"');
    await bo.untilStrokes(0);
    await bo.draw([0.2, 0.2], [0.6, 0.6]);
    await ann.untilStrokes(1);
    await ann.untilInk([0.4, 0.4]);
    await bo.page.goBack();
    await bo.untilInk([0.3, 0.5]);
    await bo.page.emulateMedia({ colorScheme: "dark" });
    await bo.untilInk([0.3, 0.5]);
    for (const { window } of [ann, bo]) window.expectNoFaults();
  });
});
