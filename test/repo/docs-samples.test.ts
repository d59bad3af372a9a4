/** The guides' code compiles against the package's own types, and what can be run by itself does what the page says. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import WsWebSocket from "ws";
import {
  type Answer,
  apiKey,
  connectSdk,
  subscribeSdk,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";
import { listPages, readSamples } from "./docs-samples.js";
import { findPorts, runSample } from "./run-sample.js";

const root = join(import.meta.dirname, "../..");
const samples = listPages(root).flatMap((page) => readSamples(root, page));
const compiler = join(root, "node_modules/typescript/bin/tsc");

const settings = {
  extends: "../../tsconfig.json",
  compilerOptions: {
    jsx: "react-jsx",
    // A sample may show what there is.
    noUnusedLocals: false,
    noUnusedParameters: false,
    paths: {
      holdfast: ["../../packages/holdfast/src/index.ts"],
      "@holdfast/client": ["../../packages/client/src/index.ts"],
      // From the build, since its sources need the types of browsers.
      "@holdfast/client/devtools": ["../../packages/client/dist/client/src/devtools/index.d.ts"],
      "@holdfast/client/react": ["../../packages/client/src/react/index.ts"],
      "holdfast/websocket": ["../../packages/holdfast/src/websocket.ts"],
    },
  },
  include: ["."],
};

/** @returns what the compiler says, by the pages' own lines */
async function compile(): Promise<string[]> {
  // Below the repository, so that its dependencies are found.
  const cache = join(root, ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = createTemporaryFolder("docs-samples", cache);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
  // Each is a module, so that none sees what another declares.
  for (const { file, code, isFragment } of samples)
    if (!isFragment) writeFileSync(join(folder, file), `${code}\nexport {};\n`);
  const { stdout } = await promisify(execFile)(process.execPath, [
    compiler,
    "-p",
    folder,
    "--pretty",
    "false",
  ]).catch((error: Error & { stdout?: string }) => {
    // Otherwise it has not come to its end.
    if (error.stdout) return { stdout: error.stdout };
    throw error;
  });
  return stdout.split("\n").filter(Boolean).map(toPage);
}

function toPage(complaint: string): string {
  const [, file, line, rest] = /^\S*?([\w.-]+)\((\d+),\d+\): (.*)$/.exec(complaint) ?? [];
  const sample = samples.find((each) => each.file === file);
  return sample ? `${sample.name}, line ${sample.line + Number(line) - 1}: ${rest}` : complaint;
}

describe("code in the guides", { timeout: 300_000 }, () => {
  it("is looked at on every page that has some", () => {
    const pages = new Set(samples.map(({ name }) => name.split("#")[0]));
    expect([...pages]).toEqual(
      expect.arrayContaining(["README.md", "docs/howto/applications.md", "docs/howto/clients.md"]),
    );
    expect(samples.length).toBeGreaterThanOrEqual(13);
  });

  it("compiles", async () => {
    expect(await compile()).toEqual([]);
  });

  it("consists of whole programs, with few exceptions", () => {
    const fragments = samples.filter(({ isFragment }) => isFragment).map(({ name }) => name);
    // What a tutorial builds up is compiled and run as a whole, by test/tutorial.
    expect(fragments.filter((name) => !name.startsWith("docs/tutorial/"))).toEqual([]);
  });
});

describe("marks before samples", () => {
  const read = (text: string) => {
    const folder = createTemporaryFolder("page");
    writeFileSync(join(folder, "page.md"), text);
    return readSamples(folder, "page.md");
  };
  const fence = "```";

  it("say that one goes on after the one before, whose lines count too", () => {
    const text = `${fence}ts\none\ntwo\n${fence}\n\n<!-- sample: continues -->\n${fence}tsx\nthree\n${fence}\n`;
    const [first, second] = read(text);
    expect(first).toMatchObject({ code: "one\ntwo\n", line: 2, file: "page-1.ts" });
    expect(second).toMatchObject({ code: "one\ntwo\nthree\n", file: "page-2.tsx", isFragment: false });
    // The third line of the code is the eighth of the page.
    expect((second?.line ?? 0) + 2).toBe(8);
  });

  it("say that one is no program, and nothing that is not known", () => {
    expect(read(`<!-- sample: fragment -->\n${fence}js\n…\n${fence}\n`)[0]?.isFragment).toBe(true);
    expect(() => read(`<!-- sample: other -->\n${fence}js\n…\n${fence}\n`)).toThrow(
      "page.md has an unknown mark: other",
    );
  });
});

describe("samples that are whole programs", { timeout: 60_000 }, () => {
  const codeOf = (name: string) => {
    const sample = samples.find((each) => each.name === name);
    if (sample === undefined) throw new Error(`there is no ${name}`);
    return sample.code;
  };
  const isServed = (port: number) =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      ({ ok }) => ok,
      () => false,
    );

  it("README: a page's code, and the server that it is for", async () => {
    const ports = await findPorts();
    const server = runSample(codeOf("README.md#4"), ports);
    await server.until(() => isServed(ports[8000]));
    const client = runSample(codeOf("README.md#1"), ports);
    await client.until(() => client.said().includes("hello: 'world'"));
    expect(server.said()).toBe("");
  });

  it("README: an application", async () => {
    const ports = await findPorts();
    const server = runSample(codeOf("README.md#2"), ports);
    await server.until(() => isServed(ports[8000]));
    const client = await connectSdk(`ws://127.0.0.1:${ports[8000]}/connection/websocket`, {
      token: tokenOf({ sub: "ann" }),
    });
    const room = await subscribeSdk(client, "chat:lobby");
    await room.publish({ text: "hello" });
    const { publications } = await room.history({ limit: 1 });
    expect(publications[0]?.data).toEqual({ text: "hello", from: "ann" });
  });

  it("README: just WebSockets", async () => {
    const ports = await findPorts();
    const server = runSample(codeOf("README.md#3"), ports);
    let heard: unknown;
    await server.until(async () => {
      heard = await echoOf(ports[9000]).catch(() => undefined);
      return heard !== undefined;
    });
    expect(heard).toBe("to all");
    expect(server.said()).toBe("");
  });

  it("Write an application", async () => {
    const ports = await findPorts();
    const server = runSample(codeOf("docs/howto/applications.md#1"), ports);
    const read = async () => {
      const answer = await fetch(`http://127.0.0.1:${ports[8000]}/api/history`, {
        method: "POST",
        headers: { "X-API-Key": apiKey },
        body: '{"channel":"quotes:ACME","limit":1}',
      }).catch(() => undefined);
      return ((await answer?.json()) as Answer)?.result?.publications[0]?.data;
    };
    await server.until(async () => (await read()) !== undefined);
    expect(await read()).toEqual({ price: 12.5 });
    expect(server.said()).toBe("");
  });

  it("Put it into a server", async () => {
    const ports = await findPorts();
    const server = runSample(codeOf("docs/howto/embedding.md#1"), ports);
    await server.until(() => isServed(ports[3000]));
    expect(await (await fetch(`http://127.0.0.1:${ports[3000]}/`)).text()).toBe("a page of your own");
    expect((await connectSdk(`ws://127.0.0.1:${ports[3000]}/connection/websocket`)).state).toBe("connected");
  });
});

/** What a server that sends everything to everybody says to its one client. */
function echoOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WsWebSocket(`ws://127.0.0.1:${port}`);
    socket.once("open", () => socket.send("to all"));
    socket.once("error", reject);
    socket.once("message", (data) => {
      socket.close();
      resolve(String(data));
    });
  });
}
