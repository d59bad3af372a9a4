/** The examples, which are Holdfast inside servers of other frameworks: its clients connect, their pages go on, and both end cleanly. */
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer as createHttp, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import WsWebSocket from "ws";
import { createServer, type HoldfastServer } from "../../packages/holdfast/src/index.js";
import {
  apiKey,
  connectSdk,
  createSdk,
  next,
  subscribeSdk,
} from "../../packages/holdfast/test/support/app-server.js";

const folder = join(import.meta.dirname, "../../examples");
const frameworks = readdirSync(folder)
  // Next is too large to be installed here: test/integration/next-example.test.ts. Processes: test/integration/workers.test.ts.
  .filter(
    (name) => existsSync(join(folder, name, "server.ts")) && !["next", "express-cluster"].includes(name),
  );

interface Example {
  readonly holdfast: HoldfastServer;
  readonly http: Server;
}

/** Runs an example as it stands, on a port of its own. */
async function start(framework: string) {
  vi.stubEnv("PORT", "0");
  vi.stubEnv("API_KEY", apiKey);
  const { holdfast, http } = (await import(`../../examples/${framework}/server.ts`)) as Example;
  if (!http.listening) await once(http, "listening");
  onTestFinished(async () => {
    await holdfast.close();
    http.closeAllConnections();
    http.close();
    vi.unstubAllEnvs();
  });
  const { port } = http.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}`;
  return { holdfast, http, base, url: `ws://127.0.0.1:${port}/connection/websocket` };
}

// Each test runs the program anew.
beforeEach(() => void vi.resetModules());

it("examples cover the documented frameworks", () => {
  expect(frameworks.sort()).toEqual(["express", "fastify", "hono", "koa"]);
});

describe.each(frameworks)("Holdfast in %s", (framework) => {
  it("accepts clients, and leaves the framework its pages", async () => {
    const complaints = vi.spyOn(process.stderr, "write");
    const { holdfast, base, url } = await start(framework);
    const subscription = await subscribeSdk(await connectSdk(url), "news");
    const received = next<{ data: unknown }>(subscription, "publication");
    await holdfast.publish("news", { hello: 1 });
    expect((await received).data).toEqual({ hello: 1 });
    expect(await (await fetch(`${base}/hello`)).text()).toBe("hello");
    expect((await fetch(`${base}/other`)).status).toBe(404);
    const lines = complaints.mock.calls.map(([line]) => String(line));
    expect(lines.filter((line) => !line.includes('"audit":'))).toEqual([]);
  });

  it("serves its own paths: health and the server API", async () => {
    const { base } = await start(framework);
    expect(await (await fetch(`${base}/health`)).json()).toEqual({});
    const answer = await fetch(`${base}/api/publish`, {
      method: "POST",
      headers: { "X-API-Key": apiKey },
      body: '{"channel":"news","data":1}',
    });
    expect(await answer.json()).toMatchObject({ result: { offset: 1 } });
  });

  it("closes without closing the framework's server, which then accepts no clients", async () => {
    const { holdfast, http, base, url } = await start(framework);
    const client = await connectSdk(url);
    const ended = next<{ code: number }>(client, "connecting");
    await holdfast.close();
    expect(await ended).toMatchObject({ code: 3001 });
    client.disconnect();
    expect(http.listenerCount("upgrade")).toBe(0);
    expect(await (await fetch(`${base}/hello`)).text()).toBe("hello");
  });

  it("accepts pages of its own origin only", async () => {
    const { base, url } = await start(framework);
    const connectFrom = async (origin: string) => {
      const socket = new WsWebSocket(url, { origin });
      return await new Promise((resolve) => {
        socket.on("open", () => {
          socket.close();
          resolve("open");
        });
        socket.on("error", (error) => resolve(error.message));
      });
    };
    expect(await connectFrom(base)).toBe("open");
    expect(await connectFrom("https://evil.example")).toContain("403");
  });
});

describe("attaching", () => {
  it("is refused once the server is closed", async () => {
    const holdfast = createServer();
    await holdfast.close();
    await expect(holdfast.attach(createHttp())).rejects.toMatchObject({ code: "HF_SERVER_STATE" });
    expect(createSdk("ws://127.0.0.1:1/").state).toBe("disconnected");
  });
});
