/** Every page with the keyboard alone, and without motion for those who want none. */
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { StillShowcase } from "./still-showcase.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 180_000;
const pages = ["", "chat", "leaderboard", "ticker", "canvas", "notices", "lab", "play"];
const withName = ["chat", "leaderboard", "ticker", "canvas", "notices", "lab"];

/**
 * `controls()`: what can be pressed or typed into, and is to be seen. `look(element)`: how it and what is around it are drawn.
 * Of radio buttons, Tab reaches one of each group.
 */
const controlsScript = `
  window.describeControl = (element) => element.tagName.toLowerCase() + " " +
    (element.getAttribute("aria-label") || element.name || element.textContent.trim().slice(0, 40) || element.className);
  window.controls = () => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
    .filter((element) => !element.disabled && element.tabIndex >= 0 && !element.closest("[inert]") && element.checkVisibility({ visibilityProperty: true }))
    .filter((element) => element.type !== "radio" || element.checked);
  const withAncestors = (element) => element ? [element, ...withAncestors(element.parentElement)] : [];
  window.lookOf = (element) => [...withAncestors(element), element.nextElementSibling].map((each) => {
    if (!each) return "";
    const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor } = getComputedStyle(each);
    return [outlineStyle === "none" ? "" : outlineWidth + outlineColor, boxShadow, borderColor, backgroundColor].join();
  }).join("; ");
  window.noteFocus = () => {
    const { activeElement } = document;
    if (activeElement) reached.add(activeElement);
    const look = activeElement && before.get(activeElement);
    return {
      isUnseen: Boolean(look) && look === lookOf(activeElement),
      name: activeElement ? describeControl(activeElement) : "",
      isDone: [...before.keys()].every((element) => reached.has(element) || !element.isConnected),
    };
  };
`;

interface Focus {
  /** It looks as it does without the focus. */
  readonly isUnseen: boolean;
  readonly name: string;
  /** All controls have had it. */
  readonly isDone: boolean;
}

describe.skipIf(!executablePath)("pages by keyboard", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
  });

  afterAll(() => browser?.close());

  it.each([
    ...pages.map((page) => [page, "", 1280] as const),
    ...withName.map((page) => [page, "?as=Zoe", 360] as const),
  ])("reach every control with Tab, and show where they are: %s%s at %i px", async (name, search, width) => {
    const showcase = await StillShowcase.start();
    await showcase.fillLeaderboard();
    const page = await showcase.open(browser, { viewport: { width, height: 800 } });
    await openPage(showcase, page, name, search);
    await page.evaluate("document.activeElement?.blur()");
    await page.evaluate(
      "window.before = new Map(controls().map((element) => [element, lookOf(element)])), window.reached = new Set()",
    );
    const count = await page.evaluate<number>("before.size");
    expect(count).toBeGreaterThan(8);
    const unseen: string[] = [];
    // Twice around, since Tab may begin in the middle of the page.
    for (let pressed = 0; pressed < 2 * count + 10; pressed++) {
      await page.keyboard.press("Tab");
      const { isUnseen, name: control, isDone } = await page.evaluate<Focus>("noteFocus()");
      if (isUnseen) unseen.push(control);
      if (isDone) break;
    }
    const missed = await page.evaluate<string[]>(
      "[...before.keys()].filter((element) => !reached.has(element) && element.isConnected).map(describeControl)",
    );
    expect({ missed, unseen }).toEqual({ missed: [], unseen: [] });
  });

  it.each(withName)(
    "close with Escape what Enter has opened, and return to where they were: %s",
    async (name) => {
      const showcase = await StillShowcase.start();
      const page = await showcase.open(browser, { viewport: { width: 360, height: 740 } });
      await openPage(showcase, page, name, "");
      const inside = page.getByRole("button", { name: "Look inside" });
      await inside.press("Enter");
      await page.getByRole("heading", { name: "Connection" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("heading", { name: "Connection" }).waitFor({ state: "detached" });
      await eventually(() => isFocused(page, "Look inside")).toBe(true);
      if (name === "chat") {
        for (const [button, sheet] of [
          [/rooms/i, "Rooms"],
          [/people|here/i, "People here"],
        ] as const) {
          await page.locator(".room-header").getByRole("button", { name: button }).press("Enter");
          const panel = page.getByRole("complementary", { name: sheet });
          await panel.waitFor();
          await page.keyboard.press("Escape");
          await panel.waitFor({ state: "hidden" });
          await eventually(() => isFocused(page, button)).toBe(true);
        }
        return;
      }
      const choose = page.getByRole("button", { name: "Choose a name" }).first();
      await choose.press("Enter");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await eventually(() => isFocused(page, "Choose a name")).toBe(true);
    },
  );

  it.each(pages)("move nothing for those who want no motion: %s", async (name) => {
    const showcase = await StillShowcase.start();
    const page = await showcase.open(browser);
    await openPage(showcase, page, name, withName.includes(name) ? "?as=Zoe" : "");
    await act(page, name);
    expect(await page.evaluate<string[]>(movingScript)).toEqual([]);
  });

  it("move something for others", async () => {
    const showcase = await StillShowcase.start();
    const page = await showcase.open(browser, { reducedMotion: "no-preference" });
    await openPage(showcase, page, "leaderboard", "?as=Zoe");
    await act(page, "leaderboard");
    await eventually(() => page.evaluate<string[]>(movingScript)).not.toEqual([]);
  });
});

/** What goes on by itself, and lasts long enough to be seen. */
const movingScript = `[
  ...document.getAnimations()
    .filter(({ playState, effect }) => playState === "running" && effect.getComputedTiming().duration > 10)
    .map(({ effect, animationName, transitionProperty }) => (animationName ?? transitionProperty) + " of " + effect.target?.className),
  ...(getComputedStyle(document.documentElement).scrollBehavior === "smooth" ? ["smooth scrolling"] : []),
]`;

async function openPage(showcase: StillShowcase, page: Page, name: string, search: string): Promise<void> {
  await page.addInitScript(controlsScript);
  await page.goto(showcase.url(name, search));
  if (name !== "" && name !== "play") await page.getByText("Live", { exact: true }).first().waitFor();
  else
    await page
      .getByRole("button", { name: /^(?:Run|Ask every second)$/ })
      .first()
      .waitFor();
}

/** Does on the page what brings motion with it for others. */
async function act(page: Page, name: string): Promise<void> {
  if (name === "leaderboard") {
    await page.getByRole("button", { name: "Begin a round" }).click();
    await page.locator(".drifter").first().waitFor({ state: "attached" });
  }
  if (name === "")
    for (const button of ["Ask every second", "Open a WebSocket"])
      await page.getByRole("button", { name: button, exact: true }).click();
  if (name !== "" && name !== "play")
    await page.getByRole("button", { name: "Cut the line for six seconds" }).click();
}

async function isFocused(page: Page, name: string | RegExp): Promise<boolean> {
  const focused = await page.evaluate<string>("describeControl(document.activeElement)");
  return typeof name === "string" ? focused === `button ${name}` : name.test(focused);
}
