/** Clients that answer no ping, on connections that take every write a moment later: each is let go all the same. */
import { once } from "node:events";
import { connect } from "node:http2";
import { describe, expect, it, onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { WebSocket } from "../../packages/holdfast/src/websocket.js";
import { createSdk } from "../../packages/holdfast/test/support/app-server.js";
import { startServer, until } from "../../packages/holdfast/test/support/server.js";
import { testTls } from "../../packages/holdfast/test/support/tls.js";

describe.each([
  { isSecure: false, isHttp2: false },
  { isSecure: false, isHttp2: true },
  { isSecure: true, isHttp2: false },
  { isSecure: true, isHttp2: true },
])("a client that is silent, TLS $isSecure, HTTP/2 $isHttp2", ({ isSecure, isHttp2 }) => {
  it("is told so, and released", async () => {
    const { server, port } = await startServer({
      ...(isSecure && { tls: testTls }),
      pingIntervalMs: 600,
      pongTimeoutMs: 500,
    });
    const origin = `localhost:${port}`;
    const trusting = { rejectUnauthorized: false };
    const session = isHttp2 ? connect(`${isSecure ? "https" : "http"}://${origin}`, trusting) : undefined;
    onTestFinished(() => session?.destroy());
    if (session) await once(session, "remoteSettings");
    const socket = new WebSocket(`${isSecure ? "wss" : "ws"}://${origin}/connection/websocket`, [], {
      ...(session ? { http2Session: session } : isSecure && { tls: trusting }),
    });
    socket.onopen = () => socket.send('{"id":1,"connect":{}}');
    const code = await new Promise((resolve) => {
      socket.onclose = (event) => resolve(event.code);
    });
    expect(code).toBe(3012);
    await until(() => server.stats().sockets === 0);
  });
});

describe("client whose connect command is late", () => {
  it("reconnects as after any delay", async () => {
    const { url } = await startServer({ connectTimeoutMs: 300 });
    let sockets = 0;
    /** The first says nothing, as that of a page that was frozen right after it had opened. */
    class Freezing extends WsWebSocket {
      readonly #number = ++sockets;

      override send(data: Parameters<WsWebSocket["send"]>[0]): void {
        if (this.#number > 1) super.send(data);
      }
    }
    const client = createSdk(url, { websocket: Freezing });
    client.connect();
    await client.ready(4000);
    expect(sockets).toBe(2);
  });
});
