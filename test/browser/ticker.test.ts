/** The ticker in real browsers: all symbols at once, the newest of each after a break, and a reader that is slow. */
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { PageWindow } from "./page-window.js";
import { ServedChat } from "./served-chat.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;

const rowsOf = ({ page }: PageWindow) => page.locator(".quotes-table tbody tr");
const numberIn = (text: string | null) => Number((text ?? "").replace(/[^\d.]/g, ""));
const received = async ({ page }: PageWindow) =>
  numberIn(await page.getByTestId("received-total").textContent());

/** Run in the page. */
const readPrices = `[...document.querySelectorAll(".quotes-table tbody tr")].map((row) => {
  const text = (part) => row.querySelector(part)?.textContent ?? "";
  return text(".symbol-code") + " " + text("td.price").replace(/[^\\d.]/g, "");
})`;
const readLights = `[...document.querySelectorAll("td.lit")].map((cell) => getComputedStyle(cell).backgroundColor)`;

/** Symbols and prices as they stand in the table, of what a search finds. */
async function pricesOf({ page }: PageWindow): Promise<string[]> {
  return await page.evaluate<string[]>(readPrices);
}

async function search({ page }: PageWindow, text: string): Promise<void> {
  await page.getByRole("searchbox", { name: "Search a symbol or a name" }).fill(text);
}

/** Two windows that look at the same moment have the same prices, sooner or later. */
async function untilAlike(first: PageWindow, second: PageWindow): Promise<void> {
  await eventually(async () => {
    const [one, other] = await Promise.all([pricesOf(first), pricesOf(second)]);
    return one.length > 0 && one.join() === other.join();
  }).toBe(true);
}

