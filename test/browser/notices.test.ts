/** Notifications in real browsers: from people and programs, read in one window and so in all, none missing and none twice. */
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { PageWindow } from "./page-window.js";
import { createFolder, ServedChat } from "./served-chat.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;
const key = "a key for programs of tests";

const unreadOf = async (page: Page) => (await page.getByTestId("unread").textContent()) ?? "";
const textsOf = (page: Page) => page.getByTestId("notice").locator(".notice-text").allTextContents();

async function send({ page }: PageWindow, name: string, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "To (name)" }).fill(name);
  await page.getByRole("textbox", { name: "Text" }).fill(text);
  await page.getByRole("button", { name: "Send", exact: true }).click();
}

/** Sends one and waits until the server has it. */
async function sendSurely(window: PageWindow, name: string, text: string): Promise<void> {
  await send(window, name, text);
  await eventually(() => window.page.getByRole("textbox", { name: "Text" }).inputValue()).toBe("");
}

/** Does what the line for a shell does that the page shows. */
async function publishAsShown({ page }: PageWindow): Promise<number> {
  const line = (await page.getByTestId("curl").textContent()) ?? "";
  const [, body = "", address = ""] = /-d '(.*)' (\S+)$/.exec(line) ?? [];
  const answer = await fetch(address, { method: "POST", headers: { "X-API-Key": key }, body });
  return answer.status;
}

