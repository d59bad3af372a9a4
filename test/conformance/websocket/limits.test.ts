/** Bounds of messages, frames and fragments, and messages as large as they allow. */
import { describe, expect, it } from "vitest";
import {
  type ConnectionOptions,
  type Role,
  WebSocketConnection,
} from "../../../packages/holdfast/src/websocket.js";
import { bytesOf, opcodes, type Peer, peerOf } from "./support/frame-builder.js";
import { plain } from "./support/outcome.js";
import {
  type Cutter,
  cut,
  expectEvents,
  expectFault,
  pieces,
  play,
  playOnce,
  whole,
} from "./support/play.js";

const roles: Role[] = ["server", "client"];

describe.each(roles)("size of a message, received by a %s (RFC 6455 §10.4)", (role) => {
  const peer = peerOf(role);
  const options: ConnectionOptions = { maxMessageBytes: 1000 };
  const bytes = (length: number) => Buffer.alloc(length, "x");

  it("takes a message of exactly the bound, in one frame and in many", () => {
    const text = "x".repeat(1000);
    expectEvents(role, [peer.text(text)], [{ type: "text", text }], options);
    const fragments = [peer.text(bytes(999), false), peer.continuation("x", false), peer.continuation("")];
    expectEvents(role, fragments, [{ type: "text", text }], options);
  });

  it("counts bytes and not characters", () => {
    expectFault(role, [peer.text("é".repeat(501))], 1009, options);
  });

  it("fails with 1009 on one byte more", () => {
    for (const length of [1001, 1002, 70_000]) {
      expectFault(role, [peer.text(bytes(length))], 1009, options);
      expectFault(role, [peer.binary(bytes(length))], 1009, options);
    }
    expectFault(role, [peer.binary(bytes(1000), false), peer.continuation("x")], 1009, options);
    expectFault(role, [peer.text(bytes(500), false), peer.continuation(bytes(501), false)], 1009, options);
  });

  it("counts each message anew", () => {
    const input = [peer.binary(bytes(600), false), peer.continuation(bytes(400)), peer.binary(bytes(1000))];
    const whole = { type: "binary", data: plain(bytes(1000)) } as const;
    expectEvents(role, input, [whole, whole], options);
  });

  it("holds one frame to the bound of messages when it has none of its own", () => {
    expectFault(role, [peer.binary(bytes(1001), false)], 1009, options);
  });

  it("is 1 MiB when nothing is said", () => {
    expectEvents(role, [peer.binary(bytes(1 << 20)).subarray(0, 100)], []);
    const announced = peer.frame({ opcode: opcodes.binary, announcedBytes: (1n << 20n) + 1n });
    expect(new WebSocketConnection(role).receive(announced)).toMatchObject([{ type: "fault", code: 1009 }]);
  });
});

describe.each(roles)("size announced by a header, received by a %s (RFC 6455 §10.4)", (role) => {
  const peer = peerOf(role);

  const announcements: [string, bigint, ConnectionOptions][] = [
    ["a message of 1,001 bytes", 1001n, { maxMessageBytes: 1000 }],
    ["a frame of 101 bytes", 101n, { maxMessageBytes: 1000, maxFrameBytes: 100 }],
    ["4 GiB", 1n << 32n, {}],
    ["2^53 bytes", 1n << 53n, { maxMessageBytes: Number.MAX_SAFE_INTEGER }],
    ["2^63 - 1 bytes", (1n << 63n) - 1n, { maxMessageBytes: Number.MAX_SAFE_INTEGER }],
  ];

  it.each(announcements)("%s are refused before any payload", (_name, announcedBytes, options) => {
    const header = peer.frame({ opcode: opcodes.binary, announcedBytes });
    expect(new WebSocketConnection(role, options).receive(header)).toMatchObject([
      { type: "fault", code: 1009 },
    ]);
    expectFault(role, [peer.frame({ opcode: opcodes.text, announcedBytes, fin: false })], 1009, options);
  });

  it("a fragment that would go beyond the bound is refused before any payload", () => {
    const connection = new WebSocketConnection(role, { maxMessageBytes: 1000 });
    expect(connection.receive(peer.binary(Buffer.alloc(900), false))).toEqual([]);
    const header = peer.frame({ opcode: opcodes.continuation, announcedBytes: 101n });
    expect(connection.receive(header)).toMatchObject([{ type: "fault", code: 1009 }]);
  });
});

describe.each(roles)("size of a frame, received by a %s (RFC 6455 §10.4)", (role) => {
  const peer = peerOf(role);
  const options: ConnectionOptions = { maxFrameBytes: 100, maxMessageBytes: 1000 };
  const full = Buffer.alloc(100, "x");

  it("takes frames of exactly the bound", () => {
    const input = [peer.binary(full, false), peer.continuation(full, false), peer.continuation(full)];
    expectEvents(role, input, [{ type: "binary", data: plain(Buffer.alloc(300, "x")) }], options);
  });

  it("fails with 1009 on one byte more, in any place", () => {
    const over = Buffer.alloc(101, "x");
    expectFault(role, [peer.binary(over)], 1009, options);
    expectFault(role, [peer.text(over, false)], 1009, options);
    expectFault(role, [peer.text(full, false), peer.continuation(over)], 1009, options);
  });

  it("does not hold control frames to it", () => {
    const data = Buffer.alloc(125, "x");
    const small = { ...options, maxFrameBytes: 10 };
    expectEvents(role, [peer.ping(data)], [{ type: "ping", data: plain(data) }], small);
  });
});

