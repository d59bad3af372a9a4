/**
 * Every page looks as it did: at four widths, light and dark, it is compared with the thumbnails in pictures/.
 * `npm run screenshots -- baseline` takes these anew; what a failed test has seen is left in screenshots/.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { launchArguments } from "./chromium.js";
import { compare, describeDifferences, fromFile, shrink, type Thumbnail, toFile } from "./picture.js";
import { StillShowcase } from "./still-showcase.js";

// Feeds begin with what they have, and publish nothing after that.
vi.mock(import("../../apps/showcase/server/part.js"), async (load) => ({
  ...(await load()),
  repeat: () => () => {},
}));

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const isTakenAnew = process.env.HOLDFAST_TEST_PICTURES === "write";
const timeLimitMs = 300_000;
const pictures = join(import.meta.dirname, "pictures");
/** The browser that took them. */
const browserFile = join(pictures, "browser.txt");
const seen = join(import.meta.dirname, "../../screenshots");
/** Of a page that differs: what it looks like otherwise says little more. */
const maxChangedLooks = 2;
/** Of a page that is not yet drawn as it will be: a busy machine takes its time. */
const maxTries = 20;
const retryMs = 250;

const looks = [360, 768, 1280, 1920].flatMap((width) =>
  (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
);
type Look = (typeof looks)[number];

interface Sight {
  /** As whom it is seen; a guest otherwise. */
  readonly name?: string;
  readonly fill?: (showcase: StillShowcase, user: string) => Promise<void>;
  /** Something that is there once the page shows all. */
  readonly until: string;
  /** What differs from visit to visit is chosen. */
  readonly choose?: (page: Page) => Promise<void>;
  /** Whether it shows the state of its connection. */
  readonly hasLine: boolean;
}

const sights: Readonly<Record<string, Sight>> = {
  "": { until: "text=Ask every second", hasLine: false },
  chat: { fill: (showcase) => showcase.fillChat(), until: "text=nothing is missing", hasLine: true },
  leaderboard: {
    name: "Zoe",
    fill: (showcase) => showcase.fillLeaderboard(),
    until: "text=slow water",
    hasLine: true,
  },
  ticker: { fill: (showcase) => showcase.fillTicker(), until: ".chart canvas >> nth=3", hasLine: true },
  canvas: {
    name: "Zoe",
    fill: (showcase) => showcase.fillCanvas(),
    until: "text=5 strokes",
    // Everybody begins with a colour that follows from their id.
    choose: (page) => page.getByRole("radio").first().check({ force: true }),
    hasLine: true,
  },
  notices: {
    name: "Zoe",
    fill: (showcase, user) => showcase.fillNotices(user),
    until: "text=Donaudampfschifffahrt",
    hasLine: true,
  },
  lab: { until: "text=Nothing measured yet", hasLine: true },
  play: { until: "text=Press Run", hasLine: false },
  console: { until: "text=Key of the server’s API", hasLine: false },
};

/** What differs from machine to machine, or at random: the font of code, fields of the system, and colours of people. */
const steadyStyles = `
  :root { --font-code: "Holdfast Text" !important; }
  * { caret-color: transparent !important; scrollbar-width: none !important; }
  .avatar { background: #0b615c !important; }
`;

/** Ids, epochs and ports, all of which are of one length but for the port. */
const steadyTextScript = `(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode())
    walker.currentNode.data = walker.currentNode.data
      .replace(/localhost:[0-9]+/g, "localhost:8000")
      .replace(/notices:[a-zA-Z0-9_-]{16}/g, "notices:0123456789abcdef")
      .replace(/^[a-zA-Z0-9_-]{16}(?=:|$)/, "0123456789abcdef");
})()`;

describe.skipIf(!executablePath)("pictures of pages", { timeout: timeLimitMs }, () => {
  let browser: Browser;
  let blank: Page;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
    blank = await browser.newPage();
    if (!isTakenAnew) return;
    mkdirSync(pictures, { recursive: true });
    writeFileSync(browserFile, `Chromium ${browser.version()}\n`);
  });

  afterAll(() => browser?.close());

  it.each(Object.keys(sights))("are as before: %s", async (name) => {
    const page = await open(browser, name);
    const changes: string[] = [];
    for (const look of looks) {
      if (changes.length >= 2 * maxChangedLooks) break;
      await show(page, look);
      const file = `${name || "start"}-${look.width}-${look.colorScheme}.webp`;
      if (isTakenAnew)
        writeFileSync(join(pictures, file), await toFile(blank, await shootSettled(blank, page)));
      else changes.push(...(await changesOf(page, file)));
    }
    if (changes.length > 0) throw new Error(`${changes.join("\n")}\n${advise(browser)}`);
  });

  it("do not differ when letters are drawn another way", async () => {
    const before = await shootSettled(blank, await openNotices(browser));
    for (const [further, scale] of [
      [["--font-render-hinting=full"], 1],
      [["--font-render-hinting=none", "--disable-font-subpixel-positioning", "--enable-lcd-text"], 2],
    ] as const) {
      const other = await chromium.launch({
        executablePath: executablePath ?? "",
        args: [...launchArguments, ...further],
      });
      onTestFinished(() => other.close());
      const after = await shootSettled(blank, await openNotices(other, scale), scale);
      expect([further, compare(before, after)]).toEqual([further, []]);
    }
  });

  it("differ when something on the page does", async () => {
    const page = await openNotices(browser);
    const before = await shootSettled(blank, page);
    for (const style of [
      ".panel { visibility: hidden }",
      ".panel { background: transparent !important }",
      ".panel button { visibility: hidden }",
      ".panel { transform: translateX(12px) }",
      ".page-lead { visibility: hidden }",
      ".page-main { padding-bottom: 30rem !important }",
      ":root { --accent: #0b615c !important }",
      ":root { --ink: #50605f !important }",
      ':root { --font-text: "Liberation Sans", sans-serif !important }',
    ]) {
      const added = await page.addStyleTag({ content: style });
      expect(compare(before, await shrink(blank, await shoot(page))), style).not.toEqual([]);
      await added.evaluate((element: { remove(): void }) => element.remove());
    }
    expect(compare(before, await shootSettled(blank, page))).toEqual([]);
  });

  /** @returns what differs from a file, once the page stays so */
  async function changesOf(page: Page, name: string): Promise<string[]> {
    const file = join(pictures, name);
    if (!existsSync(file)) return [`${name} is missing.`];
    const expected = await fromFile(blank, readFileSync(file));
    for (let tries = 1; ; tries++) {
      const screenshot = await shoot(page);
      const differences = compare(expected, await shrink(blank, screenshot));
      if (differences.length === 0) return [];
      if (tries === maxTries) {
        mkdirSync(seen, { recursive: true });
        const jpeg = `seen-${name.replace("webp", "jpeg")}`;
        writeFileSync(join(seen, jpeg), screenshot);
        return [`${name} differs from what is now in screenshots/${jpeg}:`, describeDifferences(differences)];
      }
      await page.waitForTimeout(retryMs);
    }
  }
});

