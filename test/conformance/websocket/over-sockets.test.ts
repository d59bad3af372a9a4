/**
 * The engine on real sockets: TCP, TLS, and streams of HTTP/2 with TLS and without. What a server sends there must be what
 * the engine alone sends for the same script, however the bytes arrive; and compressed messages keep their contents, with
 * contexts kept and windows reduced.
 */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type ListenOptions,
  WebSocketConnection,
  type WebSocketServerOptions,
} from "../../../packages/holdfast/src/websocket.js";
import { startSockets } from "../../../packages/holdfast/test/sockets/support/servers.js";
import { until, upgradeRequest } from "../../../packages/holdfast/test/support/server.js";
import { testTls } from "../../../packages/holdfast/test/support/tls.js";
import { compressedPeerOf } from "./support/deflate.js";
import { bytesOf, peerOf } from "./support/frame-builder.js";
import { parseFrames, type WireFrame } from "./support/frame-parser.js";
import { autobahnSizes, noiseOf, textOf } from "./support/messages.js";
import { cut, randomPieces } from "./support/play.js";
import { createRandom } from "./support/seed.js";
import { ZlibPeer } from "./support/zlib-peer.js";

interface Carrier {
  readonly name: string;
  readonly listen: ListenOptions;
  readonly isHttp2: boolean;
}

const carriers: readonly Carrier[] = [
  { name: "TCP", listen: {}, isHttp2: false },
  { name: "TLS", listen: { tls: testTls }, isHttp2: false },
  { name: "HTTP/2", listen: {}, isHttp2: true },
  { name: "HTTP/2 with TLS", listen: { tls: testTls }, isHttp2: true },
];

/** A peer that has opened a WebSocket, and sends bytes as it is told. */
class RawPeer {
  readonly stream: Duplex;
  readonly extensions: string;
  received: Buffer;
  hasEnded = false;

  constructor(stream: Duplex, extensions: string, received: Buffer = Buffer.alloc(0)) {
    this.stream = stream;
    this.extensions = extensions;
    this.received = received;
    stream.on("data", (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
    for (const event of ["end", "close"] as const)
      stream.on(event, () => {
        this.hasEnded = true;
      });
    stream.on("error", () => {});
  }

  /** The frames that are whole. */
  frames(isCompressed = false): WireFrame[] {
    return parseFrames(wholeFrames(this.received), "server", isCompressed);
  }
}

/** Up to the end of the last frame that has come in full (RFC 6455 §5.2). */
function wholeFrames(bytes: Buffer): Buffer {
  let at = 0;
  for (;;) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < at + head) return bytes.subarray(0, at);
    const length =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short;
    if (bytes.length < at + head + length) return bytes.subarray(0, at);
    at += head + length;
  }
}

async function open(
  { listen, isHttp2 }: Carrier,
  options: Partial<WebSocketServerOptions> = {},
  offer?: string,
): Promise<RawPeer> {
  const { port } = await startSockets(options, listen);
  const fields = offer === undefined ? {} : { "Sec-WebSocket-Extensions": offer };
  return isHttp2
    ? openStream(port, listen.tls !== undefined, fields)
    : openSocket(port, listen.tls !== undefined, fields);
}

async function openSocket(port: number, isSecure: boolean, fields: Record<string, string>): Promise<RawPeer> {
  const to = { port, host: "127.0.0.1", ca: testTls.cert, servername: "localhost" };
  const socket = isSecure ? connectTls(to) : connect(to);
  onTestFinished(() => void socket.destroy());
  socket.write(upgradeRequest(fields));
  let head = Buffer.alloc(0);
  while (!head.includes("\r\n\r\n")) head = Buffer.concat([head, (await once(socket, "data"))[0] as Buffer]);
  const end = head.indexOf("\r\n\r\n") + 4;
  const extensions =
    /\r\nSec-WebSocket-Extensions: ([^\r]*)/i.exec(head.subarray(0, end).toString())?.[1] ?? "";
  return new RawPeer(socket, extensions, head.subarray(end));
}

async function openStream(port: number, isSecure: boolean, fields: Record<string, string>): Promise<RawPeer> {
  const scheme = isSecure ? "https" : "http";
  const session = connectHttp2(`${scheme}://localhost:${port}`, { ca: testTls.cert });
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  const stream = session.request(
    {
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": scheme,
      ":path": "/",
      ":authority": "localhost",
      "sec-websocket-version": "13",
      ...fields,
    },
    { endStream: false },
  );
  const [headers] = await once(stream, "response");
  return new RawPeer(stream, String(headers["sec-websocket-extensions"] ?? ""));
}

const peer = peerOf("server");
const sample = (length: number) => bytesOf(length, (i) => (i * 31 + (i >> 8)) & 0xff);
const bye = peer.frame({ opcode: 8, payload: Buffer.from([0x03, 0xe8]) });
const closeWith = (...bytes: number[]) => peer.frame({ opcode: 8, payload: Buffer.from(bytes) });

