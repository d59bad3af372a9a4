/** How the client opens a connection, and what it makes of servers that are broken or hostile. */
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocketServer } from "ws";
import { acceptValueFor } from "../../src/websocket/handshake-fields.js";
import { type CloseEvent, type ErrorEvent, WebSocket } from "../../src/websocket.js";
import { until } from "../support/server.js";
import { testTls } from "../support/tls.js";
import { startSockets } from "./support/servers.js";

/** What a client makes of a server. */
function watch(client: WebSocket) {
  const heard: { opened: boolean; messages: unknown[]; errors: string[]; close?: CloseEvent } = {
    opened: false,
    messages: [],
    errors: [],
  };
  client.onopen = () => {
    heard.opened = true;
  };
  client.onmessage = ({ data }) => heard.messages.push(data);
  client.onerror = (event: ErrorEvent) => heard.errors.push(event.message);
  client.onclose = (event) => {
    heard.close = event;
  };
  onTestFinished(() => client.terminate());
  return heard;
}

async function startTcp(onRequest: (socket: Socket, request: string) => void) {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", (data) => onRequest(socket, data.toString()));
  });
  const sockets: Socket[] = [];
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, sockets };
}

function answerTo(request: string, fields = ""): string {
  const key = /Sec-WebSocket-Key: (.+)\r\n/i.exec(request)?.[1] as string;
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptValueFor(key)}\r\n${fields}\r\n`;
}

describe("a server that breaks the opening handshake", () => {
  const cases: readonly [string, (request: string) => string | Buffer, RegExp][] = [
    [
      "a wrong accept value",
      (r) => answerTo(r).replace(/Accept: .*/, "Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
      /Accept/,
    ],
    ["no accept value", (r) => answerTo(r).replace(/Sec-WebSocket-Accept.*\r\n/, ""), /Accept/],
    [
      "an extension that was not asked for",
      (r) => answerTo(r, "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
      /xtension|permessage-deflate/,
    ],
    [
      "a subprotocol that was not asked for",
      (r) => answerTo(r, "Sec-WebSocket-Protocol: chat\r\n"),
      /rotocol/,
    ],
    [
      "an upgrade to something else",
      (r) => answerTo(r).replace("Upgrade: websocket", "Upgrade: h2c"),
      /Upgrade/,
    ],
    [
      "a redirect",
      () => "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
      /answered 302/,
    ],
    ["a page", () => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", /answered 200/],
    ["a head without an end", (r) => `${answerTo(r).slice(0, -2)}X: ${"x".repeat(100_000)}\r\n`, /./],
    ["no HTTP", () => "SSH-2.0-OpenSSH\r\n\r\n", /./],
  ];

  it.each(cases)("%s fails the connection with 1006 and says why", async (_name, answer, message) => {
    const { url, sockets } = await startTcp((socket, request) => socket.write(answer(request)));
    const heard = watch(new WebSocket(url));
    await until(() => heard.close !== undefined);
    expect(heard).toMatchObject({
      opened: false,
      errors: [expect.stringMatching(message)],
      close: { code: 1006, reason: "", wasClean: false },
    });
    await until(() => sockets.every((socket) => socket.closed || socket.readableEnded));
  });

  it("that goes away fails it, too", async () => {
    const { url } = await startTcp((socket) => socket.resetAndDestroy());
    const heard = watch(new WebSocket(url));
    await until(() => heard.close !== undefined);
    expect([heard.errors.length, heard.close?.code]).toEqual([1, 1006]);
  });

  it("that does not answer is given up after handshakeTimeoutMs", async () => {
    const { url, sockets } = await startTcp(() => {});
    const heard = watch(new WebSocket(url, { handshakeTimeoutMs: 100 }));
    await until(() => heard.close !== undefined);
    expect(heard.errors).toEqual(["the server did not answer within 100 ms"]);
    await until(() => sockets[0]?.closed === true);
  });

  it("that does not exist fails with the error of the system", async () => {
    const { url } = await startTcp(() => {});
    const heard = watch(new WebSocket(url.replace(/:\d+/, ":1")));
    await until(() => heard.close !== undefined);
    expect(heard.errors).toEqual([expect.stringMatching(/ECONNREFUSED/)]);
  });
});

describe("a server that breaks the rules after that", () => {
  const cases: readonly [string, number[], number, RegExp][] = [
    ["garbage", [0xff, 0xff, 0xff, 0xff], 1002, /reserved|opcode/],
    ["a masked frame", [0x81, 0x81, 0, 0, 0, 0, 0x61], 1002, /mask/],
    ["text that is not UTF-8", [0x81, 2, 0xc3, 0x28], 1007, /UTF-8/],
    ["a message of 8 EiB", [0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255], 1009, /limit/],
  ];

  it.each(cases)(
    "%s fails the connection with an error and the code",
    async (_name, bytes, code, message) => {
      const seen: Buffer[] = [];
      const { url } = await startTcp((socket, request) => {
        socket.on("data", (data) => seen.push(data));
        socket.write(Buffer.concat([Buffer.from(answerTo(request)), Buffer.from([0x81, 1, 0x61, ...bytes])]));
      });
      const heard = watch(new WebSocket(url, { closeTimeoutMs: 500 }));
      await until(() => heard.close !== undefined);
      expect(heard.messages).toEqual(["a"]);
      expect(heard.errors).toEqual([expect.stringMatching(message)]);
      expect(heard.close).toMatchObject({ code, wasClean: false });
      // Its Close frame carries the code, masked.
      const frame = Buffer.concat(seen);
      expect(frame[0]).toBe(0x88);
      expect(frame.readUInt16BE(6) ^ frame.readUInt16BE(2)).toBe(code);
    },
  );

  it("that never ends the connection after the Close frames is terminated, cleanly", async () => {
    const { url, sockets } = await startTcp((socket, request) => {
      socket.write(Buffer.concat([Buffer.from(answerTo(request)), Buffer.from([0x88, 2, 0x03, 0xe8])]));
    });
    const heard = watch(new WebSocket(url, { closeTimeoutMs: 200 }));
    await until(() => heard.close !== undefined);
    expect(heard.close).toMatchObject({ code: 1000, wasClean: true });
    expect(heard.errors).toEqual([]);
    await until(() => sockets[0]?.closed === true);
  });
});

describe("options", () => {
  it("headers are sent, and can't replace those of the handshake", async () => {
    let seen: NodeJS.Dict<string | string[]> = {};
    const { url } = await startSockets({
      onConnection: (_socket, { headers }) => {
        seen = headers;
      },
    });
    const headers = {
      Authorization: "Bearer x",
      Cookie: "a=b",
      "sec-websocket-version": "7",
      upgrade: "h2c",
    };
    const heard = watch(new WebSocket(url, { headers }));
    await until(() => heard.opened || heard.close !== undefined);
    expect(seen).toMatchObject({ authorization: "Bearer x", cookie: "a=b", "sec-websocket-version": "13" });
  });

  it("tls is for wss: what it does not trust is refused", async () => {
    const { url } = await startSockets({}, { tls: testTls });
    const trusting = new WebSocket(url, { tls: { ca: testTls.cert } });
    const heard = watch(trusting);
    await until(() => heard.opened);
    trusting.send("hello");
    await until(() => heard.messages.length === 1);
    const distrusting = watch(new WebSocket(url));
    await until(() => distrusting.close !== undefined);
    expect(distrusting.errors).toEqual([expect.stringMatching(/self.signed|certificate/)]);
  });

  it("compression is agreed on with the server of ws", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: { threshold: 0 } });
    onTestFinished(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    server.on("connection", (socket) => socket.on("message", (data) => socket.send(data.toString())));
    await once(server, "listening");
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (const contextTakeover of [false, true]) {
      const client = new WebSocket(url, { compression: { thresholdBytes: 0, contextTakeover } });
      const heard = watch(client);
      await until(() => heard.opened);
      expect(client.extensions).toMatch(/^permessage-deflate/);
      const texts = ["", "a", "é".repeat(5000), "x".repeat(200_000)];
      for (const text of texts) client.send(text);
      await until(() => heard.messages.length === texts.length);
      expect(heard.messages).toEqual(texts);
    }
  });

  it("no connection is kept for other requests", async () => {
    const http = createHttp((_request, response) => response.writeHead(404).end());
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    onTestFinished(() => void http.close());
    const heard = watch(new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`));
    await until(() => heard.close !== undefined);
    await until(() => new Promise((resolve) => http.getConnections((_, count) => resolve(count === 0))));
  });
});
