import { describe, expect, it } from "vitest";
import { method } from "../../src/report/html-report.js";
import {
  classicClaim,
  createTable,
  drawChartSheet,
  drawCharts,
  formatBytes,
  formatCount,
  formatMs,
  formatPercent,
  htmlReport,
  labTransports,
  markdownTable,
} from "../../src/report/index.js";
import { measured, resultOf, settings } from "./measurement.js";

const all = labTransports.map((transport) => measured(transport));
const hostile = `<script>alert("x")</script>&'\u0000`;

describe("numbers", () => {
  it.each([
    [formatCount(1234567.4), "1,234,567"],
    [formatBytes(999), "999 B"],
    [formatBytes(1000), "1 kB"],
    [formatBytes(999_999), "1 MB"],
    [formatMs(null), "–"],
    [formatMs(0.25), "0.25 ms"],
    [formatMs(1500), "1.5 s"],
    [formatMs(300_000), "5 min"],
    [formatPercent(0.9999), "> 99.9 %"],
    [formatPercent(1), "100 %"],
    [formatPercent(0.0001), "< 0.1 %"],
    [formatPercent(0), "0 %"],
  ])("%s is %s", (formatted, expected) => {
    expect(formatted).toBe(expected);
  });
});

describe("the classic claim", () => {
  it("is made of the run's own figures", () => {
    const poll = measured("poll", {
      traffic: {
        requests: 6000,
        responses: 6000,
        emptyResponses: 5400,
        bytesUp: 1_000_000,
        bytesDown: 4_000_000,
      },
    });
    const socket = measured("websocket", { bytesPerUser: 5000, traffic: { frames: 600 } });
    expect(classicClaim(resultOf([poll, socket]))).toBe(
      "100 users polled 6,000 times in 60 s, every 1 s each. 90 % of the responses were empty, and all of it took 5 MB. " +
        "One open connection each (WebSocket) needed 600 messages and 500 kB for the same 60 messages. Polling took 10 times the bytes.",
    );
  });

  it("is not made where one side was not measured", () => {
    expect(classicClaim(resultOf([measured("poll")]))).toBeUndefined();
    expect(classicClaim(resultOf([measured("websocket")]))).toBeUndefined();
  });
});

describe("the table", () => {
  it("has a cell for each heading, and marks what the load was too busy for", () => {
    const { heads, rows, notes } = createTable(resultOf([measured("sse", { isLoadBound: true, missed: 4 })]));
    expect(rows.map((row) => row.length)).toEqual([heads.length]);
    expect(rows[0]?.join("|")).toContain("50 ms *|4, 0, 0");
    expect(notes).toHaveLength(1);
  });

  it("is Markdown with as many cells in each line, and nothing that ends one", () => {
    const lines = markdownTable(resultOf(all)).split("\n");
    expect(lines).toHaveLength(2 + all.length);
    expect(new Set(lines.map((line) => line.replace(/\\./g, "").split("|").length)).size).toBe(1);
  });
});

describe("charts", () => {
  it("are images with words for those who cannot see them, and have each transport's name", () => {
    const charts = drawCharts(resultOf(all));
    expect(charts.map(({ name }) => name)).toEqual(["bytes", "cpu", "empty", "memory", "latency"]);
    for (const { svg } of charts) {
      expect(svg).toMatch(/^<svg [^>]*role="img" aria-label="[^"]+"><title>[^<]+<\/title><desc>/);
      expect(svg.match(/>WebSocket over HTTP\/2</g)?.length).toBeGreaterThan(0);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  it("can be drawn of nothing, and of one that delivered nothing", () => {
    for (const measurements of [[], [measured("poll", { p99Ms: null, corePercent: 0, bytesPerUser: 0 })]])
      expect(drawChartSheet(resultOf(measurements))).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("draw bars as long as their values", () => {
    const [bytes] = drawCharts(
      resultOf([measured("poll", { bytesPerUser: 1000 }), measured("sse", { bytesPerUser: 250 })]),
    );
    const widths = [...(bytes?.svg ?? "").matchAll(/width="([\d.]+)" style="fill:var/g)].map(([, width]) =>
      Number(width),
    );
    expect(widths).toEqual([352, 88]);
  });
});

describe("the method", () => {
  it("says what is compressed, and of what messages are made", () => {
    const methodWith = (headers: "browser" | "minimal") =>
      method({ ...resultOf(all), settings: { ...settings, headers } }).join("\n");
    expect(methodWith("browser")).toMatch(/random letters.* are compressed/);
    expect(methodWith("minimal")).toMatch(/Nothing is compressed/);
  });
});

describe("what one browser has read", () => {
  const result = { ...resultOf(all), isByBrowser: true };

  it("says nothing of memory and opening, of which nothing is known", () => {
    expect(drawCharts(result).map(({ name }) => name)).toEqual(["bytes", "cpu", "empty", "latency"]);
    const { heads, rows } = createTable(result);
    expect(heads.flat()).not.toContain("KiB");
    expect(new Set(rows.map(({ length }) => length))).toEqual(
      new Set([createTable(resultOf(all)).heads.length - 1]),
    );
    expect(htmlReport(result)).not.toMatch(/Cost of connecting|Seed|virtual/i);
  });

  it("says how it was measured, which is not how virtual users are", () => {
    expect(method(result).join("\n")).toMatch(/One browser read over all transports at once/);
    expect(method(result).join("\n")).not.toMatch(/One transport after the other|Every user has/);
    expect(htmlReport(result)).toContain("One browser, ");
  });
});

describe("the report", () => {
  it("loads nothing, runs nothing, and escapes what comes from outside", () => {
    const result = resultOf([measured("poll", { errors: 1 }), measured("websocket")]);
    const html = htmlReport({
      ...result,
      version: hostile,
      startedAt: hostile,
      machine: { ...result.machine, cpu: hostile, node: hostile, platform: hostile },
    });
    expect(html).not.toMatch(/<script|<link|<img|<iframe|\son\w+=|https?:\/\/(?!www\.w3\.org\/2000\/svg)/i);
    expect(html).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;\ufffd");
    expect(html).toContain("&lt;b&gt;something &amp; more&lt;/b&gt;");
  });

  it("has the verdict, the claim, the table, the charts, the settings and the machine", () => {
    const html = htmlReport(resultOf(all));
    for (const part of [
      /<h1>[^<]+<\/h1>/,
      /class="claim"/,
      /class="caveats"/,
      /<table>/,
      /A &lt;fast&gt; one/,
    ])
      expect(html).toMatch(part);
    expect(html.match(/<svg/g)).toHaveLength(5);
    expect(html.match(/<tr class="chosen">/g)).toHaveLength(1);
  });
});
