/** WebSockets of real pages over HTTP/2: those of all tabs share one TCP connection. */
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  type OpeningRequest,
  type ServerWebSocket,
  WebSocketServer,
} from "../../packages/holdfast/src/websocket.js";
import { testTls } from "../../packages/holdfast/test/support/tls.js";
import { ChatWindow, eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { ServedChat } from "./served-chat.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;

const page = "<!doctype html><title>h2</title><p>Opened over HTTP/2</p>";

/** What the browser says of the answer to a page's WebSocket handshake. */
async function watchHandshake(tab: Page): Promise<() => Promise<number>> {
  const session = await tab.context().newCDPSession(tab);
  await session.send("Network.enable");
  const status = new Promise<number>((resolve) => {
    session.on("Network.webSocketHandshakeResponseReceived", ({ response }) => resolve(response.status));
  });
  return () => status;
}

describe.skipIf(!executablePath)("WebSockets over HTTP/2 in a browser", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath as string, args: launchArguments });
  }, timeLimitMs);

  afterAll(async () => {
    await browser?.close();
  }, timeLimitMs);

  async function openProfile(): Promise<BrowserContext> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    onTestFinished(() => context.close());
    return context;
  }

  it("two tabs' sockets are streams of one TCP connection", async () => {
    const opened: { request: OpeningRequest; socket: ServerWebSocket }[] = [];
    const server = new WebSocketServer({
      path: "/socket",
      compression: { thresholdBytes: 0 },
      onConnection(socket, request) {
        opened.push({ request, socket });
        socket.onMessage = (data) => socket.send(`you said ${data}`);
      },
    });
    const port = await server.listen({
      tls: testTls,
      onRequest: (_request, response) => {
        response.writeHead(200, { "Content-Type": "text/html" });
        response.end(page);
      },
    });
    onTestFinished(() => server.close());
    const context = await openProfile();
    const said: unknown[] = [];
    for (const name of ["first", "second"]) {
      const tab = await context.newPage();
      await tab.goto(`https://localhost:${port}/`);
      const handshake = await watchHandshake(tab);
      const answer = await tab.evaluate(
        ([url, text]) =>
          new Promise((resolve, reject) => {
            const socket = new WebSocket(url as string);
            Object.assign(globalThis, { socket });
            socket.onopen = () => socket.send(text as string);
            socket.onmessage = ({ data }) => resolve(data);
            socket.onerror = () => reject(new Error("the socket failed"));
          }),
        [`wss://localhost:${port}/socket`, `hello from the ${name} tab`],
      );
      said.push(answer);
      // RFC 8441 §5: 200 where an upgrade would have been answered with 101.
      expect(await handshake()).toBe(200);
    }
    expect(said).toEqual(["you said hello from the first tab", "you said hello from the second tab"]);
    expect(opened.map(({ request }) => request.httpVersion)).toEqual(["2.0", "2.0"]);
    expect(opened[0]?.request.remotePort).toBeTypeOf("number");
    expect(opened[1]?.request.remotePort).toBe(opened[0]?.request.remotePort);
    expect(opened[0]?.socket.extensions).toContain("permessage-deflate");
  });

  it("the chat works as it does over HTTP/1.1", async () => {
    const { url } = await ServedChat.start({ isSecure: true, flags: ["--compression"] });
    const options = { ignoreHTTPSErrors: true };
    const ann = await ChatWindow.join(browser, url, "Ann", "lobby", options);
    const bo = await ChatWindow.join(browser, url, "Bo", "lobby", options);
    const long = "A line that is long enough to be worth compressing. ".repeat(30).trim();
    await ann.say(long);
    await bo.untilTexts([long]);
    await bo.say("and back");
    await ann.untilTexts([long, "and back"]);
    await eventually(() => ann.people()).toEqual(["Ann", "Bo"]);
    expect(await ann.protocol()).toBe("h2");
    expect([...ann.faults, ...bo.faults]).toEqual([]);
  });
});
