/** Work that a peer causes beside messages: it is read no faster than its rate, and nobody else notices. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { deflateRawSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { acceptValueFor } from "../../src/websocket/handshake-fields.js";
import { WebSocket, WebSocketServer } from "../../src/websocket.js";
import { clientFrame, RawClient, until, upgradeRequest } from "../support/server.js";
import { startSockets, startWitness } from "./support/servers.js";

const mebibyte = 1024 * 1024;
/** Nothing is paid off while a test runs: 64 frames go through, and then what is looked at in one turn. */
const bounds = { overheadBytesPerSecond: 1, overheadByteBurst: 64 * 1024 };
/** 256 KiB of work, at 1 KiB a frame. */
const framesPerTurn = 256;
const ping = clientFrame(0x9, Buffer.alloc(0));
const pong = Buffer.of(0x8a, 0);

function countPongs({ received }: RawClient): number {
  return received.length / pong.length;
}

/** Compressed as permessage-deflate has it (RFC 7692 §7.2.1). */
function bombOf(bytes: number): Buffer {
  const packed = deflateRawSync(Buffer.alloc(bytes, " "), { finishFlush: 2 }).subarray(0, -4);
  const frame = clientFrame(0x1, packed);
  frame[0] = (frame[0] as number) | 0x40;
  return frame;
}

