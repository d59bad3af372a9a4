/**
 * Pages of others in the browser of somebody who is logged in: browsers let any page open a WebSocket to any host and send
 * that host's cookies along (cross-site WebSocket hijacking), so the server must go by the Origin field.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttps, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Frame, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { channel, createServer, defineApp, type ServerOptions } from "../../packages/holdfast/src/index.js";
import { apiKey } from "../../packages/holdfast/test/support/app-server.js";
import { testTls } from "../../packages/holdfast/test/support/tls.js";
import { launchArguments } from "./chromium.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;

const cookie = "session=0123456789";
const app = defineApp({
  authenticate: ({ headers }) => (headers.cookie?.includes(cookie) ? { id: "victim" } : undefined),
  onConnect: ({ user }) => ({ data: `the secret of ${user.id}` }),
  channels: { news: channel({ allow: { publish: "users" } }) },
});

interface Attempt {
  readonly origin: string | undefined;
  readonly cookie: string | undefined;
}

/** A server of pages, on all names that end in .example. */
async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function createPages(): Server {
  return createHttps(testTls, (_request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end("<!doctype html><title>A page</title><p>Nothing to see here</p>");
  });
}

/** The server that is attacked, on https://app.example, with a page that logs in. */
async function startVictim(options: ServerOptions = {}) {
  const errors: unknown[] = [];
  const holdfast = createServer(app, {
    apiKeys: [apiKey],
    onError: (error) => errors.push(error),
    ...options,
  });
  const attempts: Attempt[] = [];
  const web = createHttps(testTls, (request, response) =>
    holdfast.handler(request, response, () => {
      // As a page has it that means to be embedded: browsers send it from everywhere.
      const login = `${cookie}; Secure; HttpOnly; SameSite=None; Path=/`;
      response.writeHead(200, { "Content-Type": "text/html", "Set-Cookie": login });
      response.end("<!doctype html><title>Logged in</title>");
    }),
  );
  web.on("upgrade", ({ headers }) => attempts.push({ origin: headers.origin, cookie: headers.cookie }));
  await holdfast.attach(web);
  const port = await listen(web);
  onTestFinished(() => holdfast.close());
  const url = `wss://app.example:${port}/connection/websocket`;
  return { holdfast, attempts, errors, page: `https://app.example:${port}/`, url };
}

/** What a page's script does; the same for pages of friends and of foes. Runs in the browser. */
const openAndListen = (url: string) =>
  new Promise<{ isOpened: boolean; heard: string[]; code: number }>((resolve) => {
    const socket = new WebSocket(url);
    const heard: string[] = [];
    let isOpened = false;
    socket.onopen = () => {
      isOpened = true;
      socket.send('{"id":1,"connect":{}}\n{"id":2,"publish":{"channel":"news","data":"forged"}}');
    };
    socket.onmessage = ({ data }) => {
      heard.push(data);
      if (heard.join("\n").includes('"id":2')) socket.close(1000);
    };
    socket.onclose = ({ code }) => resolve({ isOpened, heard, code });
  });

/** Runs in the browser, whose types are not at hand here. */
const addSandboxedFrame = `new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.srcdoc = "<p>an advertisement</p>";
  frame.onload = resolve;
  document.body.append(frame);
}).then(() => {})`;

