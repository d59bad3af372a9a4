/** What the built pages cost to load, and that they ask nobody else for anything. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";

const pages = join(import.meta.dirname, "../dist/pages");
const files = readdirSync(pages, { recursive: true, encoding: "utf8" }).filter((name) =>
  /\.(?!br$)\w+$/.test(name),
);

/** Most bytes that a page loads, compressed. Those that draw charts carry a library for it. */
const budgets: Readonly<Record<string, { readonly js: number; readonly css: number }>> = {
  "": { js: 25 * 1024, css: 8 * 1024 },
  chat: { js: 64 * 1024, css: 9 * 1024 },
  canvas: { js: 64 * 1024, css: 8 * 1024 },
  leaderboard: { js: 64 * 1024, css: 8 * 1024 },
  notices: { js: 64 * 1024, css: 8 * 1024 },
  ticker: { js: 64 * 1024, css: 9 * 1024 },
  lab: { js: 100 * 1024, css: 9 * 1024 },
  play: { js: 64 * 1024, css: 8 * 1024 },
};

/** Of styles that stand in the page. */
const disabledLink = /<link rel="stylesheet" disabled [^>]*>/g;

/** What a page names: its own files, and those that they import. */
function loadedBytes(page: string, extension: string): number {
  const html = readFileSync(join(pages, page, "index.html"), "utf8");
  const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = ""]) => name);
  const found = new Set(named.filter((name) => name.endsWith(extension)));
  return [...found].reduce(
    (sum, name) => sum + gzipSync(readFileSync(join(pages, page, name)), { level: 9 }).length,
    0,
  );
}

/** Both fonts are loaded by every page. */
const fontBudget = 40 * 1024;

describe("the built pages", () => {
  it("are the ones that the start page leads to", () => {
    const html = readFileSync(join(pages, "index.html"), "utf8");
    const led = [...new Set([...html.matchAll(/<a href="\.\/([a-z]+)\/"/g)].map(([, name]) => name))].sort();
    const built = files
      .filter((name) => /^[a-z]+\/index\.html$/.test(name))
      .map((name) => name.split("/")[0]);
    expect(built.sort()).toEqual(led);
    expect(["", ...led].sort()).toEqual(Object.keys(budgets).sort());
  });

  it.each(Object.entries(budgets))("%s: is small", (page, { js, css }) => {
    if (js > 0) expect(loadedBytes(page, ".js")).toBeGreaterThan(1000);
    expect(loadedBytes(page, ".js")).toBeLessThanOrEqual(js);
    expect(loadedBytes(page, ".css")).toBeGreaterThan(500);
    expect(loadedBytes(page, ".css")).toBeLessThanOrEqual(css);
  });

  it.each(Object.keys(budgets))(
    "%s: needs less than 100 kB in all, in Brotli as the server sends it",
    (page) => {
      const html = readFileSync(join(pages, page, "index.html"), "utf8").replaceAll(disabledLink, "");
      const named = [...html.matchAll(/(?:src|href)="([^"]+\.(?:js|css|woff2))"/g)].map(
        ([, name = ""]) => name,
      );
      const bytes = ["index.html", ...new Set(named)].reduce((sum, name) => {
        const file = join(pages, page, name);
        return sum + statSync(existsSync(`${file}.br`) ? `${file}.br` : file).size;
      }, 0);
      expect(bytes).toBeLessThan(100_000);
    },
  );

  it("share two small fonts", () => {
    const fonts = files.filter((name) => name.endsWith(".woff2"));
    expect(fonts).toHaveLength(2);
    const bytes = fonts.reduce((sum, name) => sum + readFileSync(join(pages, name)).length, 0);
    expect(bytes).toBeLessThanOrEqual(fontBudget);
  });

  it("names no other host", () => {
    const hosts = files.flatMap((name) => [
      ...readFileSync(join(pages, name), "utf8").matchAll(/\b(?:https?|wss?):\/\/([\w.-]+)/g),
    ]);
    // Names of XML namespaces, and addresses in texts.
    const others = new Set(
      hosts
        .map(([, host]) => host)
        .filter((host) => !["localhost", "127.0.0.1", "www.w3.org"].includes(host ?? "")),
    );
    expect([...others]).toEqual([]);
  });

  it("carries nothing of the server", () => {
    const code = files
      .filter((name) => name.endsWith(".js"))
      .map((name) => readFileSync(join(pages, name), "utf8"));
    for (const text of ["node:crypto", "node:fs", "lmdb", "ZodError", "showcase-keys"])
      expect(code.join("").includes(text), text).toBe(false);
  });
});
