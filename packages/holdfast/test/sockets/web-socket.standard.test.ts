/** The interface of the standard (WHATWG WebSockets), against servers that are not ours. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocketServer, type WebSocket as WsConnection } from "ws";
import { acceptValueFor } from "../../src/websocket/handshake-fields.js";
import { type CloseEvent, WebSocket, type WebSocketData } from "../../src/websocket.js";
import { until } from "../support/server.js";

async function startWs(onConnection: (connection: WsConnection) => void = () => {}) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on("connection", onConnection);
  await once(server, "listening");
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** A server that keeps what it is told. */
async function startListener() {
  const received: (string | Buffer)[] = [];
  const closes: [number, string][] = [];
  const { url } = await startWs((connection) => {
    connection.on("message", (data: Buffer, isBinary) => received.push(isBinary ? data : data.toString()));
    connection.on("close", (code, reason) => closes.push([code, reason.toString()]));
  });
  const client = new WebSocket(url);
  await once(client, "open");
  return { client, received, closes };
}

/** A server that answers each opening handshake and then says what it is told. */
async function startRaw(...frames: Buffer[]): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      const key = /Sec-WebSocket-Key: (.+)\r\n/i.exec(data.toString())?.[1] as string;
      const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptValueFor(key)}\r\n\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), ...frames]));
      // The Close frame of the client.
      socket.once("data", () => socket.end());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function catchFrom(act: () => unknown): { name: string; isDomException: boolean } | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return { name: (error as Error).name, isDomException: error instanceof DOMException };
  }
}

const syntaxError = { name: "SyntaxError", isDomException: true };
const invalidState = { name: "InvalidStateError", isDomException: true };
const invalidAccess = { name: "InvalidAccessError", isDomException: true };

describe("constructor", () => {
  it.each<[string, unknown[]]>([
    ["no URL", ["nonsense"]],
    ["a relative URL", ["/chat"]],
    ["another scheme", ["ftp://host/"]],
    ["a fragment", ["ws://host/#part"]],
    ["an empty fragment", ["ws://host/#"]],
    ["a subprotocol that is no token", ["ws://host/", "a b"]],
    ["an empty subprotocol", ["ws://host/", ""]],
    ["a subprotocol named twice", ["ws://host/", ["a", "b", "a"]]],
  ])("throws a SyntaxError on %s", (_name, [url, protocols]) => {
    expect(catchFrom(() => new WebSocket(url as string, protocols as string))).toEqual(syntaxError);
  });

  it.each([
    ["ws://LOCALHOST:80/a/../b?c=d e", "ws://localhost/b?c=d%20e"],
    ["http://localhost:1", "ws://localhost:1/"],
    ["https://localhost:443/x", "wss://localhost/x"],
    ["wss://localhost:444", "wss://localhost:444/"],
  ])("has %s as %s", (given, url) => {
    const client = new WebSocket(given);
    client.close();
    expect(client.url).toBe(url);
  });

  it("takes a URL object", () => {
    const client = new WebSocket(new URL("ws://localhost:1/a"));
    client.close();
    expect(client.url).toBe("ws://localhost:1/a");
  });

  it("refuses options by name", () => {
    expect(() => new WebSocket("ws://x", { header: {} } as never)).toThrow(
      /unknown option header \(did you mean headers\?\)/,
    );
    expect(() => new WebSocket("ws://x", { maxMessageBytes: -1 })).toThrow(/^maxMessageBytes must be/);
    expect(() => new WebSocket("ws://x", [], { handshakeTimeoutMs: 0 })).toThrow(/^handshakeTimeoutMs must/);
  });

  it("has the states on class and instance", () => {
    const client = new WebSocket("ws://localhost:1/");
    client.close();
    const states = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
    expect({ ...WebSocket }).toMatchObject(states);
    expect(client).toMatchObject(states);
    expect(client).toBeInstanceOf(EventTarget);
  });
});

describe("send()", () => {
  it("throws an InvalidStateError while connecting", async () => {
    const { url } = await startWs();
    const client = new WebSocket(url);
    expect(catchFrom(() => client.send("early"))).toEqual(invalidState);
    await once(client, "open");
  });

  it("sends text, Blobs and memory of every kind in order", async () => {
    const { client, received } = await startListener();
    const memory = Uint8Array.from([9, 1, 2, 3, 4, 5, 6, 7, 8, 9]).buffer;
    const views: WebSocketData[] = [
      new Int8Array(memory, 1, 8),
      new Uint8Array(memory, 1, 8),
      new Uint8ClampedArray(memory, 1, 8),
      new Int16Array(memory.slice(1, 9)),
      new Uint16Array(memory.slice(1, 9)),
      new Int32Array(memory.slice(1, 9)),
      new Uint32Array(memory.slice(1, 9)),
      new Float32Array(memory.slice(1, 9)),
      new Float64Array(memory.slice(1, 9)),
      new BigInt64Array(memory.slice(1, 9)),
      new BigUint64Array(memory.slice(1, 9)),
      new DataView(memory, 1, 8),
      memory.slice(1, 9),
      Buffer.from(memory, 1, 8),
      new Blob([new Uint8Array(memory, 1, 8)]),
    ];
    client.send("first");
    client.send(new Blob(["blob"]));
    for (const view of views) client.send(view);
    client.send("last");
    await until(() => received.length === views.length + 3);
    const eight = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(received).toEqual(["first", Buffer.from("blob"), ...views.map(() => eight), "last"]);
  });

  it("mends lone surrogates", async () => {
    const { client, received } = await startListener();
    client.send("a\ud800b\udc00");
    await until(() => received.length === 1);
    expect(received).toEqual(["a\ufffdb\ufffd"]);
  });

  it("counts what has not gone out in bufferedAmount, and what comes after close() for good", async () => {
    const { client } = await startListener();
    expect(client.bufferedAmount).toBe(0);
    client.send("é");
    client.send(new Uint8Array(10));
    client.send(new Blob(["xyz"]));
    expect(client.bufferedAmount).toBe(15);
    await until(() => client.bufferedAmount === 0);
    client.close();
    client.send("late");
    client.send(new Blob(["later"]));
    expect(client.bufferedAmount).toBe(9);
    await once(client, "close");
    expect(client.bufferedAmount).toBe(9);
  });
});

