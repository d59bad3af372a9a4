/** Handlers that go on after they have returned, and loops beside a pause of the application. */
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { type ServerWebSocket, WebSocket, WebSocketServer } from "../../src/websocket.js";
import { until } from "../support/server.js";
import { testTls } from "../support/tls.js";

async function startWith(onConnection: (socket: ServerWebSocket) => unknown) {
  const errors: unknown[] = [];
  const server = new WebSocketServer({ onConnection, onError: (error) => errors.push(error) });
  const port = await server.listen();
  onTestFinished(() => server.close());
  const client = new WebSocket(`ws://127.0.0.1:${port}/`);
  onTestFinished(() => client.terminate());
  let code = 0;
  client.onclose = (event) => {
    code = event.code;
  };
  await new Promise<void>((resolve) => {
    client.onopen = () => resolve();
  });
  return { server, client, errors, closeCode: () => code };
}

describe("asynchronous handlers", () => {
  it("a connection handler that rejects ends its connection with 1011 and is reported", async () => {
    const { errors, closeCode } = await startWith(async () => {
      await Promise.resolve();
      throw new Error("not today");
    });
    await until(() => closeCode() === 1011);
    expect(errors).toEqual([new Error("not today")]);
  });

  it("a message handler that rejects ends its connection with 1011 and is reported", async () => {
    const { client, errors, closeCode } = await startWith((socket) => {
      socket.onMessage = async () => Promise.reject(new Error("no message"));
    });
    client.send("x");
    await until(() => closeCode() === 1011);
    expect(errors).toEqual([new Error("no message")]);
  });

  it("a loop in a connection handler that ends because the connection was lost is not a failure", async () => {
    let hasEnded = false;
    const { client, server, errors } = await startWith(async (socket) => {
      try {
        for await (const message of socket) socket.send(message);
      } finally {
        hasEnded = true;
      }
    });
    client.terminate();
    await until(() => hasEnded && server.connections.size === 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(errors).toEqual([]);
  });
});

describe("a pause of the application", () => {
  it("lasts when a loop has caught up", async () => {
    const sockets: ServerWebSocket[] = [];
    const { client } = await startWith((socket) => sockets.push(socket));
    await until(() => sockets.length === 1);
    const socket = sockets[0] as ServerWebSocket;
    const messages = socket[Symbol.asyncIterator]();
    // More than the loop lets wait, so that it holds up reading itself.
    for (let i = 0; i < 40; i++) client.send(String(i));
    await until(async () => (await messages.next()).value === "0");
    socket.pause();
    for (let i = 1; i < 40; i++) expect((await messages.next()).value).toBe(String(i));
    client.send("later");
    let hasCome = false;
    const later = messages.next().then(({ value }) => {
      hasCome = value === "later";
    });
    // Long enough for what is on its way on this machine.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(hasCome).toBe(false);
    socket.resume();
    await later;
    expect(hasCome).toBe(true);
  });
});

describe("a request with a body that asks for another protocol", () => {
  const request =
    "POST /b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
    "HTTP2-Settings: AAMAAABk\r\nContent-Length: 5\r\n\r\nhelloGET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

  it.each(["http", "https"])(
    "is answered whole by an attached server of node:%s, and so is the next",
    async (kind) => {
      const route: Parameters<typeof createHttp>[1] = (incoming, response) => {
        let body = "";
        incoming.on("data", (chunk) => {
          body += chunk;
        });
        incoming.on("end", () => response.end(`${incoming.url} got [${body}]\n`));
      };
      const http = kind === "http" ? createHttp(route) : createHttps(testTls, route);
      new WebSocketServer({ onConnection() {} }).attach(http);
      await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
      onTestFinished(() => void http.close());
      const { port } = http.address() as AddressInfo;
      const socket =
        kind === "http"
          ? connect(port, "127.0.0.1")
          : connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
      onTestFinished(() => void socket.destroy());
      let answer = "";
      socket.on("data", (chunk) => {
        answer += chunk;
      });
      socket.write(request);
      await until(() => answer.includes("/b got"));
      expect(answer).toContain("/b got [hello]");
      // Newer versions of Node.js keep such a request themselves, and read no further one behind it.
      if ("shouldUpgradeCallback" in http) return;
      await until(() => answer.includes("/next got"));
      expect(answer).toContain("/next got []");
    },
  );
});
