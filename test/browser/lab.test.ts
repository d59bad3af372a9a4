/** The lab in a real browser, with the servers it starts: short runs, whose counts have to add up. */
import { readFileSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { PageWindow } from "./page-window.js";
import { ServedChat } from "./served-chat.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 180_000;

/** The cells of a transport's row. */
async function cellsOf({ page }: PageWindow, transport: string): Promise<string[]> {
  return await page
    .getByRole("row", { name: new RegExp(`^${transport} `) })
    .getByRole("cell")
    .allTextContents();
}

async function set({ page }: PageWindow, label: RegExp, value: string): Promise<void> {
  await page.getByRole("spinbutton", { name: label }).fill(value);
}

const measure = ({ page }: PageWindow) => page.getByRole("button", { name: "Measure" }).click();
const result = ({ page }: PageWindow) => page.getByTestId("result").waitFor({ timeout: timeLimitMs });

describe.skipIf(!executablePath)("the lab's page", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
  });

  afterAll(() => browser?.close());

  it("reads over all transports at once, shows them live, and reports their cost", async () => {
    const served = await ServedChat.start();
    const ann = await PageWindow.join(browser, served.pageUrl("lab"), "Ann");
    await set(ann, /^Messages/, "2");
    await set(ann, /^For/, "4");
    await set(ann, /^Polls every/, "0.2");
    await measure(ann);
    const cards = ann.page.getByRole("list", { name: "Readers of this browser" }).getByRole("listitem");
    await eventually(() => cards.count()).toBe(5);
    await ann.page.locator(".lab-delays canvas").waitFor();

    // Somebody else is told that it is taken, and by whom.
    const bo = await PageWindow.join(browser, served.pageUrl("lab"), "Bo");
    await measure(bo);
    await bo.page.getByText("Ann is using the lab").waitFor();

    await result(ann);
    for (const transport of ["Polling", "Long polling", "Server-sent events", "HTTP stream", "WebSocket"]) {
      const cells = await cellsOf(ann, transport);
      expect([transport, cells.at(-1)]).toEqual([transport, "none"]);
    }
    const [, emptyPolls = ""] = await cellsOf(ann, "Polling");
    expect(Number.parseFloat(emptyPolls)).toBeGreaterThan(0);
    const [, , , socketRatio] = await cellsOf(ann, "WebSocket");
    expect(socketRatio).toBe("1×");
    const [, , , pollRatio = ""] = await cellsOf(ann, "Polling");
    expect(Number.parseFloat(pollRatio)).toBeGreaterThan(1);
    await ann.page.getByText(/user polled \d+ times/).waitFor();
    expect(await ann.page.locator(".lab-charts svg").count()).toBe(4);

    const [saved] = await Promise.all([
      ann.page.waitForEvent("download"),
      ann.page.getByRole("button", { name: "Save report" }).click(),
    ]);
    expect(saved.suggestedFilename()).toBe("holdfast-lab.html");
    const report = readFileSync(await saved.path(), "utf8");
    expect(report).toContain("One browser read over all transports at once");
    expect(report).toMatch(/Node\.js<\/dt><dd>v\d/);
    expect(ann.faults).toEqual([]);
    expect([...ann.hosts].sort()).toEqual(["127.0.0.1", "localhost"]);

    // It is free again.
    await bo.page.getByRole("radio", { name: "Many users" }).check();
    await set(bo, /^Messages/, "1");
    await set(bo, /^For/, "3");
    await set(bo, /^Users/, "5");
    await measure(bo);
    await bo.page.getByText(/^Polling, 1 of 6/).waitFor();
    await bo.page.getByRole("button", { name: "Stop" }).click();
    await bo.page.getByRole("button", { name: "Measure" }).waitFor();
  });

  it("loses nothing on an unreliable connection, and fits on a phone", async () => {
    const served = await ServedChat.start();
    const options = { viewport: { width: 360, height: 700 }, colorScheme: "dark" } as const;
    const ann = await PageWindow.join(browser, served.pageUrl("lab"), "Ann", options);
    await ann.page
      .getByLabel("Preset")
      .selectOption({ label: "On a train: 80 ms delay, and the connection breaks" });
    await set(ann, /^For/, "6");
    await ann.page.getByText("Network and transports").click();
    await set(ann, /^Connection breaks/, "1");
    await measure(ann);
    await result(ann);
    for (const transport of ["Polling", "Long polling", "Server-sent events", "HTTP stream", "WebSocket"])
      expect([transport, (await cellsOf(ann, transport)).at(-1)]).toEqual([transport, "none"]);
    await ann.expectNoSidewaysScroll();
    expect(ann.faults).toEqual([]);
  });

  it("reports invalid input before any request", async () => {
    const served = await ServedChat.start();
    const ann = await PageWindow.join(browser, served.pageUrl("lab"), "Ann");
    await set(ann, /^For/, "99");
    await ann.page.getByText("For must be 3 to 30 seconds.").waitFor();
    await ann.page.keyboard.press("Enter");
    expect(await ann.page.getByText("Nothing measured yet").isVisible()).toBe(true);
    ann.expectNoFaults();
  });
});
