/** What `npm create holdfast` writes: compiles, starts, and serves its page and other people's clients. Packages are linked instead of fetched. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { connectSdk, next, subscribeSdk } from "../../packages/holdfast/test/support/app-server.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { linkPackages } from "../../packages/holdfast/test/support/link-packages.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import {
  createTemporaryFolder,
  removeFolder,
} from "../../packages/holdfast/test/support/temporary-folder.js";
import { eventually } from "../browser/chat-window.js";
import { launchArguments } from "../browser/chromium.js";

const root = join(import.meta.dirname, "../..");
const command = join(root, "create-holdfast/index.mjs");
const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}
const manifestOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

function makeFolder(): string {
  return createTemporaryFolder("create");
}

/** Without a terminal, as in a script. */
async function create(cwd: string, ...args: string[]): Promise<{ code: number; said: string }> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [command, ...args], { cwd });
    return { code: 0, said: stdout };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, said: stderr };
  }
}

describe("create-holdfast", () => {
  it("has the package's version, and needs nothing else", () => {
    const own = manifestOf(join(root, "create-holdfast"));
    expect([own.version, own.dependencies]).toEqual([manifestOf(root).version, undefined]);
  });

  it("writes an application with the versions that are tested here, and a secret of its own", async () => {
    const base = makeFolder();
    const secrets = new Set<string>();
    for (const name of ["one", "Two of us!"]) {
      expect((await create(base, name)).code).toBe(0);
      secrets.add(readFileSync(join(base, name, ".env"), "utf8"));
    }
    expect(secrets.size).toBe(2);
    for (const secret of secrets) expect(secret).toMatch(/^TOKEN_SECRET=[\w-]{64}\n$/);
    expect(readFileSync(join(base, "one/.gitignore"), "utf8")).toMatch(/^\.env$/m);
    const own = manifestOf(root);
    const { dependencies, devDependencies, name } = manifestOf(join(base, "Two of us!"));
    const ours = { holdfast: own.version, "@holdfast/client": own.version };
    expect([name, dependencies]).toEqual(["two-of-us", expect.objectContaining(ours)]);
    const known = { ...own.devDependencies, ...ours };
    expect(known).toMatchObject({ ...dependencies, ...devDependencies });
  });

  it("says how to install the package from the checkout", async () => {
    const base = makeFolder();
    const { said } = await create(base, "my-app");
    const [, paths = ""] = /npm install (.+)/.exec(said) ?? [];
    const names = paths.split(" ").map((path) => manifestOf(join(base, "my-app", path)).name);
    expect(names).toEqual(["holdfast", "@holdfast/client"]);
  });

  it("takes an empty folder, and refuses a file and one that is not empty", async () => {
    const base = makeFolder();
    mkdirSync(join(base, "empty"));
    expect((await create(base, "empty")).code).toBe(0);
    mkdirSync(join(base, "full"));
    writeFileSync(join(base, "full/notes.txt"), "mine");
    writeFileSync(join(base, "file"), "");
    expect(await create(base, "full")).toEqual({
      code: 1,
      said: expect.stringContaining("full is not empty; name"),
    });
    expect(readdirSync(join(base, "full"))).toEqual(["notes.txt"]);
    expect(await create(base, "file")).toEqual({
      code: 1,
      said: expect.stringContaining("file is a file; name"),
    });
  });

  it.each([[], ["--typescript"], ["one", "two"]])("says what it takes, given %j", async (...args) => {
    const base = makeFolder();
    expect(await create(base, ...args)).toEqual({ code: 1, said: expect.stringContaining("usage: ") });
    expect(readdirSync(base)).toEqual([]);
  });
});

describe.skipIf(process.platform === "win32")("the application", { timeout: timeLimitMs }, () => {
  let folder = "";
  beforeAll(async () => {
    const base = mkdtempSync(join(tmpdir(), "holdfast-created-"));
    folder = join(base, "my-app");
    await create(base, "my-app");
    const { dependencies, devDependencies } = manifestOf(folder);
    linkPackages(folder, Object.keys({ ...dependencies, ...devDependencies }));
    return () => removeFolder(base);
  });

  const npm = (...args: string[]) => promisify(execFile)("npm", args, { cwd: folder });

  /** `npm start`, until it says where it is. */
  async function start(): Promise<string> {
    const port = await findFreePort();
    const env = { ...process.env, PORT: String(port) };
    // A group of its own, since npm starts a shell, and that the server.
    const server = spawn("npm", ["start"], { cwd: folder, env, detached: true });
    // What npm has started may outlive it: the end of its output is the end of all of them.
    const ended = once(server, "close");
    onTestFinished(async () => {
      if (server.exitCode === null) process.kill(-(server.pid as number), "SIGTERM");
      await ended;
    });
    let said = "";
    for (const output of [server.stdout, server.stderr])
      output.on("data", (chunk) => {
        said += chunk;
      });
    await until(() => {
      if (server.exitCode !== null) throw new Error(`it ended with ${server.exitCode}: ${said}`);
      return said.includes(`http://localhost:${port}/?name=Ann`);
    });
    return `http://localhost:${port}`;
  }

  it("compiles, and does not with what it does not have", async () => {
    await npm("run", "check");
    const page = join(folder, "page/main.ts");
    const text = readFileSync(page, "utf8");
    onTestFinished(() => writeFileSync(page, text));
    writeFileSync(page, text.replace("data.text", "data.txt"));
    await expect(npm("run", "check")).rejects.toMatchObject({ stdout: expect.stringContaining("'txt'") });
  });

  it("gives tokens, takes what a client publishes, and says who it was", async () => {
    const url = await start();
    const token = await (await fetch(`${url}/token?name=Ann`)).text();
    expect((await fetch(`${url}/token?name=`)).status).toBe(400);
    const socket = `${url.replace("http", "ws")}/connection/websocket`;
    const lobby = await subscribeSdk(await connectSdk(socket, { token }), "chat:lobby");
    const received = next<{ data: unknown }>(lobby, "publication");
    await lobby.publish({ text: "hello", from: "Bo" });
    expect((await received).data).toEqual({ text: "hello", from: "Ann" });
    await expect(lobby.publish({ text: "" })).rejects.toMatchObject({ code: 107 });
    expect(existsSync(join(folder, "data"))).toBe(true);
  });

  it.skipIf(!executablePath)("shows in one window what is written in another", async () => {
    const url = await start();
    const browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
    onTestFinished(() => browser.close());
    const open = async (name: string) => {
      const page = await browser.newPage();
      await page.goto(`${url}/?name=${name}`);
      await eventually(() => page.locator("#status").textContent()).toBe(`${name}, connected`);
      return page;
    };
    const [ann, bo] = [await open("Ann"), await open("Bo")];
    await ann.getByLabel("Message").fill("Hi Bo");
    await ann.getByRole("button", { name: "Send" }).click();
    await eventually(() => bo.locator("#messages li").first().textContent()).toBe("Ann: Hi Bo");
  });
});