describe("close()", () => {
  it.each([0, 999, 1001, 1005, 1006, 1011, 2999, 5000, Number.NaN])("throws on code %d", async (code) => {
    const { url } = await startWs();
    const client = new WebSocket(url);
    expect(catchFrom(() => client.close(code))).toEqual(invalidAccess);
    expect(client.readyState).toBe(WebSocket.CONNECTING);
    client.close();
  });

  it("throws on a reason over 123 bytes, and takes one of 123", async () => {
    const { client, closes } = await startListener();
    expect(catchFrom(() => client.close(1000, `${"é".repeat(61)}xy`))).toEqual(syntaxError);
    expect(client.readyState).toBe(WebSocket.OPEN);
    client.close(1000, `${"é".repeat(61)}x`);
    expect(client.readyState).toBe(WebSocket.CLOSING);
    await until(() => closes.length === 1);
    expect(closes).toEqual([[1000, `${"é".repeat(61)}x`]]);
  });

  it("goes out behind what was sent, Blobs included", async () => {
    const { client, received, closes } = await startListener();
    client.send(new Blob(["blob"]));
    client.send("last");
    client.close(3000);
    await until(() => closes.length === 1);
    expect(received).toEqual([Buffer.from("blob"), "last"]);
    expect(closes).toEqual([[3000, ""]]);
  });

  it("before the connection is open fails it, with events after the call", async () => {
    const { url } = await startWs();
    const client = new WebSocket(url);
    const events: string[] = [];
    for (const type of ["open", "error", "close"]) client.addEventListener(type, () => events.push(type));
    client.close();
    expect(client.readyState).toBe(WebSocket.CLOSING);
    expect(events).toEqual([]);
    const [{ code, wasClean }] = (await once(client, "close")) as [CloseEvent];
    expect([code, wasClean, client.readyState]).toEqual([1006, false, WebSocket.CLOSED]);
    expect(events).toEqual(["error", "close"]);
  });
});

describe("events", () => {
  it("come in order, with the handler of the attribute and those that were added", async () => {
    const { url } = await startWs((connection) => {
      connection.send("one");
      connection.send(Buffer.from("two"));
      connection.close(4001, "bye");
    });
    const client = new WebSocket(url);
    client.binaryType = "arraybuffer";
    const events: unknown[] = [];
    client.onopen = () => events.push("onopen");
    client.addEventListener("open", () => events.push("open"));
    client.onmessage = ({ data, origin }) => {
      events.push(typeof data === "string" ? data : Buffer.from(data as ArrayBuffer).toString());
      expect(origin).toBe(new URL(url).origin);
    };
    client.onclose = function (this: WebSocket, { code, reason, wasClean }: CloseEvent) {
      events.push([code, reason, wasClean, this === client]);
    };
    client.onerror = () => events.push("error");
    await once(client, "close");
    expect(events).toEqual(["onopen", "open", "one", "two", [4001, "bye", true, true]]);
  });

  it("give bytes as a Blob unless told otherwise", async () => {
    const client = new WebSocket(await startRaw(Buffer.from([0x82, 2, 1, 2])));
    const [{ data }] = (await once(client, "message")) as [MessageEvent];
    expect(data).toBeInstanceOf(Blob);
    expect(new Uint8Array(await (data as Blob).arrayBuffer())).toEqual(Uint8Array.from([1, 2]));
    client.terminate();
  });

  it("of messages come after whoever waits for open has gone on", async () => {
    const client = new WebSocket(await startRaw(Buffer.from([0x81, 2, 0x68, 0x69])));
    async function opened() {
      await once(client, "open");
    }
    await opened();
    const [{ data }] = (await once(client, "message")) as [MessageEvent];
    expect(data).toBe("hi");
    client.terminate();
  });

  it("a handler that throws is an uncaught error, and the others are called all the same", async () => {
    const url = await startRaw(Buffer.from([0x81, 1, 0x61, 0x81, 1, 0x62, 0x88, 0]));
    const script = `
      import { WebSocket } from ${JSON.stringify(new URL("../../dist/websocket.js", import.meta.url).href)};
      const said = [];
      process.on("uncaughtException", (error) => said.push(error.message));
      const client = new WebSocket(${JSON.stringify(url)});
      client.onmessage = ({ data }) => { throw new Error("on " + data); };
      client.addEventListener("message", ({ data }) => said.push(data));
      client.onclose = () => setImmediate(() => { console.log(JSON.stringify(said.sort())); process.exit(); });
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill());
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
    });
    await once(child, "close");
    expect(output.trim()).toBe('["a","b","on a","on b"]');
  });
});
