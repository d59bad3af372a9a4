/** Every page, light and dark, looked over by axe (WCAG 2.2 AA and its best practices), in use and with the drawer open. */
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchArguments } from "./chromium.js";
import { PageWindow } from "./page-window.js";
import { ServedChat } from "./served-chat.js";
import { violationsOf } from "./violations.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;

const pages = ["chat", "leaderboard", "canvas", "ticker", "notices", "lab"];
const withoutLine = ["play"];

describe.skipIf(!executablePath)("pages", { timeout: timeLimitMs }, () => {
  let browser: Browser;
  let served: ServedChat;

  beforeAll(async () => {
    served = await ServedChat.startShared();
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
  });

  afterAll(async () => {
    await browser?.close();
    await served?.end();
  });

  it("with violations are detected", async () => {
    const page = await (await browser.newContext()).newPage();
    await page.setContent('<main><h1>x</h1><input><p style="color:#aaa;background:#fff">pale</p></main>');
    const found = (await violationsOf(page)).map((each) => each.split(":")[0]);
    expect(found).toEqual(expect.arrayContaining(["label", "color-contrast", "document-title"]));
    await page.context().close();
  });

  it.each(pages)("have no violations: %s", async (name) => {
    for (const [colorScheme, width] of [
      ["light", 1280],
      ["dark", 360],
    ] as const) {
      // Without motion, so that nothing is looked at while it fades.
      const options = { colorScheme, reducedMotion: "reduce", viewport: { width, height: 800 } } as const;
      const window = await PageWindow.join(browser, served.pageUrl(name), `${name} ${colorScheme}`, options);
      expect([colorScheme, await violationsOf(window.page)]).toEqual([colorScheme, []]);
      await window.page.getByRole("button", { name: "Look inside" }).click();
      await window.page.getByRole("heading", { name: "Connection" }).waitFor();
      expect([colorScheme, await violationsOf(window.page)]).toEqual([colorScheme, []]);
      await window.page.keyboard.press("Escape");
      await window.page.getByRole("heading", { name: "Connection" }).waitFor({ state: "detached" });
      await window.expectNoSidewaysScroll();
    }
  });

  it.each([...pages, ...withoutLine])("have no violations for a guest: %s", async (name) => {
    for (const colorScheme of ["light", "dark"] as const) {
      const context = await browser.newContext({ colorScheme, reducedMotion: "reduce" });
      const page = await context.newPage();
      await page.goto(served.pageUrl(name));
      await page
        .getByRole("button", { name: /^(?:Choose a name|Run)$/ })
        .first()
        .waitFor();
      expect([colorScheme, await violationsOf(page)]).toEqual([colorScheme, []]);
      await context.close();
    }
  });

  it("have no violations while they ask for a name, and at the start", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const context = await browser.newContext({ colorScheme });
      const page = await context.newPage();
      for (const [address, text] of [
        [new URL("/", served.url).href, "keeps the line open"],
        [served.pageUrl("canvas"), "What should others call you?"],
      ] as const) {
        await page.goto(address);
        if (text.endsWith("?")) await page.getByRole("button", { name: "Choose a name" }).click();
        await page.getByRole("heading", { name: text }).waitFor();
        expect([colorScheme, await violationsOf(page)]).toEqual([colorScheme, []]);
      }
      await context.close();
    }
  });
});
