/**
 * The package's types as other people's compilers read them: the oldest and the newest version of TypeScript, each way to find
 * modules, without `skipLibCheck`, and pages without the types of Node.js.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const root = join(import.meta.dirname, "../..");

const page = `
import { connect } from "@holdfast/client";
import { useChannel } from "@holdfast/client/react";
import type { Match } from "./app.js";

const client = connect<Match>("http://localhost:8000");
client.channel("score:{match}", { match: "final" }).subscribe(({ data }) => console.log(data.home.toFixed()));
export const count = () => useChannel(client, "score:{match}", { match: "final" }).publications.length;
export const named = () => useChannel(client, "score:final").publications[0]?.data.home.toFixed();
`;
const app = `
import { channel, defineApp } from "holdfast/app";

const score = channel<{ home: number }>({});
const app = defineApp({ channels: { "score:{match}": score } });
export type Match = typeof app;
`;
const server = `
import { createServer, signToken } from "holdfast";
import { WebSocketServer } from "holdfast/websocket";

export const server = createServer({ port: 0 });
export const sockets = new WebSocketServer({ onConnection() {} });
export const token: Promise<string> = signToken({ secret: "" }, { sub: "ann" });
`;
/** The client has its own copy of the types that it shares with the server. */
const both = `
import { channel, createServer, defineApp, HoldfastError as ServerError, rpc } from "holdfast";
import { type Client, connect, HoldfastError } from "@holdfast/client";

const app = defineApp({
  channels: { "score:{match}": channel<{ home: number }>({}), plain: channel({}) },
  rpc: { whoAmI: rpc<undefined, undefined, { id: string }>({ handler: ({ user }) => ({ id: user.id }) }) },
});
export const server = createServer(app, { port: 0 });
export const client: Client<typeof app> = connect<typeof app>("http://localhost:8000");
export const home: Promise<number | undefined> = client
  .channel("score:final")
  .history()
  .then(({ publications }) => publications[0]?.data.home);
export const id: Promise<string> = client.rpc("whoAmI").then((user) => user.id);
// @ts-expect-error: the data has no such field
void client.channel("score:{match}", { match: "final" }).publish({ away: 1 });
// @ts-expect-error: there is no such channel
client.channel("scores:final");
// @ts-expect-error: there is no such method
void client.rpc("whoAreYou");
export const errors: readonly [string, string] = [
  new HoldfastError("HF_CLIENT_CLOSED").code,
  new ServerError("HF_CLIENT_CLOSED").code,
];
`;
const programs = { "page.ts": page, "app.ts": app, "server.ts": server, "both.ts": both };

const oldest = "5.4.5";
const oldestFolder = join(root, ".cache", `typescript-${oldest}`);

/** No dependency of the repository: its command would be the one that `tsc` runs. */
function installOldest(): void {
  if (existsSync(join(oldestFolder, "node_modules/typescript"))) return;
  mkdirSync(oldestFolder, { recursive: true });
  writeFileSync(join(oldestFolder, "package.json"), "{}");
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-save"];
  const { status, stderr } = spawnSync("npm", ["install", ...flags, `typescript@${oldest}`], {
    cwd: oldestFolder,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`TypeScript ${oldest} could not be installed: ${stderr}`);
}

/** A folder in which the package is installed, as npm does it. */
function makeConsumer(): string {
  const folder = createTemporaryFolder("types");
  mkdirSync(join(folder, "node_modules"));
  for (const name of readdirSync(join(root, "node_modules")).filter((each) => !each.startsWith(".")))
    symlinkSync(realpathSync(join(root, "node_modules", name)), join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, name), text);
  return folder;
}

/** @returns what the compiler has to say */
function compile(version: "oldest" | "newest", file: string, flags: readonly string[]): string {
  const modules = version === "oldest" ? oldestFolder : root;
  const common = "--noEmit --strict --target es2022 --lib es2022,dom,dom.asynciterable --preserveSymlinks";
  const { stdout } = spawnSync(
    process.execPath,
    [join(modules, "node_modules/typescript/bin/tsc"), ...common.split(" "), ...flags, file],
    { cwd: makeConsumer(), encoding: "utf8" },
  );
  return stdout;
}

const bundler = ["--module", "esnext", "--moduleResolution", "bundler"];
const nodeNext = ["--module", "nodenext", "--moduleResolution", "nodenext"];
const node10 = ["--module", "esnext", "--moduleResolution", "node10"];

describe("types of the package", () => {
  beforeAll(installOldest, 120_000);

  it.each([
    ["oldest", "bundler", bundler],
    ["oldest", "node10", node10],
    ["newest", "bundler", bundler],
  ] as const)(
    "are whole in a page, to the %s compiler with %s, without those of Node.js",
    (version, _, flags) => {
      expect(compile(version, "page.ts", [...flags, "--types", "react"])).toBe("");
    },
    120_000,
  );

  it("are whole on a server, to the newest compiler", () => {
    expect(compile("newest", "server.ts", [...nodeNext, "--types", "node"])).toBe("");
  }, 120_000);

  it.each([
    ["newest", nodeNext],
    ["oldest", bundler],
  ] as const)(
    "of the server's application fit the client, to the %s compiler",
    (version, flags) => {
      const lenient = version === "oldest" ? ["--skipLibCheck"] : [];
      expect(compile(version, "both.ts", [...flags, "--types", "node", ...lenient])).toBe("");
    },
    120_000,
  );

  // The types of Node.js themselves are not for a compiler that old.
  it("are found on a server by the oldest compiler", () => {
    expect(compile("oldest", "server.ts", [...node10, "--types", "node", "--skipLibCheck"])).toBe("");
  }, 120_000);
});
