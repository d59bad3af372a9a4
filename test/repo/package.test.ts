import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configOptions, findOption } from "../../packages/holdfast/src/config/option-table.js";
import { errorCodes } from "../../packages/holdfast/src/errors.js";
import { defaultOptions } from "../../packages/holdfast/src/server/options.js";
import { version } from "../../packages/holdfast/src/server/version.js";
import { disconnectTable, errorTable, unsubscribeTable } from "../../packages/holdfast/src/wire/codes.js";

import { listSources } from "./imports.js";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const manifest = JSON.parse(read("package.json")) as {
  version: string;
  exports: Record<string, { types: string; default: string } | string>;
  typesVersions: Record<"*", Record<string, string[]>>;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

describe("package", () => {
  it("says its own version", () => {
    expect(version).toBe(manifest.version);
  });

  it("exports only files that the build makes", () => {
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    );
    for (const target of [...targets, ...Object.values(manifest.bin)])
      expect(existsSync(join(root, target)), target).toBe(true);
  });

  it("has the types of every subpath where compilers without exports look for them", () => {
    const subpaths = Object.entries(manifest.exports).flatMap(([name, target]) =>
      typeof target === "string" || name === "." ? [] : [[name.slice(2), [target.types]]],
    );
    expect(manifest.typesVersions["*"]).toEqual(Object.fromEntries(subpaths));
  });

  it("gives browsers every name that servers have, and hooks to client components only", async () => {
    const forBrowsers = await import("../../packages/holdfast/src/browser.js");
    expect(Object.keys(forBrowsers).sort()).toEqual(Object.keys(await import("../../packages/holdfast/src/index.js")).sort());
    expect(() => forBrowsers.createServer()).toThrow("createServer needs Node.js, and this is a browser");
    expect(() => new forBrowsers.LmdbBroker()).toThrow("LmdbBroker needs Node.js");
    expect(read("dist/react/index.js")).toMatch(/^"use client";/);
  });

  it("has source maps with the sources in them", () => {
    const names = readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" });
    const maps = names.filter((name) => name.endsWith(".js.map"));
    const bare = maps.filter((name) => {
      const { sources, sourcesContent } = JSON.parse(read(`dist/${name}`)) as Record<string, unknown[]>;
      return sourcesContent?.length !== sources?.length;
    });
    expect([maps.length > 100, bare]).toEqual([true, []]);
  });

  it("has in it every document that its documents and messages point to", () => {
    const [{ files }] = JSON.parse(
      execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
        cwd: root,
        encoding: "utf8",
        shell: process.platform === "win32",
      }),
    ) as [{ files: { path: string }[] }];
    const packed = new Set(files.map(({ path }) => path));
    const isThere = (path: string) =>
      packed.has(path) || [...packed].some((each) => each.startsWith(`${path}/`));
    const dangling = [...packed]
      .filter((path) => path.endsWith(".md"))
      .flatMap((path) =>
        [...read(path).matchAll(/(?<!!)\[[^\]]*\]\((?!https?:|#)([^)#]+)/g)]
          .map((match) => join(path, "..", match[1] as string))
          .filter((target) => !isThere(target))
          .map((target) => `${path} → ${target}`),
      );
    expect(dangling).toEqual([]);
    const named = listSources(join(root, "src")).flatMap((path) =>
      [...read(`src/${path}`).matchAll(/"[^"\n]*?\b(docs\/[\w./-]+\.md)/g)].map(
        (match) => match[1] as string,
      ),
    );
    expect(named.filter((path) => !packed.has(path))).toEqual([]);
  });

  it.skipIf(process.platform === "win32")("has commands that can be run as they are built", () => {
    for (const file of Object.values(manifest.bin))
      expect([file, statSync(join(root, file)).mode & 0o111]).toEqual([file, 0o111]);
  });

  it("says why it depends on what it depends on", () => {
    const text = read("docs/explanation/dependencies.md");
    const names = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
    expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});

describe("reference of codes", () => {
  const text = read("docs/reference/codes.md");

  it("lists every error code of the package, and no other", () => {
    const listed = [...text.matchAll(/`(HF_[A-Z_]+)`/g)].map((match) => match[1]);
    expect(new Set(listed)).toEqual(new Set(Object.keys(errorCodes)));
  });

  it("lists every code of the client protocol with its text, and no other", () => {
    const rows = [...text.matchAll(/^\| (\d{3,4}) \| ([^|]+) \|/gm)].map(
      (match) => `${match[1]} ${match[2]?.trim()}`,
    );
    const known = [
      ...Object.values(errorTable).map(({ code, message }) => `${code} ${message}`),
      ...Object.values(disconnectTable).map(({ code, reason }) => `${code} ${reason}`),
      ...Object.values(unsubscribeTable).map(({ code, reason }) => `${code} ${reason}`),
    ];
    expect(rows.sort()).toEqual(known.sort());
  });

  it("says of those reasons to disconnect that are not used yet that they are not", () => {
    const unused = [...text.matchAll(/^\| (3\d{3}) \| [^|]+ \| not used yet/gm)].map((match) =>
      Number(match[1]),
    );
    const code = listSources(join(root, "src"))
      .filter((path) => path !== "wire/codes.ts")
      .map((path) => read(`src/${path}`))
      .join("\n");
    const found = Object.entries(disconnectTable).filter(([name]) => !code.includes(`"${name}"`));
    expect(unused).toEqual(found.map(([, reason]) => reason.code));
  });
});

describe("reference of options", () => {
  const text = read("docs/reference/options.md");
  const listed = [...text.matchAll(/^\| `([\w.]+)`/gm)].map((match) => match[1]);

  it("lists every option, and no other", () => {
    const { store, ring, limits, requests, times, ...plain } = defaultOptions;
    const nested = Object.entries({ store, ring, limits, requests, times }).flatMap(([group, fields]) =>
      Object.keys(fields).map((name) => `${group}.${name}`),
    );
    const known = [...Object.keys(plain), ...nested, "broker", "pages", "routes", "onError"];
    expect(listed.sort()).toEqual(known.sort());
  });

  const flagsOf = (row: string) => [...row.matchAll(/`(--[a-z0-9-]+)`/g)].map((match) => match[1]);
  const rows = [...text.matchAll(/^\| `([\w.]+)`([^|]*)\|/gm)].map(([, path = "", names = ""]) => ({
    path,
    flags: flagsOf(names),
  }));

  it("lists the flags that each option has, and no others", () => {
    // What is said at the table of the option that it belongs to.
    const placeOf = (path: string) =>
      path === "durability" ? "rulesFor" : path.replace(/^(tls|compression)\..*/, "$1");
    const faults = rows.flatMap(({ path, flags }) => {
      const options = configOptions.filter((option) => placeOf(option.path) === path);
      const expected = options.map(({ flag }) => flag);
      // A flag that is no more than the option's name is plain without being listed.
      const isPlain =
        flags.length === 0 && options.every((option) => option.flag === plainFlagOf(option.path));
      return isPlain || flags.sort().join() === expected.sort().join() ? [] : [{ path, flags, expected }];
    });
    expect(faults).toEqual([]);
    expect(rows.filter(({ flags }) => flags.length > 0).length).toBeGreaterThan(40);
  });

  it("says the defaults that there are", () => {
    const units = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, hours: 3_600_000 };
    const said = [...text.matchAll(/^\| `([\w.]+)`[^|]*\| ([\d,]+)(?: (KiB|MiB|GiB|hours))? \|/gm)].map(
      ([, path, number = "", unit]) => [
        path,
        Number(number.replaceAll(",", "")) * (units[unit as "KiB"] ?? 1),
      ],
    );
    const known = said.map(([path]) => [path, findOption(String(path))?.fallback]);
    expect(said).toEqual(known);
    expect(said.length).toBeGreaterThan(25);
  });
});

/** `--limits-max-channels` for `limits.maxChannels`. */
function plainFlagOf(path: string): string {
  return `--${path.replaceAll(".", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

describe("repository", () => {
  const folders = ["src", "test", "bench", "apps", "examples", "scripts", "docs", "create-holdfast"];
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((path) => join(folder, path)),
  );

  it("keeps files to one idea: none over 400 lines", () => {
    const long = files.filter(
      (path) => /^(?!test).*\.(?:ts|tsx|mjs)$/.test(path) && read(path).split("\n").length > 400,
    );
    expect(long).toEqual([]);
  });

  it("names no command on its pages that a registry would be asked for", () => {
    const pages = files.filter((path) => /^apps.*\.(?:tsx?|html)$/.test(path));
    expect(pages.filter((path) => read(path).includes("npx holdfast"))).toEqual([]);
    expect(pages.length).toBeGreaterThan(20);
  });

  it("has a target for every link between its documents", () => {
    const documents = [
      ...files.filter((path) => path.endsWith(".md")),
      "README.md",
      "CONTRIBUTING.md",
      "SECURITY.md",
      "CHANGELOG.md",
    ];
    const broken = documents.flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map((match) => join(path, "..", match[1] as string))
        .filter((target) => !existsSync(join(root, target)))
        .map((target) => `${path} → ${target}`),
    );
    expect(broken).toEqual([]);
  });
});
