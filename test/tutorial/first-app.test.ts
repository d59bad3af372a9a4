/**
 * Follows the tutorial: runs its commands in its order, in a folder of their own, writes its files, and looks at what the page
 * says there is to see. Ports and the names of the two folders are others, and packages are linked instead of fetched.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endProcess } from "../../packages/holdfast/test/support/child-process.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { linkPackages } from "../../packages/holdfast/test/support/link-packages.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { eventually } from "../browser/chat-window.js";
import { launchArguments } from "../browser/chromium.js";
import { readTutorial } from "./tutorial-page.js";

const root = join(import.meta.dirname, "../..");
const { runs, servers, files } = readTutorial(join(root, "docs/tutorial/first-app.md"));
const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;
const base = mkdtempSync(join(tmpdir(), "holdfast-tutorial-"));
const match = join(base, "match");
/** Ends what a test has started, should the test not have come that far. */
const ends: (() => Promise<void>)[] = [];
let port = 0;

/** Folders of the checkout by the names of their packages. */
const names: Readonly<Record<string, string>> = {
  "../holdfast/packages/holdfast": "holdfast",
  "../holdfast/packages/client": "@holdfast/client",
};
const nameOf = (installed: string) => names[installed] ?? installed;

interface Outcome {
  readonly code: number;
  readonly said: string;
}

/** Runs one command in a shell. */
async function shell(command: string, cwd = match): Promise<Outcome> {
  const text = command.replaceAll("localhost:8000", `127.0.0.1:${port}`);
  const env = { ...process.env, HOLDFAST_URL: `http://127.0.0.1:${port}`, HOLDFAST_PORT: String(port) };
  try {
    const { stdout, stderr } = await promisify(execFile)("bash", ["-c", text], { cwd, env });
    return { code: 0, said: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, said: stdout + stderr };
  }
}

/** Runs a block of the page line by line; all of its commands have to succeed. */
async function run(block: string | undefined, cwd = match): Promise<string> {
  let said = "";
  for (const line of (block as string).replaceAll("\\\n", "").trim().split("\n")) {
    const [, installed] = /^npm install (?:--save-dev )?(.*)$/.exec(line) ?? [];
    if (installed) linkPackages(match, installed.split(" ").map(nameOf));
    else if (line === "mkdir ../match") mkdirSync(match);
    else if (line !== "cd ../match") {
      const outcome = await shell(line, cwd);
      expect(outcome.code, `${line}\n${outcome.said}`).toBe(0);
      said += outcome.said;
    }
  }
  return said;
}

function write(...names: string[]): void {
  for (const name of names) {
    const code = files.get(name);
    if (code === undefined) throw new Error(`the page has no file ${name}, only ${[...files.keys()]}`);
    mkdirSync(dirname(join(match, name)), { recursive: true });
    writeFileSync(join(match, name), code);
  }
}

/** Starts the program that `npx holdfast` would, so that it can be ended hard. */
async function serve(
  cwd: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  program = "packages/holdfast/bin/holdfast.js",
): Promise<() => Promise<void>> {
  const server = spawn(process.execPath, [join(root, program), ...args], {
    cwd,
    env: { ...process.env, HOLDFAST_PORT: String(port), ...env },
  });
  let said = "";
  for (const output of [server.stdout, server.stderr])
    output.on("data", (chunk) => {
      said += chunk;
    });
  const end = () => endProcess(server);
  ends.push(end);
  await until(() => {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}: ${said}`);
    return said.includes(`localhost:${port}`);
  });
  return end;
}

const serveMatch = () => serve(match, (servers[0] as string).trim().split(" ").slice(2));

afterAll(async () => {
  for (const end of ends) await end();
  rmSync(base, { recursive: true, force: true });
});

describe("the tutorial's first steps", () => {
  it("publish, and read what was published", { timeout: timeLimitMs }, async () => {
    port = await findFreePort();
    const end = await serve(base, [], { HOLDFAST_DATA: "memory" }, "apps/showcase/dist/server/main.js");
    const said = await run(runs[0], root);
    expect(said).toContain('"hello":"world"');
    await end();
  });

  it("make an application that doctor has nothing to say against", { timeout: timeLimitMs }, async () => {
    await run(runs[1]);
    expect(JSON.parse(readFileSync(join(match, "package.json"), "utf8"))).toMatchObject({ type: "module" });
    write("holdfast.config.ts", "public/index.html", "public/score.js");
    expect(await run(runs[2])).toMatch(/readable-secrets.*open-publish.*\n0 errors/s);
  });
});

describe.skipIf(!executablePath)("the tutorial's pages", () => {
  let browser: Browser;
  let end = async () => {};

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: launchArguments });
    port = await findFreePort();
  });

  afterAll(() => browser?.close());

  const open = async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`http://localhost:${port}/`);
    return page;
  };

  it("show a score that another program publishes, which nobody else can", {
    timeout: timeLimitMs,
  }, async () => {
    end = await serveMatch();
    const page = await open();
    const score = () => page.locator("#score").textContent();
    expect(await score()).toBe("no score yet");
    await run(runs[3]);
    await eventually(score).toBe("1 : 0, minute 23");
    expect(await run(runs[4])).toMatch(/"code":107.*home/);
    expect(await run(runs[5])).toMatch(/"code":103/);
    expect(await score()).toBe("1 : 0, minute 23");
    await page.context().close();
  });

  it("are typed, and lose nothing when the server is killed", { timeout: timeLimitMs }, async () => {
    await run(runs[6]);
    write("page/index.html", "page/main.ts");
    await run(runs[7]);
    await end();
    end = await serveMatch();
    const [one, other] = [await open(), await open()];
    const texts = (page: typeof one) => page.locator("#cheers li").allTextContents();
    const cheer = async (page: typeof one, text: string) => {
      await page.getByLabel("Your cheer").fill(text);
      await page.getByRole("button", { name: "Cheer" }).click();
    };
    for (const page of [one, other]) {
      await eventually(() => page.locator("#score").textContent()).toBe("1 : 0, minute 23");
      await eventually(() => page.locator("#status").textContent()).toBe("connected");
    }
    await cheer(one, "Come on!");
    for (const page of [one, other]) await eventually(() => texts(page)).toEqual(["Come on!"]);
    await end();
    await eventually(() => one.locator("#status").textContent()).toBe("connecting");
    await cheer(one, "While it is away");
    end = await serveMatch();
    for (const page of [one, other])
      await eventually(() => texts(page)).toEqual(["While it is away", "Come on!"]);
    await run(runs[3]);
    await end();
  });

  it("do not compile with what the application does not have", { timeout: timeLimitMs }, async () => {
    const [check = ""] = (runs[7] as string).split("\n");
    for (const [right, wrong] of [
      ["data.home", "data.hme"],
      ['"score:{match}"', '"scor:{match}"'],
    ] as const) {
      writeFileSync(join(match, "page/main.ts"), (files.get("page/main.ts") as string).replace(right, wrong));
      const { code, said } = await shell(check);
      expect([code, said]).toEqual([
        expect.any(Number),
        expect.stringContaining(wrong.replaceAll('"', "").replace("data.", "")),
      ]);
      expect(code).not.toBe(0);
    }
  });
});
