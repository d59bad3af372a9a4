/** What the built page costs to load, and that it asks nobody else for anything. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";

const pages = join(import.meta.dirname, "../../dist/pages");
const files = readdirSync(pages, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("."));

function gzippedBytes(extension: string): number {
  const found = files.filter((name) => name.endsWith(extension));
  return found.reduce((sum, name) => sum + gzipSync(readFileSync(join(pages, name))).length, 0);
}

describe("the built page", () => {
  it("is small", () => {
    expect(gzippedBytes(".js")).toBeGreaterThan(1000);
    expect(gzippedBytes(".js")).toBeLessThan(60 * 1024);
    expect(gzippedBytes(".css")).toBeLessThan(8 * 1024);
  });

  it("names no other host", () => {
    const hosts = files.flatMap((name) => [
      ...readFileSync(join(pages, name), "utf8").matchAll(/\b(?:https?|wss?):\/\/([\w.-]+)/g),
    ]);
    // Names of XML namespaces, and addresses in texts.
    const others = new Set(
      hosts.map(([, host]) => host).filter((host) => host !== "localhost" && host !== "www.w3.org"),
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
