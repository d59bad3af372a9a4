/** The whole server over HTTP/2: pages, health, refusals, and sessions over extended CONNECT, beside HTTP/1.1. */
import { connect } from "node:http2";
import { Centrifuge } from "centrifuge";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "../../packages/holdfast/src/websocket.js";
import { withoutLocalStorage } from "../../packages/holdfast/src/without-local-storage.js";
import { startServer, until } from "../../packages/holdfast/test/support/server.js";
import { testTls } from "../../packages/holdfast/test/support/tls.js";

const warnings: Error[] = [];
const onWarning = (warning: Error) => warnings.push(warning);
process.on("warning", onWarning);

async function openSession(port: number, isSecure: boolean) {
  const session = connect(`${isSecure ? "https" : "http"}://localhost:${port}`, {
    rejectUnauthorized: false,
  });
  onTestFinished(() => session.destroy());
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  const get = (path: string, more: Record<string, string> = {}) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const stream = session.request({ ":path": path, ...more });
      let [status, body] = [0, ""];
      stream.on("response", (headers) => {
        status = Number(headers[":status"]);
      });
      stream.on("data", (chunk) => {
        body += chunk;
      });
      stream.on("end", () => resolve({ status, body }));
      stream.on("error", reject);
      stream.end();
    });
  return { session, get };
}

afterEach(() => {
  expect(warnings.splice(0)).toEqual([]);
});

describe.each([false, true])("server over HTTP/2, with TLS %s", (isSecure) => {
  it("answers plain requests, and explains how to open a WebSocket", async () => {
    const { port } = await startServer(isSecure ? { tls: testTls } : {});
    const { get } = await openSession(port, isSecure);
    expect(await get("/health")).toEqual({ status: 200, body: "{}" });
    expect((await get("/nowhere")).status).toBe(404);
    expect((await get("/health", { ":method": "POST" })).status).toBe(405);
    const refused = await get("/connection/websocket");
    expect(refused).toMatchObject({ status: 400, body: expect.stringMatching(/extended CONNECT/) });
  });

  it("carries recovering sessions beside sessions over HTTP/1.1", async () => {
    const { port, server } = await startServer({ compression: true, ...(isSecure && { tls: testTls }) });
    const { session } = await openSession(port, isSecure);
    const url = `${isSecure ? "wss" : "ws"}://localhost:${port}/connection/websocket`;
    class OverHttp2 extends WebSocket {
      constructor(address: string) {
        super(address, [], { http2Session: session, compression: true });
      }
    }
    class OverHttp1 extends WebSocket {
      constructor(address: string) {
        super(address, [], { tls: { rejectUnauthorized: false } });
      }
    }
    const seen: unknown[][] = [];
    const clients = [OverHttp2, OverHttp1].map((websocket, i) => {
      const client = withoutLocalStorage(() => new Centrifuge(url, { websocket }));
      onTestFinished(() => client.disconnect());
      const subscription = client.newSubscription("news");
      const ofClient: unknown[] = [];
      seen[i] = ofClient;
      subscription.on("publication", ({ data }) => ofClient.push(data));
      subscription.subscribe();
      client.connect();
      return { client, subscription };
    });
    await Promise.all(clients.map(({ subscription }) => subscription.ready()));
    // Long enough to be compressed.
    const texts = Array.from({ length: 20 }, (_, i) => `${i} ${"lorem ipsum ".repeat(200)}`);
    for (const text of texts) await clients[1]?.client.publish("news", text);
    await until(() => seen.every((each) => each.length === texts.length));
    expect(seen).toEqual([texts, texts]);
    expect(server.stats().connections).toBe(2);
  });

  it("refuses an unsupported request on one stream, and others continue", async () => {
    const { port } = await startServer(isSecure ? { tls: testTls } : {});
    const { session } = await openSession(port, isSecure);
    const open = (path: string, headers: Record<string, string> = {}) => {
      const socket = new WebSocket(`${isSecure ? "wss" : "ws"}://localhost:${port}${path}`, {
        http2Session: session,
        headers,
      });
      return new Promise<string>((resolve) => {
        socket.onopen = () => resolve("open");
        socket.onerror = ({ message }) => resolve(message);
        onTestFinished(() => socket.terminate());
      });
    };
    const outcomes = await Promise.all([
      open("/connection/websocket"),
      open("/elsewhere"),
      open("/connection/websocket", { origin: "https://evil.example" }),
    ]);
    expect(outcomes).toEqual([
      "open",
      "the server answered 404 instead of 200",
      "the server answered 403 instead of 200",
    ]);
  });
});