function advise(browser: Browser): string {
  const before = existsSync(browserFile) ? readFileSync(browserFile, "utf8").trim() : "another browser";
  return (
    `The pictures were taken with ${before}; this is Chromium ${browser.version()}, which may draw differently. ` +
    "If the pages look as they should, renew the pictures with `npm run screenshots -- baseline`, and commit them."
  );
}

/** A page with its data and the login that it needs, which goes on from one look to the next without being loaded again. */
async function open(browser: Browser, name: string, deviceScaleFactor = 1): Promise<Page> {
  const showcase = await StillShowcase.start();
  // The console's policy refuses the styles that are added.
  const page = await showcase.open(browser, { deviceScaleFactor, bypassCSP: true });
  const { name: as, fill, until, choose, hasLine } = sights[name] as Sight;
  const query = as === undefined ? "" : `?as=${as}`;
  let user = "";
  if (as !== undefined) {
    await page.goto(showcase.url(name, query));
    await page.getByRole("button", { name: "Log out" }).waitFor();
    const answer = await page.request.get(showcase.url("", `me${query}`));
    user = ((await answer.json()) as { session: { user: string } }).session.user;
  }
  await fill?.(showcase, user);
  await page.goto(showcase.url(name, query));
  await page.locator(until).first().waitFor({ state: "attached" });
  if (hasLine) await page.getByText("Live", { exact: true }).first().waitFor({ state: "attached" });
  await choose?.(page);
  await page.addStyleTag({ content: steadyStyles });
  return page;
}

async function show(page: Page, { width, colorScheme }: Look): Promise<void> {
  await page.setViewportSize({ width, height: width < 500 ? 740 : 800 });
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
}

async function shoot(page: Page): Promise<Buffer> {
  await page.evaluate("document.activeElement?.blur()");
  await page.evaluate("document.fonts.ready");
  await page.evaluate(steadyTextScript);
  // What scripts draw is drawn in the frame after.
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
  // A PNG of a long page takes a second, and means differ by less than one.
  return await page.screenshot({ fullPage: true, animations: "disabled", type: "jpeg", quality: 92 });
}

/** Until two in a row are the same. */
async function shootSettled(blank: Page, page: Page, scale = 1): Promise<Thumbnail> {
  let last = await shrink(blank, await shoot(page), scale);
  for (let tries = 1; tries < maxTries; tries++) {
    const next = await shrink(blank, await shoot(page), scale);
    if (compare(last, next).length === 0) return next;
    last = next;
    await page.waitForTimeout(retryMs);
  }
  throw new Error("The page does not stand still.");
}

/** A page with much that can go wrong. */
async function openNotices(browser: Browser, deviceScaleFactor = 1): Promise<Page> {
  const page = await open(browser, "notices", deviceScaleFactor);
  await show(page, { width: 1280, colorScheme: "light" });
  return page;
}