describe.each(roles)("number of fragments, received by a %s (RFC 6455 §10.4)", (role) => {
  const peer = peerOf(role);
  const options: ConnectionOptions = { maxFragments: 5 };
  const middle = (count: number, payload: string) =>
    Array.from({ length: count }, () => peer.continuation(payload, false));

  it.each(["x", ""])("takes exactly the bound, of %j", (payload) => {
    const input = [peer.text(payload, false), ...middle(3, payload), peer.continuation(payload)];
    expectEvents(role, input, [{ type: "text", text: payload.repeat(5) }], options);
  });

  it.each(["x", ""])("fails with 1009 on one more, of %j", (payload) => {
    expectFault(
      role,
      [peer.text(payload, false), ...middle(4, payload), peer.continuation(payload)],
      1009,
      options,
    );
    expectFault(role, [peer.binary(payload, false), ...middle(5, payload)], 1009, options);
  });

  it("does not count control frames, and counts each message anew", () => {
    const pings = Array.from({ length: 10 }, () => peer.ping(""));
    const message = [peer.text("a", false), ...pings, ...middle(3, "b"), ...pings, peer.continuation("c")];
    const input = [...message, peer.text("whole"), ...message];
    const texts = play(role, input, options).events.filter(({ type }) => type === "text");
    expect(texts).toEqual(["abbbc", "whole", "abbbc"].map((text) => ({ type: "text", text })));
  });

  it("a bound of 1 refuses all fragmented messages", () => {
    const one = { maxFragments: 1 };
    const a = { type: "text", text: "a" } as const;
    expectEvents(role, [peer.text("a"), peer.text("a"), peer.text("a")], [a, a, a], one);
    expectFault(role, [peer.text("a", false), peer.continuation("b")], 1009, one);
  });
});

const mebibyte = 1 << 20;
const options: ConnectionOptions = { maxMessageBytes: 16 * mebibyte };

/** Three-byte characters and lines of ASCII, so that cuts fall inside characters. */
const largeText = Buffer.alloc(
  16 * mebibyte,
  "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich — 〒!\n",
);
const largeBinary = Buffer.alloc(
  16 * mebibyte,
  bytesOf(251, (i) => i),
);
// The filling is cut off somewhere: end at a character.
largeText.fill(0x2e, largeText.length - 8);
largeText.write("ö", largeText.length - 10);

function fragments(peer: Peer, bytes: Buffer, size: number): Buffer[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, i) => {
    const payload = bytes.subarray(i * size, (i + 1) * size);
    const isFinal = i === count - 1;
    return i === 0 ? peer.text(payload, isFinal) : peer.continuation(payload, isFinal);
  });
}

describe.each(roles)("large messages, received by a %s (RFC 6455 §5.2)", (role) => {
  const peer = peerOf(role);
  const chops: [string, Cutter][] = [
    ["whole", whole],
    ["in chops of 1 MiB", pieces(mebibyte)],
    ["in chops of 64 KiB", pieces(65_536)],
    ["in chops of 4,093 bytes", pieces(4093)],
    ["in chops of 997 bytes", pieces(997)],
  ];
  const textFrame = peer.text(largeText);
  const binaryFrame = peer.binary(largeBinary);

  it.each(chops)("16 MiB of text are delivered, %s", (_name, chop) => {
    const text = largeText.toString("utf8");
    const { events, state } = playOnce(role, [textFrame], chop, options);
    expect(events.map((event) => event.type === "text" && event.text === text)).toEqual([true]);
    expect(state).toBe("open");
  });

  it.each(chops)("16 MiB of binary are delivered, %s", (_name, chop) => {
    const { events } = playOnce(role, [binaryFrame], chop, options);
    expect(events).toEqual([{ type: "binary", data: plain(largeBinary) }]);
  });

  it.each([64, 1000, 65_536])("4 MiB of text are delivered in fragments of %i bytes", (size) => {
    const bytes = largeText.subarray(largeText.length - 4 * mebibyte + 2);
    const start = bytes.findIndex((byte) => byte < 0x80);
    const message = bytes.subarray(start);
    const { events } = playOnce(role, fragments(peer, message, size), pieces(10_007), options);
    expect(events.map((event) => event.type === "text" && event.text === message.toString("utf8"))).toEqual([
      true,
    ]);
  });

  it("64 KiB in fragments of 1,300 bytes are delivered however they are cut", () => {
    const text = "*".repeat(65_536);
    expectEvents(role, fragments(peer, Buffer.from(text), 1300), [{ type: "text", text }]);
  });

  it("1,000 messages of 64 bytes are delivered in order", () => {
    const texts = Array.from({ length: 1000 }, (_, i) => `${i}`.padStart(64, "."));
    const { events } = playOnce(
      role,
      texts.map((text) => peer.text(text)),
      pieces(1013),
    );
    expect(events).toEqual(texts.map((text) => ({ type: "text", text })));
  });
});

describe("16 MiB from a client to a server and back (RFC 6455 §5.3)", () => {
  it("come back as they were sent", () => {
    const client = new WebSocketConnection("client", options);
    const server = new WebSocketConnection("server", options);
    client.sendBinary(largeBinary);
    for (const chunk of cut(Buffer.concat(client.takeOutput()), pieces(65_521)))
      for (const event of server.receive(chunk)) if (event.type === "binary") server.sendBinary(event.data);
    const echoed = [...cut(Buffer.concat(server.takeOutput()), pieces(32_749))].flatMap((chunk) =>
      client.receive(chunk),
    );
    expect(echoed.map((event) => event.type === "binary" && plain(event.data))).toEqual([plain(largeBinary)]);
  });
});