describe.skipIf(!executablePath)("pages of other origins", { timeout: timeLimitMs }, () => {
  /** A profile that lets cookies of other sites go, as many people's browsers do: private windows keep them back. */
  let context: BrowserContext;
  const profile = mkdtempSync(join(tmpdir(), "holdfast-hijack-"));

  beforeAll(async () => {
    const settings = { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } };
    mkdirSync(join(profile, "Default"));
    writeFileSync(join(profile, "Default/Preferences"), JSON.stringify(settings));
    context = await chromium.launchPersistentContext(profile, {
      executablePath: executablePath as string,
      args: [...launchArguments, "--host-resolver-rules=MAP *.example 127.0.0.1"],
      ignoreHTTPSErrors: true,
    });
  }, timeLimitMs);

  afterAll(async () => {
    await context?.close();
    rmSync(profile, { recursive: true, force: true });
  }, timeLimitMs);

  async function logIn(page: string): Promise<void> {
    await context.clearCookies();
    await visit(page);
  }

  async function visit(url: string): Promise<{ tab: Page; said: string[] }> {
    const tab = await context.newPage();
    onTestFinished(() => tab.close());
    const said: string[] = [];
    tab.on("console", (message) => said.push(message.text()));
    await tab.goto(url);
    return { tab, said };
  }

  async function assertRefused(
    victim: Awaited<ReturnType<typeof startVictim>>,
    frame: Page | Frame,
    origin: string,
  ) {
    const outcome = await frame.evaluate(openAndListen, victim.url);
    expect(outcome).toEqual({ isOpened: false, heard: [], code: 1006 });
    // The cookie was there: it is the Origin field alone that the page was refused for.
    expect(victim.attempts).toEqual([{ origin, cookie: expect.stringContaining(cookie) }]);
    expect((await victim.holdfast.history("news")).publications).toEqual([]);
    expect(victim.holdfast.stats().connections).toBe(0);
    expect(victim.errors).toEqual([]);
  }

  it("are refused, though the browser sends the cookie", async () => {
    const victim = await startVictim();
    await logIn(victim.page);
    const evil = `https://evil.example:${await listen(createPages())}`;
    const { tab, said } = await visit(evil);
    await assertRefused(victim, tab, evil);
    expect(said.join()).toContain("403");
  });

  it("are refused from another port of the same host, which is same-site", async () => {
    const victim = await startVictim();
    await logIn(victim.page);
    const neighbour = `https://app.example:${await listen(createPages())}`;
    const { tab, said } = await visit(neighbour);
    await assertRefused(victim, tab, neighbour);
    expect(said.join()).toContain("403");
  });

  it("are refused from a subdomain of the server", async () => {
    const victim = await startVictim();
    await logIn(victim.page);
    const below = `https://user-content.app.example:${await listen(createPages())}`;
    const { tab } = await visit(below);
    await assertRefused(victim, tab, below);
  });

  it("are refused from a frame without an origin", async () => {
    const victim = await startVictim();
    await logIn(victim.page);
    const { tab } = await visit(victim.page);
    await tab.evaluate(addSandboxedFrame);
    await assertRefused(victim, tab.frames()[1] as Frame, "null");
  });

  it("are accepted when the server lists their origin, and same-origin pages always are", async () => {
    const friend = `https://friend.example:${await listen(createPages())}`;
    const victim = await startVictim({ allowedOrigins: [friend] });
    await logIn(victim.page);
    for (const url of [friend, victim.page]) {
      const { tab } = await visit(url);
      const { isOpened, heard, code } = await tab.evaluate(openAndListen, victim.url);
      expect({ isOpened, code }).toEqual({ isOpened: true, code: 1000 });
      expect(heard.join("\n")).toContain("the secret of victim");
    }
    expect((await victim.holdfast.history("news")).publications).toHaveLength(2);
  });

  it("can neither publish nor read over plain HTTP", async () => {
    const victim = await startVictim();
    await logIn(victim.page);
    const evil = `https://evil.example:${await listen(createPages())}`;
    const { tab } = await visit(evil);
    const outcomes = await tab.evaluate(
      async ([base, key]) => {
        const publish = '{"channel":"news","data":"forged"}';
        const tries: [string, RequestInit][] = [
          ["health", { credentials: "include" }],
          ["api/info", { method: "POST", credentials: "include", body: "{}" }],
          ["api/publish", { method: "POST", credentials: "include", body: publish }],
          ["api/publish", { method: "POST", credentials: "include", mode: "no-cors", body: publish }],
          // Not even somebody who knows a key: the browser asks first, and is not told yes.
          ["api/publish", { method: "POST", headers: { "X-API-Key": key as string }, body: publish }],
        ];
        return await Promise.all(
          tries.map(([path, init]) =>
            fetch(`${base}${path}`, init).then(
              (answer) => `${answer.type} ${answer.status}`,
              () => "failed",
            ),
          ),
        );
      },
      [victim.page, apiKey],
    );
    expect(outcomes).toEqual(["failed", "failed", "failed", "opaque 0", "failed"]);
    expect((await victim.holdfast.history("news")).publications).toEqual([]);
  });

  it("are refused on this machine by a rebound DNS name", async () => {
    const server = createServer({ port: 0 });
    const { port } = await server.listen();
    onTestFinished(() => server.close());
    // The page comes from the server itself, as after DNS rebinding: host and origin are the same.
    const { tab, said } = await visit(`http://rebound.example:${port}/health`);
    const outcome = await tab.evaluate(openAndListen, `ws://rebound.example:${port}/connection/websocket`);
    expect(outcome).toEqual({ isOpened: false, heard: [], code: 1006 });
    expect(said.join()).toContain("403");
  });
});
