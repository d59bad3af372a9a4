/** The drawer that shows what is inside, and the switch that cuts the line, where somebody can count along: in the chat. */
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatWindow, eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { ServedChat } from "./served-chat.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;

describe.skipIf(!executablePath)("the inside page", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
  });

  afterAll(() => browser?.close());

  it("shows frames, cursors and recoveries live, also over a connection it cuts itself", async () => {
    const { url } = await ServedChat.start();
    const ann = await ChatWindow.join(browser, url, "Ann");
    const bo = await ChatWindow.join(browser, url, "Bo");
    await bo.say("before");
    await ann.untilTexts(["before"]);
    const { page } = ann;
    await page.getByRole("button", { name: "Look inside" }).click();
    const cursors = () => page.getByTestId("cursors").textContent();
    await eventually(cursors).toMatch(/chat:lobby[\w-]{6}:1(?!\d)/);

    await page.getByRole("button", { name: "Cut the line for six seconds" }).click();
    await ann.untilStatus(/^Connecting/);
    await bo.say("missed 1", "missed 2");
    await bo.untilSent();
    await ann.say("written offline");
    const all = ["before", "missed 1", "missed 2", "written offline"];
    for (const window of [ann, bo]) await window.untilTexts(all);
    expect(await ann.status()).toMatch(/^Live, Back: recovered 2 missed messages$/);
    await eventually(() => page.getByTestId("recoveries").textContent()).toContain(
      "chat:lobby recovered 2 since 1",
    );
    await eventually(cursors).toMatch(/chat:lobby[\w-]{6}:4(?!\d)/);

    // The break has rows of its own, and so have the closes that either side can be asked for.
    const rows = page.getByTestId("frames");
    const untilRow = (text: string | RegExp) => rows.getByText(text).first().waitFor();
    await untilRow("closed with 1006: interrupted from here");
    await untilRow(/^reconnects in .* \(attempt 1\)$/);
    await untilRow(/^101 Switching Protocols after/);
    await page.getByRole("button", { name: "Close from here" }).click();
    await untilRow("closed by this page with 1000: closed in devtools");
    await ann.untilLive();
    await page.getByRole("button", { name: "Have the server close" }).click();
    await untilRow("closed by the server with 4000: closed by the server on request");
    await ann.untilLive();
    await bo.say("after three breaks");
    await ann.untilTexts([...all, "after three breaks"]);

    // A frame opens to its header and to what was really said.
    await page.getByRole("button", { name: "Pause" }).click();
    const frame = page
      .getByTestId("frames")
      .locator("details", { hasText: "publication chat:lobby" })
      .first();
    await frame.locator("summary").click();
    await eventually(() => frame.locator("pre").textContent()).toContain('"text": "after three breaks"');
    await frame.getByText("servers do not mask").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { name: "Connection" }).waitFor({ state: "detached" });
    expect([...ann.faults, ...bo.faults]).toEqual([]);
  });
});
