/** Peers that vanish, lie, bomb or flood. A witness on the same server notices nothing, and nothing of them is left. */
import { deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientFrame, RawClient, until, upgradeRequest } from "../support/server.js";
import { type Running, startSockets, startWitness } from "./support/servers.js";

let running: Running;
let witness: Awaited<ReturnType<typeof startWitness>>;

beforeEach(async () => {
  running = await startSockets({
    compression: { thresholdBytes: 0, contextTakeover: true },
    closeTimeoutMs: 500,
    authorize: ({ url }) => (url === "/connection/websocket" ? later() : undefined),
  });
  witness = await startWitness(running.url);
});

afterEach(async () => {
  // Only the witness is left.
  await until(() => running.server.connections.size === 1);
  await witness.check();
  expect(running.errors).toEqual([]);
});

const later = () => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 5));
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Compressed as permessage-deflate has it (RFC 7692 §7.2.1). */
function compressed(bytes: Uint8Array): Buffer {
  return deflateRawSync(bytes, { finishFlush: 2 }).subarray(0, -4);
}

async function openCompressed(fields = "permessage-deflate"): Promise<RawClient> {
  const client = await RawClient.connect(running.port);
  client.write(upgradeRequest({ "Sec-WebSocket-Extensions": fields }));
  const head = await client.readHead();
  expect(head).toMatch(/^HTTP\/1\.1 101 [\s\S]*permessage-deflate/);
  return client;
}

describe("a peer that vanishes", () => {
  const request = upgradeRequest();
  const frame = clientFrame(0x1, "x".repeat(1000));
  const stages: readonly [string, readonly (string | Uint8Array)[]][] = [
    ["before it says anything", []],
    ["within its request", [request.slice(0, 50)]],
    ["right after its request", [request]],
    ["after its request and a frame in one", [Buffer.concat([Buffer.from(request), frame])]],
    ["within the head of a frame", [request, frame.subarray(0, 1)]],
    ["within a frame", [request, frame.subarray(0, 500)]],
    ["between fragments", [request, clientFrame(0x1, "x", { isFinal: false })]],
    ["after a message", [request, frame]],
    ["within its Close frame", [request, clientFrame(0x8, Buffer.from([0x03, 0xe8])).subarray(0, 5)]],
    ["after its Close frame", [request, clientFrame(0x8, Buffer.from([0x03, 0xe8]))]],
  ];

  it.each(stages)("%s leaves nothing behind", async (_name, parts) => {
    for (const end of ["resetAndDestroy", "destroy"] as const)
      for (const wait of [0, 15]) {
        const client = await RawClient.connect(running.port);
        for (const part of parts) {
          client.write(part);
          await pause(wait);
        }
        client.socket[end]();
      }
    const last = await RawClient.upgrade(running.port);
    last.socket.destroy();
  });

  it("while much is being sent to it leaves nothing behind", async () => {
    const client = await RawClient.upgrade(running.port);
    client.socket.pause();
    for (let i = 0; i < 50; i++) running.sockets[0]?.send("x".repeat(50_000));
    await nextTurn();
    running.sockets[0]?.send("more");
    client.socket.resetAndDestroy();
    await until(() => running.server.connections.size === 1);
    running.sockets[0]?.send("nobody hears this");
    expect(running.sockets[0]?.bufferedAmount).toBe(0);
    expect(running.sockets[0]?.isOpen).toBe(false);
  });

  it("in its own half only is answered 1006 and let go of", async () => {
    const client = await RawClient.upgrade(running.port);
    const closes: number[] = [];
    const socket = running.sockets[0] as (typeof running.sockets)[0];
    socket.onClose = ({ code }) => closes.push(code);
    client.write(clientFrame(0x1, "last words"));
    client.socket.end();
    await until(() => client.hasClosed);
    await until(() => closes.length === 1);
    expect(closes).toEqual([1006]);
  });
});

describe("a peer that lies", () => {
  it("with garbage is failed with 1002", async () => {
    for (const byte of [0x00, 0x7f, 0x83, 0xb1, 0xff]) {
      const client = await RawClient.upgrade(running.port);
      client.write(Buffer.alloc(100_000, byte));
      expect((await client.readClose()).code).toBe(1002);
      await until(() => client.hasClosed);
    }
  });

  it("about a length of 8 EiB is failed with 1009 at once", async () => {
    const client = await RawClient.upgrade(running.port);
    client.write(Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]));
    expect((await client.readClose()).code).toBe(1009);
    client.socket.destroy();
  });

  it("that sends after its Close frame is not heard", async () => {
    const taken: unknown[] = [];
    const client = await RawClient.upgrade(running.port);
    const socket = running.sockets[0] as (typeof running.sockets)[0];
    socket.onMessage = (data) => taken.push(data);
    const close = clientFrame(0x8, Buffer.from([0x0f, 0xa0]));
    client.write(Buffer.concat([clientFrame(0x1, "a"), close, clientFrame(0x1, "b"), clientFrame(0x9, "c")]));
    const frames = [await client.readFrame()];
    await until(() => client.hasEnded || client.hasClosed);
    client.socket.on("error", () => {});
    for (let i = 0; i < 20; i++) client.write(Buffer.alloc(10_000, 0xff));
    expect(frames).toEqual([{ opcode: 0x8, payload: Buffer.from([0x0f, 0xa0]) }]);
    expect(client.received.length).toBe(0);
    expect(taken).toEqual(["a"]);
  });

  it("that talks on for ever instead of answering a Close frame is terminated", async () => {
    const client = await RawClient.upgrade(running.port);
    const taken: unknown[] = [];
    const socket = running.sockets[0] as (typeof running.sockets)[0];
    socket.onMessage = (data) => taken.push(data);
    socket.close(1000);
    while (!client.hasClosed) {
      client.write(clientFrame(0x1, "not yet"));
      await pause(10);
    }
    expect(taken).toEqual([]);
  });
});

