/** Peers that break the rules or vanish, each with the endings that are right for it. */
import { constants, deflateRawSync } from "node:zlib";
import { buildFrame, closePayload, opcodes } from "../conformance/websocket/support/frame-builder.js";
import { type Ending, RawPeer } from "./raw-peer.js";

export type Random = () => number;

export interface PeerKind {
  readonly name: string;
  /** What the connection may end with. A peer that reads to the end must see the code. */
  readonly endings: readonly Ending[];
  /** Resolves with how it ended; the server has to end it. */
  run(port: number, random: Random): Promise<Ending>;
}

const deflateOffer = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";

function bytes(random: Random, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, () => Math.floor(random() * 256)));
}

/** A peer that opens a WebSocket, does one thing, and waits for what the server makes of it. */
function after(
  name: string,
  endings: readonly Ending[],
  act: (peer: RawPeer, random: Random) => void,
  extensions?: string,
): PeerKind {
  return {
    name,
    endings,
    async run(port, random) {
      const peer = new RawPeer(port);
      if (await peer.open("/", extensions)) act(peer, random);
      return peer.ended;
    },
  };
}

const compressed = { rsv: 4 };
/** 64 MiB of nothing, in about 64 KiB. */
const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH });
const packed = deflateRawSync(Buffer.from("what is cut off can't be read ".repeat(50)));

const violations: readonly PeerKind[] = [
  after("unmasked frame", ["1002"], ({ socket }) => void socket.write(Buffer.from([0x81, 1, 65]))),
  after("reserved bits", ["1002"], (peer, random) =>
    peer.frame(opcodes.text, bytes(random, 10), { rsv: 1 + Math.floor(random() * 3) }),
  ),
  after("reserved opcode", ["1002"], (peer) => peer.frame(3, Buffer.alloc(3))),
  after("fragmented ping", ["1002"], (peer) => peer.frame(opcodes.ping, Buffer.alloc(3), { fin: false })),
  after("stray continuation", ["1002"], (peer) => peer.frame(opcodes.continuation, Buffer.alloc(3))),
  after("invalid UTF-8", ["1007"], (peer) => peer.frame(opcodes.text, Buffer.from([0xc3, 0x28]))),
  after("message too big", ["1009"], (peer) => peer.frame(opcodes.binary, Buffer.alloc(300 * 1024))),
  after("close with a bad code", ["1002"], (peer) => peer.frame(opcodes.close, closePayload(1005))),
  after("compression bomb", ["1009"], (peer) => peer.frame(opcodes.binary, bomb, compressed), deflateOffer),
  after(
    "truncated deflate",
    ["1002"],
    (peer, random) => {
      const end = 1 + Math.floor(random() * (packed.length - 2));
      peer.frame(opcodes.text, packed.subarray(0, end), compressed);
    },
    deflateOffer,
  ),
  // Some garbage happens to be valid DEFLATE data, but hardly ever valid text.
  after(
    "garbage for deflate",
    ["1002", "1007"],
    (peer, random) => {
      const head = Buffer.from([0x07]);
      peer.frame(opcodes.text, Buffer.concat([head, bytes(random, 200)]), compressed);
    },
    deflateOffer,
  ),
];

const garbage: PeerKind = {
  name: "garbage in place of frames",
  endings: ["1002", "1007", "1009", "1008", "cut"],
  async run(port, random) {
    const peer = new RawPeer(port);
    if (await peer.open()) {
      for (let i = 0; i < 20; i++) peer.socket.write(bytes(random, 1 + Math.floor(random() * 500)));
    }
    return peer.ended;
  },
};

const noHttp: PeerKind = {
  name: "no HTTP at all",
  endings: ["HTTP 400", "HTTP 431", "cut"],
  run(port, random) {
    const peer = new RawPeer(port);
    peer.socket.write(Buffer.concat([Buffer.from("\x16\x03"), bytes(random, 300), Buffer.from("\r\n\r\n")]));
    return peer.ended;
  },
};

const halfHandshake: PeerKind = {
  name: "half a handshake",
  endings: ["HTTP 408"],
  run(port, random) {
    const peer = new RawPeer(port);
    const head = "PRI * HTTP/2.0\r\n";
    const whole = random() < 0.5 ? "GET / HTTP/1.1\r\nHost: soak\r\nUpgrade: webso" : head.slice(0, 2);
    peer.socket.write(whole);
    return peer.ended;
  },
};

const silent: PeerKind = {
  name: "answers no pings",
  endings: ["cut"],
  async run(port) {
    const peer = new RawPeer(port);
    await peer.open();
    return peer.ended;
  },
};

const drip: PeerKind = {
  name: "one byte at a time",
  endings: ["1008"],
  async run(port) {
    const peer = new RawPeer(port);
    if (!(await peer.open())) return peer.ended;
    peer.socket.write(Buffer.from([0x82, 0xfe, 0x10, 0x00, 1, 2, 3, 4]));
    const timer = setInterval(() => peer.socket.write("x"), 200);
    const ending = await peer.ended;
    clearInterval(timer);
    return ending;
  },
};

/** Asks for more and more and never reads: once the system's buffers are full, the server holds it up, and then cuts it. */
function neverReads(name: string, path: string, ask: (peer: RawPeer) => void): PeerKind {
  return {
    name,
    endings: ["cut"],
    async run(port) {
      const peer = new RawPeer(port);
      if (!(await peer.open(path))) return peer.ended;
      peer.socket.pause();
      // A paused socket does not hear of its end; a failing write tells.
      const timer = setInterval(() => {
        if (peer.socket.writableLength < 1_000_000) ask(peer);
      }, 100);
      await new Promise<void>((resolve) => peer.socket.once("error", () => resolve()));
      clearInterval(timer);
      peer.socket.destroy();
      await peer.ended;
      return "cut";
    },
  };
}

const vanishing: PeerKind = {
  name: "vanishes in mid-frame",
  endings: ["cut", "HTTP 101"],
  async run(port, random) {
    const peer = new RawPeer(port);
    await peer.open();
    peer.socket.write(Buffer.from([0x82, 0xfe, 0xff, 0xff, 1, 2, 3, 4, ...bytes(random, 100)]));
    await new Promise((resolve) => setImmediate(resolve));
    if (random() < 0.5) peer.socket.resetAndDestroy();
    else peer.socket.destroy();
    return peer.ended;
  },
};

const halfClosed: PeerKind = {
  name: "ends its half without a Close frame",
  endings: ["cut"],
  async run(port) {
    const peer = new RawPeer(port);
    await peer.open();
    peer.socket.end();
    return peer.ended;
  },
};

// Made once: the peers must not be busier than the server.
const masked = { key: [7, 11, 13, 17] } as const;
const ping = buildFrame({ opcode: opcodes.ping, payload: Buffer.alloc(125), ...masked });
const manyPings = Buffer.alloc(5000 * ping.length, ping);
const largeMessage = buildFrame({ opcode: opcodes.binary, payload: Buffer.alloc(100_000), ...masked });
const largeMessages = Buffer.alloc(10 * largeMessage.length, largeMessage);

export const hostilePeers: readonly PeerKind[] = [
  ...violations,
  garbage,
  noHttp,
  halfHandshake,
  silent,
  drip,
  neverReads("floods with pings, reads nothing", "/", ({ socket }) => void socket.write(manyPings)),
  neverReads("wants echoes, reads nothing", "/", ({ socket }) => void socket.write(largeMessages)),
  neverReads("is sent much, reads nothing", "/flood", (peer) => peer.frame(opcodes.pong, Buffer.alloc(1))),
  vanishing,
  halfClosed,
];