/** A server in this process that counts messages. */
async function startCounting() {
  let messages = 0;
  const server = new WebSocketServer({
    onConnection(socket) {
      socket.onMessage = () => void messages++;
    },
  });
  const port = await server.listen({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => server.close());
  return { port, received: () => messages };
}

describe("server", () => {
  it("answers the pings of a peer that sends few", async () => {
    const { port } = await startSockets(bounds);
    const client = await RawClient.upgrade(port);
    for (let i = 1; i <= 60; i++) {
      client.write(ping);
      await until(() => countPongs(client) === i);
    }
  });

  it("reads no faster from a peer that floods it with pings, and others notice nothing", async () => {
    const { port, url } = await startSockets(bounds);
    const witness = await startWitness(url);
    const client = await RawClient.upgrade(port);
    client.write(Buffer.alloc(10_000 * ping.length, ping));
    await until(() => client.received.length > 0);
    await witness.check();
    expect(countPongs(client)).toBeLessThanOrEqual(2 * framesPerTurn);
  });

  it("reads a part at a time from a peer that sends much, so that others get their turn", async () => {
    const { port, received } = await startCounting();
    const client = await RawClient.upgrade(port);
    const turns: number[] = [];
    const message = clientFrame(0x2, Buffer.alloc(16 * 1024));
    client.write(Buffer.concat(Array.from({ length: 200 }, () => message)));
    await new Promise<void>((resolve) => {
      const count = () => {
        turns.push(received());
        if (received() < 200) setImmediate(count);
        else resolve();
      };
      setImmediate(count);
    });
    const most = Math.max(...turns.map((sum, i) => sum - (turns[i - 1] ?? 0)));
    // 64 KiB, and what one more read of the system brings.
    expect(most).toBeLessThanOrEqual(9);
  });

  it("reads on when that is paid off", async () => {
    const { port } = await startSockets({
      overheadBytesPerSecond: 4 * mebibyte,
      overheadByteBurst: 64 * 1024,
    });
    const client = await RawClient.upgrade(port);
    client.write(Buffer.alloc(4000 * ping.length, ping));
    await until(() => countPongs(client) === 4000);
  });

  it.each([
    ["empty fragments", clientFrame(0x0, Buffer.alloc(0), { isFinal: false }), 0],
    ["fragments of a byte", clientFrame(0x0, "x", { isFinal: false }), 0],
    ["unasked pongs", clientFrame(0xa, Buffer.alloc(0)), 2 * framesPerTurn],
  ])("reads no faster from a peer that floods it with %s", async (_name, frame, maxPongs) => {
    let pongs = 0;
    const { port, url } = await startSockets({
      ...bounds,
      onConnection: (socket) => {
        socket.onPong = () => pongs++;
      },
    });
    const witness = await startWitness(url);
    const client = await RawClient.upgrade(port);
    const flood = Buffer.alloc(10_000 * frame.length, frame);
    // What stands at the end is not come to.
    client.write(Buffer.concat([clientFrame(0x1, "x", { isFinal: false }), flood, clientFrame(0xa, "last")]));
    await witness.check();
    await witness.check();
    expect(pongs).toBeLessThanOrEqual(maxPongs);
  });

  it("expands no more than its rate, and looks at no more of what it has read", async () => {
    let messages = 0;
    const { port, url } = await startSockets({
      ...bounds,
      compression: true,
      onConnection: (socket) => {
        socket.onMessage = () => messages++;
      },
    });
    const witness = await startWitness(url);
    const client = await RawClient.connect(port);
    client.write(upgradeRequest({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
    await client.readHead();
    // All of them come in one read.
    client.write(Buffer.concat(Array.from({ length: 30 }, () => bombOf(mebibyte))));
    await until(() => messages > 0);
    await witness.check();
    expect(messages).toBeLessThanOrEqual(2);
  });

  it("reads large fragments and plain messages as fast as they come", async () => {
    const { port } = await startSockets(bounds);
    const client = await RawClient.upgrade(port);
    const part = "x".repeat(64);
    const fragments = Array.from({ length: 2000 }, () => clientFrame(0x0, part, { isFinal: false }));
    client.write(
      Buffer.concat([clientFrame(0x1, part, { isFinal: false }), ...fragments, clientFrame(0x0, part)]),
    );
    await until(() => client.received.length > 2000 * part.length);
    const before = client.received.length;
    client.write(Buffer.concat(Array.from({ length: 2000 }, () => clientFrame(0x1, "x"))));
    await until(() => client.received.length === before + 2000 * 3);
  });

  it("drops what comes after its Close frame, and ends the socket of a peer that goes on", async () => {
    const { port, url, sockets, server } = await startSockets({
      ...bounds,
      compression: true,
      closeTimeoutMs: 500,
    });
    const witness = await startWitness(url);
    const client = await RawClient.connect(port);
    client.write(upgradeRequest({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
    await client.readHead();
    sockets[0]?.close(1000);
    const bombs = Buffer.concat(Array.from({ length: 60 }, () => bombOf(mebibyte)));
    while (!client.hasClosed) {
      if (client.socket.writableLength < mebibyte) client.write(bombs);
      await witness.check();
    }
    await until(() => server.connections.size === 1);
    // The Close frame, and no answer to anything.
    expect(client.received).toEqual(Buffer.of(0x88, 2, 0x03, 0xe8));
  });
});

describe("client", () => {
  /** A server that says what it is told. */
  async function startFlooder(flood: Buffer) {
    const received: Buffer[] = [];
    const server = createServer((socket: Socket) => {
      socket.on("error", () => {});
      socket.once("data", (head) => {
        const key = /Sec-WebSocket-Key: (.*)\r\n/i.exec(head.toString())?.[1] ?? "";
        socket.on("data", (chunk) => received.push(chunk));
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptValueFor(key)}\r\n\r\n`,
        );
        socket.write(flood);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    return { port, bytes: () => received.reduce((sum, { length }) => sum + length, 0) };
  }

  it("reads no faster from a server that floods it with pings", async () => {
    const { port, bytes } = await startFlooder(Buffer.alloc(20_000, Buffer.of(0x89, 0)));
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, bounds);
    onTestFinished(() => client.terminate());
    await once(client, "open");
    await until(() => bytes() > 0);
    // Another connection has come and gone meanwhile.
    for (let i = 0; i < 5; i++) {
      const other = connect(port, "127.0.0.1");
      await once(other, "connect");
      other.destroy();
    }
    expect(bytes()).toBeLessThanOrEqual(2 * framesPerTurn * 6);
  });
});