describe("a peer that compresses", () => {
  it.each([
    ["a context", "permessage-deflate"],
    ["none", "permessage-deflate; client_no_context_takeover; server_no_context_takeover"],
  ])("a bomb, with %s, is failed with 1009", async (_name, extension) => {
    const client = await openCompressed(extension);
    const before = process.memoryUsage().rss;
    // 200 MB in 200 KB.
    client.write(clientFrame(0x2, compressed(Buffer.alloc(200_000_000)), { reserved: 4 }));
    expect((await client.readClose()).code).toBe(1009);
    expect(process.memoryUsage().rss - before).toBeLessThan(400_000_000);
    client.socket.destroy();
  });

  it("a bomb in many fragments is failed with 1009", async () => {
    const client = await openCompressed();
    const bytes = compressed(Buffer.alloc(20_000_000));
    for (let at = 0; at < bytes.length; at += 100) {
      const options = { reserved: at === 0 ? 4 : 0, isFinal: at + 100 >= bytes.length };
      client.write(clientFrame(at === 0 ? 0x2 : 0x0, bytes.subarray(at, at + 100), options));
    }
    expect((await client.readClose()).code).toBe(1009);
    client.socket.destroy();
  });

  it("garbage is failed", async () => {
    const client = await openCompressed();
    client.write(clientFrame(0x1, Buffer.alloc(100, 0xff), { reserved: 4 }));
    expect([1002, 1007]).toContain((await client.readClose()).code);
    client.socket.destroy();
  });

  it("what ends within is failed, or given as far as it goes, and what follows is no harm", async () => {
    const whole = compressed(Buffer.from("hello, hello, hello, hello ".repeat(50)));
    for (const size of [1, 2, 5, whole.length - 1]) {
      const client = await openCompressed();
      client.write(clientFrame(0x1, whole.subarray(0, size), { reserved: 4 }));
      client.write(clientFrame(0x9, "still there?"));
      const { opcode, payload } = await client.readFrame();
      if (opcode === 0x8) expect([1002, 1007]).toContain(payload.readUInt16BE(0));
      client.socket.destroy();
    }
  });

  it("and vanishes within a message leaves nothing behind", async () => {
    for (let i = 0; i < 20; i++) {
      const client = await openCompressed();
      const bytes = compressed(Buffer.alloc(900_000, i));
      client.write(clientFrame(0x2, bytes.subarray(0, 300), { reserved: 4, isFinal: false }));
      await nextTurn();
      client.socket.resetAndDestroy();
    }
  });
});

describe("a peer that floods", () => {
  it("with pings and reads no pongs is not read from any more", async () => {
    const client = await RawClient.upgrade(running.port);
    client.socket.pause();
    const socket = running.sockets[0] as (typeof running.sockets)[0];
    const pings = Buffer.concat(Array.from({ length: 500 }, () => clientFrame(0x9, "x".repeat(125))));
    let most = 0;
    let isHeldUp = false;
    for (let i = 0; i < 2000 && !isHeldUp; i++) {
      if (!client.socket.write(pings))
        isHeldUp = await Promise.race([
          new Promise<boolean>((resolve) => client.socket.once("drain", () => resolve(false))),
          pause(500).then(() => true),
        ]);
      most = Math.max(most, socket.bufferedAmount);
      if (i % 100 === 0) await witness.check();
    }
    expect(isHeldUp).toBe(true);
    expect(most).toBeLessThan(1_000_000);
    client.socket.destroy();
  });

  it("with pings and reads the pongs is answered each", async () => {
    const client = await RawClient.upgrade(running.port);
    for (let i = 0; i < 2000; i++) client.write(clientFrame(0x9, `${i}`));
    for (let i = 0; i < 2000; i++) {
      const { opcode, payload } = await client.readFrame();
      expect([opcode, payload.toString()]).toEqual([0xa, `${i}`]);
    }
    client.socket.destroy();
  });

  it("with empty messages, or fragments, keeps no other client waiting", async () => {
    const client = await RawClient.upgrade(running.port);
    const empty = clientFrame(0x1, "");
    const flood = Buffer.concat(Array.from({ length: 20_000 }, () => empty));
    for (let i = 0; i < 5; i++) {
      client.write(flood);
      await witness.check();
    }
    await until(() => client.received.length === 5 * 20_000 * 2);
    client.socket.destroy();
  });

  it("with large messages to an echo in one go gets them all back", async () => {
    const client = await RawClient.upgrade(running.port);
    const size = 60_000;
    client.write(Buffer.concat(Array.from({ length: 40 }, () => clientFrame(0x2, Buffer.alloc(size, 7)))));
    await until(() => client.received.length === 40 * (size + 4));
    client.socket.destroy();
  });

  it("with small messages to an echo that reads on only when little waits gets them all back", async () => {
    const { port } = await startSockets({ holdReadingAboveBytes: 1000 });
    const client = await RawClient.upgrade(port);
    const flood = Buffer.concat(Array.from({ length: 5000 }, () => clientFrame(0x2, Buffer.alloc(100, 7))));
    client.write(flood);
    await until(() => client.received.length === 5000 * 102);
  });

  it("with connections that open and vanish leaves nothing behind", async () => {
    for (let round = 0; round < 5; round++) {
      const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(running.port)));
      for (const [i, client] of clients.entries()) {
        client.write(upgradeRequest());
        if (i % 2 === 0) client.socket.resetAndDestroy();
      }
      await witness.check();
      for (const client of clients) client.socket.destroy();
    }
  });
});