/** Each ends its connection: with a fault, or with the Close frame. */
const scripts: Readonly<Record<string, readonly Uint8Array[]>> = {
  "messages at every boundary of the length": [
    ...[0, 1, 125, 126, 127, 65_535, 65_536, 65_537].map((length) => peer.binary(sample(length))),
    bye,
  ],
  "fragments with pings between them": [
    peer.text("Gr", false),
    peer.ping("1"),
    peer.continuation(Buffer.from([0xc3]), false),
    peer.ping("2"),
    peer.continuation(Buffer.from([0xbc]), false),
    peer.continuation("ße", true),
    bye,
  ],
  "text that is not UTF-8": [
    peer.text("before"),
    peer.text(Buffer.from([0xce, 0xba, 0xff])),
    peer.text("after"),
  ],
  "text that breaks off within a character": [peer.text(Buffer.from([0xe2, 0x82]))],
  "a continuation of nothing": [peer.text("before"), peer.continuation("x", true)],
  "a message within another": [peer.text("a", false), peer.text("b")],
  "a reserved bit": [peer.text("before"), peer.frame({ opcode: 1, payload: "x", rsv: 2 })],
  "a reserved opcode": [peer.frame({ opcode: 3, payload: "x" })],
  "a fragmented ping": [peer.frame({ opcode: 9, payload: "x", fin: false })],
  "a ping that is too long": [peer.ping(Buffer.alloc(126))],
  "a Close frame of one byte": [closeWith(1)],
  "a Close frame with a code that must not be sent": [closeWith(0x03, 0xed)],
  "a Close frame whose reason is not UTF-8": [closeWith(0x03, 0xe8, 0xff)],
  "a Close frame without a code": [peer.text("before"), closeWith(), peer.text("after")],
  "a Close frame in the middle of a message": [peer.text("a", false), closeWith(0x0f, 0xa0, 0x6f, 0x6b)],
};

/** What the engine alone sends, where every message is sent back. */
function framesOfEngine(script: readonly Uint8Array[]): WireFrame[] {
  const connection = new WebSocketConnection("server", {});
  const output: Uint8Array[] = [];
  for (const step of script) {
    for (const event of connection.receive(Buffer.from(step))) {
      if (event.type === "text") connection.sendText(event.text);
      else if (event.type === "binary") connection.sendBinary(Buffer.from(event.data));
    }
    output.push(...connection.takeOutput());
  }
  return parseFrames(Buffer.concat(output), "server", false);
}

describe.each(carriers)("a server over $name", (carrier) => {
  it.each(Object.keys(scripts))("sends what the engine sends, for %s", async (name) => {
    const script = scripts[name] as readonly Uint8Array[];
    const expected = framesOfEngine(script);
    expect(expected.at(-1)?.opcode).toBe(8);
    for (const cutter of [(total: number) => [total], randomPieces(createRandom())]) {
      const raw = await open(carrier);
      for (const piece of cut(Buffer.concat(script), cutter)) raw.stream.write(piece);
      await until(() => raw.hasEnded || raw.frames().length >= expected.length);
      expect(raw.frames()).toEqual(expected);
      raw.stream.destroy();
    }
  });

  it.each([
    { offer: "", keepsContext: true, windowBits: 15, given: {} },
    {
      offer: "; client_max_window_bits",
      keepsContext: true,
      windowBits: 9,
      given: { maxPeerWindowBits: 9, maxWindowBits: 9 },
    },
    {
      offer: "; client_max_window_bits=12; server_max_window_bits=12",
      keepsContext: true,
      windowBits: 12,
      given: { maxPeerWindowBits: 12 },
    },
    {
      offer: "; client_max_window_bits",
      keepsContext: false,
      windowBits: 10,
      given: { maxPeerWindowBits: 10, maxWindowBits: 10, contextTakeover: false },
    },
  ])(
    "expands and compresses messages of all sizes: context $keepsContext, $windowBits bits",
    async ({ offer, keepsContext, windowBits, given }) => {
      const compression = { thresholdBytes: 0, memLevel: 1, contextTakeover: true, ...given };
      const raw = await open(
        carrier,
        { compression, maxMessageBytes: 1024 * 1024, maxFrameBytes: 1024 * 1024 } as never,
        `permessage-deflate${offer}`,
      );
      expect(raw.extensions).toMatch(/^permessage-deflate/);
      expect(raw.extensions.includes("client_no_context_takeover")).toBe(!keepsContext);
      const sender = ZlibPeer.sender({ keepsContext, windowBits });
      const receiver = ZlibPeer.receiver({ keepsContext, windowBits: 15 });
      const compressed = compressedPeerOf("server");
      // Similar ones refer to those before them, and noise does not shrink.
      const messages = autobahnSizes.flatMap((size, i) => [textOf(size), noiseOf(50 + i), textOf(100 + i)]);
      for (const [i, message] of messages.entries()) {
        const payload = await sender.compress(message);
        for (const part of i % 2 === 0
          ? [compressed.binary(payload)]
          : compressed.fragments("binary", payload, 1000))
          raw.stream.write(part);
        await until(() => raw.hasEnded || raw.frames(true).length > 0);
        const [answer] = raw.frames(true);
        raw.received = Buffer.alloc(0);
        if (answer === undefined) throw new Error(`message ${i} was not answered`);
        const echoed = answer.isCompressed ? await receiver.expand(answer.payload) : answer.payload;
        expect(echoed.equals(message), `message ${i} of ${message.length} bytes`).toBe(true);
      }
      sender.close();
      receiver.close();
    },
  );
});
