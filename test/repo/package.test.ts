import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { errorCodes } from "../../packages/holdfast/src/errors.js";
import { version } from "../../packages/holdfast/src/server/version.js";
import { disconnectTable, errorTable, unsubscribeTable } from "../../packages/holdfast/src/wire/codes.js";

import { listSources } from "./imports.js";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const serverSources = "packages/holdfast/src";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Record<string, Record<string, string> | string>;
  readonly typesVersions: Record<"*", Record<string, string[]>>;
  readonly bin?: Record<string, string>;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}
const manifestOf = (folder: string) => JSON.parse(read(join(folder, "package.json"))) as Manifest;
const published = ["packages/holdfast", "packages/client", "packages/lab"];
const all = [".", ...published, "apps/showcase", "apps/console", "create-holdfast"];

/** Files of a package as it would be published. */
function packedFiles(folder: string): readonly string[] {
  const text = execFileSync("npm", ["pack", "--dry-run", "--json"], {
    cwd: join(root, folder),
    encoding: "utf8",
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ files }] = JSON.parse(text.slice(text.indexOf("["))) as [{ files: { path: string }[] }];
  return files.map(({ path }) => path);
}

describe.each(published)("%s", (folder) => {
  const manifest = manifestOf(folder);

  it("exports only files that the build makes", () => {
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    );
    for (const target of [...targets, ...Object.values(manifest.bin ?? {})])
      expect(existsSync(join(root, folder, target)), target).toBe(true);
  });

  it("has the types of every subpath where compilers without exports look for them", () => {
    const subpaths = Object.entries(manifest.exports).flatMap(([name, target]) =>
      typeof target === "string" || name === "." ? [] : [[name.slice(2), [target.types]]],
    );
    expect(manifest.typesVersions["*"]).toEqual(Object.fromEntries(subpaths));
  });

  it("has source maps with the sources in them", () => {
    const names = readdirSync(join(root, folder, "dist"), { recursive: true, encoding: "utf8" });
    const maps = names.filter((name) => name.endsWith(".js.map"));
    const bare = maps.filter((name) => {
      const map = JSON.parse(read(join(folder, "dist", name))) as Record<string, unknown[]>;
      return map.sourcesContent?.length !== map.sources?.length;
    });
    expect([maps.length > 20, bare]).toEqual([true, []]);
  });

  it("is published with its license and a README, without tests, and with every document that these point to", () => {
    const packed = new Set(packedFiles(folder));
    expect([...packed]).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json"]));
    expect([...packed].filter((path) => /^(?:src|test)\//.test(path))).toEqual([]);
    const isThere = (path: string) =>
      packed.has(path) || [...packed].some((each) => each.startsWith(`${path}/`));
    const textOf = (path: string) =>
      existsSync(join(root, folder, path)) ? read(join(folder, path)) : read(path);
    const dangling = [...packed]
      .filter((path) => path.endsWith(".md"))
      .flatMap((path) =>
        [...textOf(path).matchAll(/(?<!!)\[[^\]]*\]\((?!https?:|#)([^)#]+)/g)]
          .map((match) => join(path, "..", match[1] as string))
          .filter((target) => !isThere(target))
          .map((target) => `${path} → ${target}`),
      );
    expect(dangling).toEqual([]);
    const named = listSources(join(root, folder, "src")).flatMap((path) =>
      [...read(join(folder, "src", path)).matchAll(/"[^"\n]*?\b(docs\/[\w./-]+\.md)/g)].map(
        (match) => match[1] as string,
      ),
    );
    expect(named.filter((path) => !packed.has(path))).toEqual([]);
  });

  it.skipIf(process.platform === "win32")("has commands that can be run as they are built", () => {
    for (const file of Object.values(manifest.bin ?? {}))
      expect([file, statSync(join(root, folder, file)).mode & 0o111]).toEqual([file, 0o111]);
  });
});

describe("packages together", () => {
  it("have one version, and depend on that of each other", () => {
    const manifests = all.map(manifestOf);
    expect(manifests.filter((each) => each.version !== version).map(({ name }) => name)).toEqual([]);
    const ours = new Set(manifests.map(({ name }) => name));
    const others = manifests.flatMap(({ name, dependencies = {}, peerDependencies = {} }) =>
      Object.entries({ ...dependencies, ...peerDependencies })
        .filter(([dependency, range]) => ours.has(dependency) && range !== version)
        .map(([dependency, range]) => `${name}: ${dependency} ${range}`),
    );
    expect(others).toEqual([]);
  });

  it("give a server nothing of the lab, and a client nothing of the server", () => {
    expect(Object.keys(manifestOf("packages/client").dependencies ?? {})).toEqual(["centrifuge"]);
    const server = Object.keys(manifestOf("packages/holdfast").dependencies ?? {});
    for (const name of ["systeminformation", "listr2", "cli-table3", "d3-scale", "@holdfast/client", "react"])
      expect(server).not.toContain(name);
  });

  it("give browsers every name that servers have, and hooks to client components only", async () => {
    const forBrowsers = await import("../../packages/holdfast/src/browser.js");
    const forServers = await import("../../packages/holdfast/src/index.js");
    expect(Object.keys(forBrowsers).sort()).toEqual(Object.keys(forServers).sort());
    expect(() => forBrowsers.createServer()).toThrow("createServer needs Node.js, and this is a browser");
    expect(() => new forBrowsers.LmdbBroker()).toThrow("LmdbBroker needs Node.js");
    const react = manifestOf("packages/client").exports["./react"] as Record<string, string>;
    expect(read(join("packages/client", react.default as string))).toMatch(/^"use client";/);
  });

  it("say why they depend on what they depend on", () => {
    const text = read("docs/explanation/dependencies.md");
    const names = all
      .map(manifestOf)
      .flatMap(({ dependencies = {}, devDependencies = {} }) => [
        ...Object.keys(dependencies),
        ...Object.keys(devDependencies),
      ]);
    const own = new Set(all.map(manifestOf).map(({ name }) => name));
    expect(names.filter((name) => !own.has(name) && !text.includes(`\`${name}\``))).toEqual([]);
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
    const code = listSources(join(root, serverSources))
      .filter((path) => path !== "wire/codes.ts")
      .map((path) => read(join(serverSources, path)))
      .join("\n");
    const found = Object.entries(disconnectTable).filter(([name]) => !code.includes(`"${name}"`));
    expect(unused).toEqual(found.map(([, reason]) => reason.code));
  });
});

describe("repository", () => {
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\n")
    .filter((path) => path !== "" && existsSync(join(root, path)));

  it("keeps files to one idea: none over 500 lines", () => {
    const long = files.filter(
      (path) =>
        /^(?!.*\btest\/).*\.(?:ts|tsx|mjs)$/.test(path) && read(path).trimEnd().split("\n").length > 500,
    );
    expect(long).toEqual([]);
  });

  it("has the command that its pages name where npx looks first", () => {
    const command = realpathSync(join(root, "node_modules/.bin/holdfast"));
    expect(command).toBe(realpathSync(join(root, "packages/holdfast/bin/holdfast.js")));
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
