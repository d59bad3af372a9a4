/** The example for Next, as far as it can be run without Next: its types, its components on a server, and its server around a stand-in. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { createElement, type FunctionComponent, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { type HoldfastServer, version } from "../../packages/holdfast/src/index.js";
import { connectSdk, next, subscribeSdk } from "../../packages/holdfast/test/support/app-server.js";

const root = join(import.meta.dirname, "../..");
const example = "../../examples/next";

interface Running {
  readonly holdfast: HoldfastServer;
  readonly http: Server;
}

afterEach(() => void vi.resetModules());

describe("Next.js example", () => {
  it("requires the version of the package it ships with", () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, "examples/next/package.json"), "utf8"));
    expect(dependencies).toMatchObject({ holdfast: version, "@holdfast/client": version });
  });

  it("compiles with its own settings", async () => {
    const folder = mkdtempSync(join(root, ".cache/next-example-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const from = "../../examples/next";
    const paths = {
      holdfast: ["../../packages/holdfast/dist/index.d.ts"],
      "@holdfast/client": ["../../packages/client/dist/client/src/index.d.ts"],
      "@holdfast/client/react": ["../../packages/client/dist/client/src/react/index.d.ts"],
      next: ["../../packages/holdfast/test/support/next-stand-in.ts"],
    };
    const settings = {
      extends: `${from}/tsconfig.json`,
      compilerOptions: { types: ["node"], incremental: false, paths },
      include: [`${from}/**/*.ts`, `${from}/**/*.tsx`],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = await promisify(execFile)(process.execPath, [compiler, "-p", folder]).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe("");
  }, 120_000);

  it("renders its page on the server without connecting", async () => {
    const connects = vi.spyOn(Socket.prototype, "connect");
    const opened = vi.fn();
    vi.stubGlobal(
      "WebSocket",
      class {
        constructor(url: string) {
          opened(url);
        }
      },
    );
    onTestFinished(() => {
      connects.mockRestore();
      vi.unstubAllGlobals();
    });
    const { default: Page } = (await import(`${example}/app/page.tsx`)) as { default: FunctionComponent };
    const { default: Layout } = (await import(`${example}/app/layout.tsx`)) as {
      default: FunctionComponent<{ children: ReactNode }>;
    };
    const html = renderToString(createElement(Layout, { children: createElement(Page) }));
    expect(html).toContain('<p id="status">connecting</p>');
    // What was put off until later would be here by now.
    await new Promise((resolve) => setImmediate(resolve));
    expect([connects.mock.calls, opened.mock.calls]).toEqual([[], []]);
  });

  it("serves clients, and leaves Next.js its pages", async () => {
    vi.stubEnv("PORT", "0");
    const { holdfast, http } = (await import(`${example}/server.ts`)) as Running;
    if (!http.listening) await once(http, "listening");
    onTestFinished(async () => {
      await holdfast.close();
      http.closeAllConnections();
      http.close();
      vi.unstubAllEnvs();
    });
    const base = `http://localhost:${(http.address() as AddressInfo).port}`;
    expect(await (await fetch(`${base}/about`)).text()).toBe("Next at /about");
    const client = await connectSdk(`${base.replace("http", "ws")}/connection/websocket`);
    const lobby = await subscribeSdk(client, "chat:lobby");
    const received = next<{ data: unknown }>(lobby, "publication");
    await lobby.publish({ text: "hello" });
    expect((await received).data).toEqual({ text: "hello" });
  });
});
