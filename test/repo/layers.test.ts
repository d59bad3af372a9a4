import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findImports, type Import, listSources, readImports } from "./imports.js";
import { commonSubfolders, type Layer, packages, siblingFolders, subfoldersBelow } from "./layers.js";

/** The folder of the sources that a file stands in; "." for those beside the folders. */
function folderOf(path: string): string {
  return path.includes("/") ? (path.split("/", 1)[0] as string) : ".";
}

function findFault({ from, to, isOwn }: Import, layer: Layer): string | undefined {
  if (isOwn) {
    const isAllowed =
      folderOf(to) === folderOf(from) ||
      to === "errors.ts" ||
      layer.folders.includes(folderOf(to)) ||
      layer.files?.includes(to);
    return isAllowed ? undefined : `${from} imports ${to}`;
  }
  if (to.startsWith("node:")) return layer.node.includes(to.slice(5)) ? undefined : `${from} imports ${to}`;
  return layer.packages.includes(to) ? undefined : `${from} imports the package ${to}`;
}

const server = packages.find(({ sources }) => sources === "packages/holdfast/src");

it("notices an import that breaks the rule", () => {
  const upward = { from: "channels/x.ts", to: "server/server.ts", isOwn: true, isTypeOnly: false };
  const package_ = { from: "wire/x.ts", to: "ws", isOwn: false, isTypeOnly: false };
  const sockets = { from: "websocket/x.ts", to: "node:net", isOwn: false, isTypeOnly: false };
  for (const each of [upward, package_, sockets])
    expect(findFault(each, server?.layers[folderOf(each.from)] as Layer)).toContain(each.from);
});

it("knows imports of types from those that load a module, also where a file has both of one module", () => {
  const text = `import type { A } from "./a.js";
import { a } from "./a.js";
import type {
  B,
} from "./b.js";
import { type C } from "./c.js";
export type { D } from "../other/a.js";
import type from "./e.js";
`;
  const found = findImports(text, "/src", "folder/x.ts");
  expect(found.map(({ to, isTypeOnly }) => [to, isTypeOnly])).toEqual([
    ["folder/a.ts", true],
    ["folder/a.ts", false],
    ["folder/b.ts", true],
    ["folder/c.ts", false],
    ["other/a.ts", true],
    ["folder/e.ts", false],
  ]);
});

describe.each(packages)("layers of $sources", ({ sources: folder, layers, browserEntries }) => {
  const root = join(import.meta.dirname, "../..", folder);
  const sources = listSources(root);
  const imports = sources.flatMap((source) => readImports(root, source));
  const isServer = folder === "packages/holdfast/src";

  it("reads the imports there are", () => {
    expect(imports.length).toBeGreaterThan(50);
    if (!isServer) return;
    const own = { isOwn: true, isTypeOnly: false };
    expect(imports).toContainEqual({ from: "server/server.ts", to: "channels/delivery.ts", ...own });
    expect(imports).toContainEqual({ from: "cli/program.ts", to: "commander", ...own, isOwn: false });
  });

  it("has a rule for every folder", () => {
    const folders = new Set(sources.map(folderOf));
    folders.delete(".");
    expect([...folders].filter((folder) => layers[folder] === undefined)).toEqual([]);
  });

  it("imports downwards only", () => {
    const faults = imports
      .filter(({ from }) => layers[folderOf(from)] !== undefined)
      .map((each) => findFault(each, layers[folderOf(each.from)] as Layer))
      .filter((fault) => fault !== undefined);
    expect(faults).toEqual([]);
  });

  it("lets nothing of Node.js into what runs in browsers", () => {
    for (const entry of browserEntries) {
      const reached = reachedFrom(entry);
      expect(reached.size).toBeGreaterThan(2);
      expect([...reached].filter((to) => /^node:|(?:^|\/)websocket\.ts$|^lmdb$/.test(to))).toEqual([]);
    }
    if (folder === "packages/client/src")
      expect(reachedFrom("node.ts")).toContain("../../holdfast/src/sockets/web-socket.ts");
  });

  it("keeps implementations of one contract apart", () => {
    const faults = imports.filter(({ from, to, isOwn }) => {
      const [folder, own] = from.split("/");
      const [toFolder, other] = to.split("/");
      // What all of them share stands in files beside the subfolders, or in a common one.
      const isCommon =
        other?.endsWith(".ts") ||
        commonSubfolders.includes(`${toFolder}/${other}`) ||
        subfoldersBelow[`${folder}/${own}`] === `${toFolder}/${other}`;
      const isSibling = folder === toFolder && own !== other && !isCommon;
      return isOwn && isSibling && siblingFolders.includes(folder as string);
    });
    expect(faults).toEqual([]);
  });

  it("uses no clock, timer or platform where a layer has none", () => {
    const faults = sources.flatMap((source) => {
      const forbidden = layers[folderOf(source)]?.forbiddenGlobals;
      const code = readFileSync(join(root, source), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      const found = forbidden?.exec(code.replace(/`[^`]*`|"[^"]*"/g, ""));
      return found ? [`${source} uses ${found[0]}`] : [];
    });
    expect(faults).toEqual([]);
  });

  it("has no import cycles", () => {
    const edges = new Map<string, string[]>();
    // Imports of types alone vanish when compiled, and so cannot make a cycle at run time.
    for (const { from, to, isOwn, isTypeOnly } of imports) {
      if (!isOwn || isTypeOnly) continue;
      edges.set(from, [...(edges.get(from) ?? []), to]);
    }
    expect(findCycle(edges)).toBeUndefined();
  });

  /** Modules that are loaded with an entry, its own and those of others. */
  function reachedFrom(entry: string, reached = new Set<string>()): Set<string> {
    for (const { from, to, isOwn, isTypeOnly } of imports) {
      if (from !== entry || reached.has(to) || (isOwn && isTypeOnly)) continue;
      reached.add(to);
      if (isOwn) reachedFrom(to, reached);
    }
    return reached;
  }
});

function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    for (const next of edges.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of edges.keys()) {
    const cycle = visit(node, []);
    if (cycle) return cycle;
  }
  return undefined;
}
