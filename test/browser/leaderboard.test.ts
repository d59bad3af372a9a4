/** The leaderboard in real browsers: a score is everybody's while it is made, and no catch is lost when the line is cut. */
import { type Browser, type BrowserContextOptions, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { PageWindow } from "./page-window.js";
import { createFolder, ServedChat } from "./served-chat.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 180_000;

class GameWindow {
  readonly window: PageWindow;

  private constructor(window: PageWindow) {
    this.window = window;
  }

  static async join(browser: Browser, served: ServedChat, name: string, options: BrowserContextOptions = {}) {
    return new GameWindow(await PageWindow.join(browser, served.pageUrl("leaderboard"), name, options));
  }

  get page() {
    return this.window.page;
  }

  async begin(): Promise<void> {
    await this.page.getByRole("button", { name: /^(Begin a round|Once more)$/ }).click();
    await this.page.getByRole("button", { name: "Begin a round" }).waitFor({ state: "detached" });
  }

  async score(): Promise<number> {
    return Number(await this.page.getByTestId("score").textContent());
  }

  /** Draws the nets that have something worth it, by their keys, until there are so many points. */
  async playTo(points: number): Promise<void> {
    await expect
      .poll(
        async () => {
          const labels = await this.page.evaluate<string[]>(
            "[...document.querySelectorAll('.net')].map((net) => net.ariaLabel)",
          );
          const lane = labels.findIndex((label) => /(?:shell|starfish|pearl)$/.test(label));
          if (lane >= 0) await this.page.keyboard.press(String(lane + 1));
          return await this.score();
        },
        { timeout: 60_000, interval: 100 },
      )
      .toBeGreaterThanOrEqual(points);
  }

  /** Names and points, as they stand in the table. */
  async rows(): Promise<string[]> {
    return await this.page.evaluate<
      string[]
    >(`[...document.querySelectorAll("[data-testid=row]")].map((row) =>
      [".row-name", ".row-points"].map((part) => row.querySelector(part).firstChild.textContent).join(" "))`);
  }

  async playing(): Promise<string> {
    return (await this.page.getByTestId("playing").textContent()) ?? "";
  }

  async untilOver(): Promise<void> {
    await this.page.getByRole("button", { name: "Once more" }).waitFor();
  }

  async result(): Promise<string> {
    return (await this.page.getByTestId("result").textContent()) ?? "";
  }
}

describe.skipIf(!executablePath)("leaderboard in a browser", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath as string, args: launchArguments });
  }, timeLimitMs);

  afterAll(async () => {
    await browser?.close();
  }, timeLimitMs);

  it("shows a score live to all, and the same table to late and returning visitors", async () => {
    const data = createFolder();
    const served = await ServedChat.start({ flags: ["--data", data] });
    const [ann, bo] = [
      await GameWindow.join(browser, served, "Ann"),
      await GameWindow.join(browser, served, "Bo"),
    ];
    await ann.begin();
    await eventually(() => bo.playing()).toBe("Playing now: Ann (0)");
    await ann.playTo(3);
    // By the keys alone: the water has the focus as soon as a round begins.
    await eventually(() => bo.playing()).toMatch(/^Playing now: Ann \([3-9]\)$/);
    await bo.begin();
    await bo.playTo(1);
    await ann.untilOver();
    await bo.untilOver();
    await eventually(() => bo.playing()).toBe("Nobody is playing.");
    const points = { ann: await ann.score(), bo: await bo.score() };
    expect(await ann.result()).toMatch(new RegExp(`^${points.ann} points?: \\d`));
    const late = await GameWindow.join(browser, served, "Late");
    await eventually(async () => (await late.rows()).sort()).toEqual([
      `Ann ${points.ann}`,
      `Bo ${points.bo}`,
    ]);
    const table = await late.rows();
    for (const each of [ann, bo]) await eventually(() => each.rows()).toEqual(table);
    await eventually(() => ann.page.locator(".row.own .row-tag").allTextContents()).toEqual(["you"]);

    // A restart loses none of it.
    await served.end();
    await late.window.untilStatus(/^Connecting/);
    await served.startAgain();
    await late.window.untilLive();
    expect(await late.rows()).toEqual(table);
    const later = await GameWindow.join(browser, served, "Later");
    await eventually(() => later.rows()).toEqual(table);
    for (const { window } of [ann, bo, late]) window.expectNoFaults();
  });

  it("counts catches made while the connection was cut", async () => {
    const served = await ServedChat.start();
    const [ann, bo] = [
      await GameWindow.join(browser, served, "Ann"),
      await GameWindow.join(browser, served, "Bo"),
    ];
    await ann.begin();
    await ann.playTo(1);
    await ann.window.cutTheLine();
    const before = await ann.score();
    await ann.playTo(before + 1);
    expect(await ann.window.status()).toMatch(/^Connecting/);
    await ann.window.untilLive();
    await ann.untilOver();
    const points = await ann.score();
    expect(points).toBeGreaterThan(before);
    expect(await ann.result()).toBe(`${points} ${points === 1 ? "point" : "points"}: 1st of 1`);
    for (const each of [ann, bo]) await eventually(() => each.rows()).toEqual([`Ann ${points}`]);
    for (const { window } of [ann, bo]) window.expectNoFaults();
  });

  it("fits a phone, plays by touch and without motion, and is announced at a calm pace", async () => {
    const served = await ServedChat.start();
    const ann = await GameWindow.join(browser, served, "Ann", {
      ...{ viewport: { width: 360, height: 740 }, hasTouch: true, reducedMotion: "reduce" },
    });
    await ann.window.expectNoSidewaysScroll();
    await ann.page.getByRole("checkbox", { name: /^Slow water/ }).check();
    await ann.begin();
    await eventually(async () => (await ann.page.getByTestId("read-out").textContent()) ?? "").toMatch(
      /^[1-4]: (?:shell|starfish|pearl|jellyfish)$/,
    );
    await ann.window.expectNoSidewaysScroll();
    const good = ann.page.locator('.drifter:not([data-kind="jelly"])').first();
    await eventually(async () => {
      // It may be gone before it is touched.
      await good.tap({ timeout: 2000, force: true }).catch(() => {});
      return (await ann.score()) > 0;
    }).toBe(true);
    const bo = await GameWindow.join(browser, served, "Bo");
    const score = await ann.score();
    await eventually(() => bo.rows()).toEqual([`Ann ${score}`]);
    expect(await bo.page.getByTestId("row").first().textContent()).toContain("slow water");
    // A net is a button, too.
    const net = ann.page.getByRole("button", { name: /^Net \d: (?:shell|starfish|pearl)$/ }).first();
    await eventually(async () => {
      await net.tap({ timeout: 2000 }).catch(() => {});
      return (await ann.score()) > score;
    }).toBe(true);
    for (const { window } of [ann, bo]) window.expectNoFaults();
  });
});
