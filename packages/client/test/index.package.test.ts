/** What the built client consists of: itself, and the few files of the server package that both have, but nothing of the server. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const folder = join(import.meta.dirname, "..");
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
  readonly dependencies: Record<string, string>;
  readonly exports: Record<string, Record<string, string> | string>;
};
const files = readdirSync(join(folder, "dist"), { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => /\.(?:js|d\.ts)$/.test(path));

/** Folders and files of `dist`. The WebSocket is for Node.js 20, which has none. */
const allowed = [
  /^client\/src\//,
  /^holdfast\/src\/(?:errors|without-local-storage)\./,
  /^holdfast\/src\/app\/(?:app-shape|pattern)\./,
  /^holdfast\/src\/(?:wire|sockets|time|websocket)\//,
  // Descriptions of the WebSocket's own options.
  /^holdfast\/src\/options\/(?:option|websocket|websocket-options)\./,
];

/** Modules that a file imports. */
function importsOf(path: string): readonly string[] {
  const text = readFileSync(join(folder, "dist", path), "utf8");
  return [...text.matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map((match) => match[1] as string);
}

/** Files that are loaded with an entry, and other modules. */
function reachedFrom(path: string, reached = new Set<string>()): ReadonlySet<string> {
  if (reached.has(path)) return reached;
  reached.add(path);
  for (const name of importsOf(path)) {
    if (name.startsWith(".")) reachedFrom(join(path, "..", name).replaceAll("\\", "/"), reached);
    else reached.add(name);
  }
  return reached;
}

describe("the built client", () => {
  it("contains only itself and what it shares with the server", () => {
    expect(files.filter((path) => !allowed.some((pattern) => pattern.test(path)))).toEqual([]);
    expect(files.filter((path) => /(?:server|acceptor|http|broker|session)[^/]*$/.test(path))).toEqual([]);
    expect(files).toContain("client/src/node.js");
  });

  it("needs only the SDK, and React for its hooks", () => {
    expect(Object.keys(manifest.dependencies)).toEqual(["centrifuge"]);
    const foreign = new Set(
      files.flatMap(importsOf).filter((name) => !name.startsWith(".") && !name.startsWith("node:")),
    );
    expect([...foreign].sort()).toEqual(["centrifuge", "react"]);
  });

  it("loads nothing of Node.js in a page, and no server in Node.js", () => {
    for (const entry of ["client/src/index.js", "client/src/react/index.js"])
      expect([...reachedFrom(entry)].filter((path) => /^node:|sockets|websocket/.test(path))).toEqual([]);
    const inNode = [...reachedFrom("client/src/node.js")];
    expect(inNode).toContain("holdfast/src/sockets/web-socket.js");
    expect(inNode.filter((path) => /(?:server|acceptor)[^/]*$/.test(path))).toEqual([]);
  });

  it("marks its hooks as those of client components, as the first statement", () => {
    expect(readFileSync(join(folder, "dist/client/src/react/index.js"), "utf8")).toMatch(/^"use client";/);
  });

  it("has errors that need no server", async () => {
    const code = `
      import { HoldfastError } from "./dist/client/src/index.js";
      const error = new HoldfastError("HF_CLIENT_CLOSED", undefined, { details: { a: 1 } });
      console.log(error instanceof Error, error.name, error.code, error.message, error.details.a);
    `;
    const flags = ["--input-type=module", "--eval", code];
    const output = execFileSync(process.execPath, flags, { cwd: folder, encoding: "utf8" });
    expect(output).toBe("true HoldfastError HF_CLIENT_CLOSED client is closed 1\n");
  });
});