describe.skipIf(!executablePath)("notifications in a browser", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath as string, args: launchArguments });
  }, timeLimitMs);

  afterAll(async () => {
    await browser?.close();
  }, timeLimitMs);

  async function start(flags: readonly string[] = []) {
    const served = await ServedChat.start({ flags: ["--api-keys", key, ...flags] });
    const url = served.pageUrl("notices");
    const ann = await PageWindow.join(browser, url, "Ann");
    const bo = await PageWindow.join(browser, url, "Bo");
    return { served, url, ann, bo };
  }

  it("arrive from people by name, and reading in one window marks them read in others, and after a reload", async () => {
    const { url, ann, bo } = await start();
    const second = await bo.page.context().newPage();
    await second.goto(`${url}?as=Bo`);
    await eventually(() => unreadOf(second)).toBe("nothing unread");
    // Toasts go after some seconds: it is waited for before it comes.
    const toast = bo.page.getByTestId("toast").filter({ hasText: "bring boots" }).waitFor();
    await sendSurely(ann, "bo", "the tide turns");
    await sendSurely(ann, "Bo", "bring boots");
    await toast;
    for (const page of [bo.page, second]) {
      await eventually(() => textsOf(page)).toEqual(["bring boots", "the tide turns"]);
      await eventually(() => unreadOf(page)).toBe("2 unread");
      await eventually(() => page.title()).toBe("(2) Notifications · Holdfast");
    }
    await second.getByRole("button", { name: "Mark as read: the tide turns" }).click();
    await eventually(() => unreadOf(bo.page)).toBe("1 unread");
    await bo.page.reload();
    await eventually(() => unreadOf(bo.page)).toBe("1 unread");
    expect(await textsOf(bo.page)).toEqual(["bring boots", "the tide turns"]);
    await bo.page.getByRole("button", { name: "Dismiss: the tide turns" }).click();
    await eventually(() => textsOf(second)).toEqual(["bring boots"]);
    await bo.page.getByRole("button", { name: "Mark all as read" }).click();
    await eventually(() => unreadOf(second)).toBe("nothing unread");
    await eventually(() => second.title()).toBe("Notifications · Holdfast");
    expect(await textsOf(ann.page)).toEqual([]);
    for (const window of [ann, bo]) window.expectNoFaults();
  });

  it("arrive from programs, by the command that the page shows", async () => {
    const { ann, bo } = await start();
    expect(await publishAsShown(bo)).toBe(200);
    await eventually(() => textsOf(bo.page)).toEqual(["All tests pass"]);
    await bo.page.getByTestId("notice").getByText("CI", { exact: true }).waitFor();
    await bo.page.getByText("showcase-keys.json").waitFor();
    expect(await textsOf(ann.page)).toEqual([]);
  });

  it("all arrive after a lost connection, each once", async () => {
    const { ann, bo } = await start();
    await sendSurely(ann, "Bo", "before");
    await eventually(() => textsOf(bo.page)).toEqual(["before"]);
    await bo.cutTheLine();
    for (const text of ["one", "two", "three"]) await sendSurely(ann, "Bo", text);
    expect(await publishAsShown(bo)).toBe(200);
    await bo.untilLive();
    const all = ["All tests pass", "three", "two", "one", "before"];
    await eventually(() => textsOf(bo.page)).toEqual(all);
    await eventually(() => unreadOf(bo.page)).toBe("5 unread");
    await sendSurely(ann, "Bo", "after");
    await eventually(() => textsOf(bo.page)).toEqual(["after", ...all]);
    for (const window of [ann, bo]) window.expectNoFaults();
  });

  it("arrive later, also for someone who moved to another page", async () => {
    const { served, url, bo } = await start();
    await bo.page.getByRole("button", { name: "Send me one in 5 s" }).click();
    await bo.page.getByText("It arrives in 5 s.").waitFor();
    await bo.page.goto(`${served.pageUrl("ticker")}?as=Bo`);
    await bo.untilLive();
    await bo.page.goto(`${url}?as=Bo`);
    await eventually(() => textsOf(bo.page)).toEqual([
      "You asked for this one 5 s ago. It found every window you have open.",
    ]);
    await eventually(() => unreadOf(bo.page)).toBe("1 unread");
    bo.expectNoFaults();
  });

  it("are told of in the corner of any page", async () => {
    const { served, ann, bo } = await start();
    await bo.page.goto(`${served.pageUrl("leaderboard")}?as=Bo`);
    await bo.page.locator('.toasts[data-live="true"]').waitFor({ state: "attached" });
    const toast = bo.page.getByTestId("toast").filter({ hasText: "the tide turns" }).waitFor();
    await sendSurely(ann, "Bo", "the tide turns");
    await toast;
    bo.expectNoFaults();
  });

  it("explain what the server refuses", async () => {
    const { ann } = await start();
    await send(ann, "Nobody", "hello");
    await ann.page.getByText("There is nobody named Nobody.").waitFor();
    const text = ann.page.getByRole("textbox", { name: "Text" });
    const outcome = ann.page.getByTestId("outcome");
    // Five at once are taken, and slow machines have earned some more by then.
    let isRefused = false;
    for (let count = 0; count < 50 && !isRefused; count++) {
      await send(ann, "Bo", `number ${count}`);
      await eventually(async () => {
        isRefused = /^You have sent many: try again in \d s\.$/.test((await outcome.textContent()) ?? "");
        return isRefused || (await text.inputValue()) === "";
      }).toBe(true);
    }
    expect(isRefused).toBe(true);
    expect(await text.inputValue()).toMatch(/^number /);
    await text.fill("x".repeat(281));
    await ann.page.getByText("-1 characters left").waitFor();
    expect(await ann.page.getByRole("button", { name: "Send", exact: true }).isDisabled()).toBe(true);
  });

  it("survive a restart of a server with a data folder, read state included", async () => {
    const { served, ann, bo } = await start(["--data", createFolder()]);
    for (const text of ["one", "two"]) await sendSurely(ann, "Bo", text);
    await bo.page.getByRole("button", { name: "Mark as read: one" }).click();
    await eventually(() => unreadOf(bo.page)).toBe("1 unread");
    // Another visit has it from the server.
    await bo.page.reload();
    await eventually(() => unreadOf(bo.page)).toBe("1 unread");
    await served.end();
    await bo.untilStatus(/^Connecting/);
    await served.startAgain();
    for (const window of [ann, bo]) await window.untilLive();
    await bo.page.reload();
    await eventually(() => textsOf(bo.page)).toEqual(["two", "one"]);
    await eventually(() => unreadOf(bo.page)).toBe("1 unread");
    await sendSurely(ann, "Bo", "three");
    await eventually(() => textsOf(bo.page)).toEqual(["three", "two", "one"]);
  });

  it("start over when a server has lost its data, without a reload", async () => {
    const { served, ann, bo } = await start();
    await sendSurely(ann, "Bo", "forgotten");
    await eventually(() => textsOf(bo.page)).toEqual(["forgotten"]);
    await served.end();
    await bo.untilStatus(/^Connecting/);
    await served.startAgain();
    for (const window of [ann, bo]) await window.untilLive();
    await eventually(() => textsOf(bo.page)).toEqual([]);
    await sendSurely(ann, "Bo", "fresh");
    await eventually(() => textsOf(bo.page)).toEqual(["fresh"]);
    await eventually(() => unreadOf(bo.page)).toBe("1 unread");
    for (const window of [ann, bo]) window.expectNoFaults();
  });

  it("are usable by keyboard alone, and fit a phone", async () => {
    const { url, ann } = await start();
    const cy = await PageWindow.join(browser, url, "Cy", { viewport: { width: 360, height: 740 } });
    for (const text of ["one", "two"]) await sendSurely(ann, "Cy", text);
    await sendSurely(ann, "Cy", "x".repeat(280));
    await eventually(() => unreadOf(cy.page)).toBe("3 unread");
    await cy.expectNoSidewaysScroll();
    // The focus goes to what is left, and not to the beginning of the page.
    await cy.page.getByRole("button", { name: "Mark as read: two" }).press("Enter");
    await eventually(() => unreadOf(cy.page)).toBe("2 unread");
    const focused = () => cy.page.evaluate<string>("document.activeElement.getAttribute('aria-label')");
    await eventually(focused).toBe("Dismiss: two");
    await cy.page.keyboard.press("Enter");
    await eventually(() => cy.page.getByTestId("notice").count()).toBe(2);
    await eventually(focused).toBe("Dismiss: one");
    cy.expectNoFaults();
  });
});
