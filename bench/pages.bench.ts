/**
 * How soon do the showcase's pages show something, and how much moves after that, on a phone with a slow line? Chromium emulates
 * both. Every load is the first: nothing is cached.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { emulateSlowPhone, shiftScript } from "../test/browser/slow-phone.js";
import { readOptions, runBench } from "./support/command.js";
import { describe, describeMachine, Progress, table } from "./support/report.js";

const root = join(import.meta.dirname, "..");
const pages = ["", "chat", "leaderboard", "ticker", "canvas", "notices", "lab", "play"];

const description = {
  name: "pages",
  about:
    "First paint, largest paint (LCP), layout shift (CLS), bytes and requests of each page on a slow phone.",
  options: {
    runs: { value: "N", default: "3", about: "loads of each page; the median counts" },
    chromium: { value: "FILE", default: "/usr/bin/chromium", about: "the browser" },
  },
};

interface Load {
  readonly firstMs: number;
  readonly largestMs: number;
  readonly shift: number;
  /** With header fields. */
  readonly bytes: number;
  readonly requests: number;
}

/** Largest paints, too, are told to an observer alone. */
const paintScript = `
  window.largestMs = 0;
  new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) window.largestMs = startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
`;

const settledMs = 5000;

await runBench(async () => {
  const options = readOptions(description);
  const runs = options.integer("runs", { min: 1 });
  const executablePath = options.text("chromium") ?? "";
  const server = spawn(process.execPath, [join(root, "apps/showcase/dist/server/main.js"), "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, HOLDFAST_DATA: "memory" },
  });
  const progress = new Progress();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const url = await addressOf(server);
    console.log(describe(describeMachine()));
    const rows: string[][] = [];
    for (const page of pages) {
      const address = new URL(page === "" ? "/" : `/${page}/`, url).href;
      progress.say(`pages: loading ${page || "start"}`);
      const slow = await loads(browser, address, 4, runs);
      const slower = await loads(browser, address, 6, runs);
      rows.push([
        page || "start",
        ...[slow.firstMs, slow.largestMs, slower.firstMs, slower.largestMs].map((ms) => ms.toFixed(0)),
        slow.shift.toFixed(3),
        (slow.bytes / 1000).toFixed(1),
        slow.requests.toFixed(0),
      ]);
    }
    progress.clear();
    console.log(
      table(
        ["", "first paint ms, 4×", "LCP ms, 4×", "first paint ms, 6×", "LCP ms, 6×", "CLS", "kB", "requests"],
        rows,
      ),
    );
  } finally {
    await browser.close();
    server.kill();
  }
});

async function addressOf(server: ChildProcess): Promise<string> {
  let said = "";
  for await (const chunk of server.stdout as AsyncIterable<Buffer>) {
    said += chunk.toString();
    const [, url] = /listening on (http\S+)/.exec(said) ?? [];
    if (url !== undefined) {
      server.stdout?.resume();
      return url;
    }
  }
  throw new Error(`the server ended: ${said}`);
}

async function loads(browser: Browser, url: string, cpuRate: number, runs: number): Promise<Load> {
  const all: Load[] = [];
  for (let run = 0; run < runs; run++) all.push(await load(browser, url, cpuRate));
  const median = (pick: (load: Load) => number) =>
    all.map(pick).sort((a, b) => a - b)[Math.floor(runs / 2)] as number;
  return {
    firstMs: median(({ firstMs }) => firstMs),
    largestMs: median(({ largestMs }) => largestMs),
    shift: median(({ shift }) => shift),
    bytes: median(({ bytes }) => bytes),
    requests: median(({ requests }) => requests),
  };
}

async function load(browser: Browser, url: string, cpuRate: number): Promise<Load> {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await emulateSlowPhone(session, { cpuRate });
  let bytes = 0;
  let requests = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
    requests++;
  });
  await page.addInitScript(shiftScript + paintScript);
  await page.goto(url);
  await page.waitForTimeout(settledMs);
  const [firstMs = 0, largestMs = 0, shift = 0] = await page.evaluate<number[]>(
    "[performance.getEntriesByName('first-contentful-paint')[0].startTime, window.largestMs, window.layoutShift]",
  );
  await context.close();
  return { firstMs, largestMs, shift, bytes, requests };
}