describe.skipIf(!executablePath)("the ticker in a browser", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath as string, args: launchArguments });
  }, timeLimitMs);

  afterAll(async () => {
    await browser?.close();
  }, timeLimitMs);

  it("has live prices for all 200 symbols at once, the same for everyone", async () => {
    const served = await ServedChat.start();
    const url = served.pageUrl("ticker");
    const [ann, bo] = await Promise.all(["Ann", "Bo"].map((name) => PageWindow.join(browser, url, name)));
    if (!ann || !bo) throw new Error("nobody came");
    await eventually(() => rowsOf(ann).count()).toBe(200);
    const prices = await pricesOf(ann);
    expect(new Set(prices.map((each) => each.slice(0, 4))).size).toBe(200);
    expect(prices.every((each) => Number(each.slice(5)) > 0)).toBe(true);
    await eventually(() => received(ann)).toBeGreaterThan(500);
    for (const window of [ann, bo]) await search(window, "kelp do");
    await untilAlike(ann, bo);
    await ann.page.locator(".chosen-panel canvas").waitFor();
    await ann.page.getByText("Made up: 200 prices that walk at random (seed 7)").waitFor();
    for (const meter of ["load", "memory", "network"])
      await ann.page.getByTestId(`meter-${meter}`).locator("canvas").waitFor();
    await eventually(() => ann.page.getByTestId("meter-memory").textContent()).toMatch(/ GB of .* GB used/);
    for (const window of [ann, bo]) window.expectNoFaults();
  });

  it("has the newest of each after a lost connection, and charts without a gap", async () => {
    const served = await ServedChat.start();
    const url = served.pageUrl("ticker");
    const ann = await PageWindow.join(browser, url, "Ann");
    const bo = await PageWindow.join(browser, url, "Bo");
    for (const window of [ann, bo]) await search(window, "harbour");
    await eventually(() => received(ann)).toBeGreaterThan(200);
    // Until the machine has been measured, so that its channels have something to go on from.
    await eventually(() => ann.page.getByTestId("meter-load").textContent()).toMatch(/busy/);
    await ann.page.getByRole("button", { name: "Look inside" }).click();
    await ann.cutTheLine();
    await ann.untilStatus(/^Live, Back: recovered/);
    await untilAlike(ann, bo);
    const recoveries = ann.page.getByTestId("recoveries");
    for (const channel of ["quotes:generated", "machine:load", "machine:memory", "machine:network"])
      await recoveries
        .getByText(new RegExp(`${channel} recovered`))
        .first()
        .waitFor();
    expect(await recoveries.getByText("could not be recovered").count()).toBe(0);
    for (const window of [ann, bo]) window.expectNoFaults();
  });

  it("lets a page be a slow reader, which then gets the newest and no backlog", async () => {
    const served = await ServedChat.start();
    const url = served.pageUrl("ticker");
    const ann = await PageWindow.join(browser, url, "Ann");
    const bo = await PageWindow.join(browser, url, "Bo");
    for (const window of [ann, bo]) await search(window, "tidal");
    await eventually(() => received(ann)).toBeGreaterThan(200);
    const slowness = () => ann.page.getByTestId("slowness").textContent();
    await ann.page.getByRole("button", { name: "Be a slow reader for 8 s" }).click();
    await ann.page.getByText("Prices stop changing here, and nowhere else.").waitFor();
    await eventually(() => ann.page.getByTestId("received-rate").textContent()).toBe("0/s");
    const [still, before] = [await pricesOf(ann), await received(bo)];
    await eventually(() => received(bo)).toBeGreaterThan(before);
    const stillThen = await pricesOf(ann);
    // Unless it was over before this got its turn.
    if (/stand still/.test((await slowness()) ?? "")) expect(stillThen).toEqual(still);
    await eventually(slowness).toMatch(/changes happened/);
    const said = (await slowness()) ?? "";
    const [made = 0, came = 0] = [...said.matchAll(/[\d,]+/g)].map(([figure]) => numberIn(figure));
    expect(made).toBeGreaterThan(1000);
    expect(came).toBeGreaterThan(0);
    expect(came).toBeLessThan(made / 2);
    await untilAlike(ann, bo);
    for (const window of [ann, bo]) window.expectNoFaults();
  });

  it("is searchable, sortable and navigable by keyboard", async () => {
    const served = await ServedChat.start();
    const ann = await PageWindow.join(browser, served.pageUrl("ticker"), "Ann");
    const { page } = ann;
    await eventually(() => rowsOf(ann).count()).toBe(200);
    await page.getByRole("button", { name: "Price" }).click();
    const prices = async () => (await pricesOf(ann)).map((each) => Number(each.slice(5)));
    expect(await page.getByRole("columnheader", { name: "Price" }).getAttribute("aria-sort")).toBe(
      "descending",
    );
    // Rows out of sight are drawn when they are seen: those in sight are in order, but for a change just now.
    const [first = 0, , , , , sixth = 0] = await prices();
    expect(first).toBeGreaterThan(sixth * 0.9);
    await page.getByRole("button", { name: "Symbol" }).click();
    await search(ann, "otter");
    await eventually(() => rowsOf(ann).count()).toBe(10);
    await page.locator("button.symbol").first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Otter Charts" }).waitFor();
    await eventually(() => page.getByTestId("chosen").textContent()).toMatch(/^OTCH \d/);
    await search(ann, "nothing of the kind");
    await page.getByText("No symbol matches.").waitFor();
    ann.expectNoFaults();
  });

  it("fits a phone, and stays still under reduced motion", async () => {
    const served = await ServedChat.start();
    const ann = await PageWindow.join(browser, served.pageUrl("ticker"), "Ann", {
      viewport: { width: 360, height: 740 },
      reducedMotion: "reduce",
    });
    await eventually(() => received(ann)).toBeGreaterThan(100);
    await ann.page.getByTestId("meter-network").locator("canvas").waitFor();
    await ann.expectNoSidewaysScroll();
    const lights = await ann.page.evaluate<string[]>(readLights);
    expect(lights.filter((colour) => colour !== "rgba(0, 0, 0, 0)")).toEqual([]);
    ann.expectNoFaults();
  });
});
