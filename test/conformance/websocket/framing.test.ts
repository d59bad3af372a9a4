/** Frames (RFC 6455 §5.2): lengths, reserved bits and opcodes, and masking (§5.3). */
import { describe, expect, it } from "vitest";
import { type Role, WebSocketConnection } from "../../../packages/holdfast/src/websocket.js";
import {
  bytesOf,
  closePayload,
  type FrameSpec,
  type MaskingKey,
  opcodes,
  peerOf,
  sampleKey,
} from "./support/frame-builder.js";
import { parseFrames } from "./support/frame-parser.js";
import { plain } from "./support/outcome.js";
import { expectEvents, expectFault, play, playOnce } from "./support/play.js";

const roles: Role[] = ["server", "client"];
const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 124, 125, 126, 127, 128, 65_535, 65_536, 65_537];

/** Bytes of which every position differs from its neighbours, so that a shift by one shows. */
function sampleBytes(length: number): Buffer {
  return bytesOf(length, (i) => (i * 31 + (i >> 8)) & 0xff);
}

function sampleText(length: number): string {
  return String.fromCharCode(...sampleBytes(length).map((byte) => 0x20 + (byte % 0x5f)));
}

describe.each(roles)("data frames, received by a %s (RFC 6455 §5.2)", (role) => {
  const peer = peerOf(role);

  it.each(lengths)("%i bytes of text are delivered", (length) => {
    const text = sampleText(length);
    expectEvents(role, [peer.text(text)], [{ type: "text", text }]);
  });

  it.each(lengths)("%i bytes of binary are delivered", (length) => {
    const bytes = sampleBytes(length);
    expectEvents(role, [peer.binary(bytes)], [{ type: "binary", data: plain(bytes) }]);
  });

  it("messages back to back are delivered in order", () => {
    const texts = ["", "a", "", sampleText(126), "b", sampleText(70_000), "c"];
    expectEvents(
      role,
      texts.map((text) => peer.text(text)),
      texts.map((text) => ({ type: "text", text })),
    );
  });

  it("text keeps NUL, a byte order mark and noncharacters", () => {
    const text = "\u{feff}a\u{0}b\u{feff}\u{fffe}\u{ffff}\u{10ffff}";
    expectEvents(role, [peer.text(text)], [{ type: "text", text }]);
  });

  it("delivers nothing for half a frame", () => {
    const frame = peer.text("unfinished");
    expectEvents(role, [frame.subarray(0, frame.length - 1)], []);
  });
});

describe.each(roles)("payload length, received by a %s (RFC 6455 §5.2)", (role) => {
  const peer = peerOf(role);
  const longForms: [number, 16 | 64][] = [
    [0, 16],
    [1, 16],
    [125, 16],
    [0, 64],
    [125, 64],
    [126, 64],
    [65_535, 64],
  ];

  it.each(longForms)("fails with 1002 when %i bytes are announced in %i bits", (length, lengthBits) => {
    const payload = Buffer.alloc(length, "x");
    expectFault(role, [peer.frame({ opcode: opcodes.text, payload, lengthBits })], 1002);
    expectFault(role, [peer.frame({ opcode: opcodes.binary, payload, lengthBits })], 1002);
  });

  it.each([16, 64] as const)("fails with 1002 when a ping announces its length in %i bits", (lengthBits) => {
    expectFault(role, [peer.frame({ opcode: opcodes.ping, payload: "x", lengthBits })], 1002);
  });

  it.each([
    ["the top bit alone", 1n << 63n],
    ["all bits", (1n << 64n) - 1n],
    ["the top bit and a short length", (1n << 63n) + 5n],
  ])("fails with 1002 when a length in 64 bits has %s set", (_name, announcedBytes) => {
    expectFault(role, [peer.frame({ opcode: opcodes.binary, announcedBytes, lengthBits: 64 })], 1002);
  });
});

describe.each(roles)("data frames, sent by a %s (RFC 6455 §5.2)", (role) => {
  it.each(lengths)("a message of %i bytes is one frame", (length) => {
    const text = sampleText(length);
    const bytes = sampleBytes(length);
    const { sent, events } = play(role, [(own) => own.sendText(text), (own) => own.sendBinary(bytes)]);
    expect(sent).toEqual([
      { type: "text", fin: true, data: plain(text) },
      { type: "binary", fin: true, data: plain(bytes) },
    ]);
    expect(events).toEqual([]);
  });

  it("text with half a surrogate pair goes out as valid UTF-8", () => {
    const { sent } = play(role, [(own) => own.sendText("a\u{d83d}b")]);
    expect(sent).toEqual([{ type: "text", fin: true, data: plain("a\u{fffd}b") }]);
  });
});

const reservedBits = [1, 2, 3, 4, 5, 6, 7];
const reservedOpcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];

describe.each(roles)("reserved bits, received by a %s (RFC 6455 §5.2)", (role) => {
  const peer = peerOf(role);

  it.each(reservedBits)("fails with 1002 on a message with RSV %i", (rsv) => {
    for (const opcode of [opcodes.text, opcodes.binary])
      for (const payload of ["", "Hello", Buffer.alloc(300, "x")])
        expectFault(role, [peer.frame({ opcode, payload, rsv })], 1002);
  });

  it.each(reservedBits)("fails with 1002 on a control frame with RSV %i and does not answer it", (rsv) => {
    for (const opcode of [opcodes.ping, opcodes.pong]) {
      const { sent } = expectFault(role, [peer.frame({ opcode, payload: "Hello", rsv })], 1002);
      expect(sent).toHaveLength(1);
    }
    const payload = closePayload(1000);
    expectFault(role, [peer.frame({ opcode: opcodes.close, payload, rsv })], 1002);
  });

  it.each(reservedBits)("fails with 1002 on a fragment with RSV %i", (rsv) => {
    const first = { opcode: opcodes.text, payload: "a", fin: false };
    expectFault(role, [peer.frame({ ...first, rsv })], 1002);
    const rest = peer.frame({ opcode: opcodes.continuation, payload: "b", rsv });
    expectFault(role, [peer.frame(first), rest], 1002);
  });

  it("answers a ping that came before the faulty frame", () => {
    const { sent } = expectFault(role, [peer.ping("x"), peer.frame({ opcode: opcodes.text, rsv: 4 })], 1002);
    expect(sent.map(({ type }) => type)).toEqual(["pong", "close"]);
  });
});

describe.each(roles)("opcodes, received by a %s (RFC 6455 §5.2)", (role) => {
  const peer = peerOf(role);

  it.each(reservedOpcodes)("fails with 1002 on the reserved opcode %i", (opcode) => {
    for (const payload of ["", "Hello", Buffer.alloc(300, "x")])
      expectFault(role, [peer.frame({ opcode, payload })], 1002);
    expectFault(role, [peer.frame({ opcode, fin: false })], 1002);
  });

  it.each(reservedOpcodes)("fails with 1002 on the reserved opcode %i between fragments", (opcode) => {
    expectFault(role, [peer.text("a", false), peer.frame({ opcode, payload: "b" })], 1002);
  });

  it("takes or refuses each of the 256 first bytes as the RFC says", () => {
    for (let first = 0; first < 256; first++) {
      const opcode = first & 0x0f;
      const isControl = opcode >= 8;
      const isFinal = first >= 0x80;
      const isReserved = (first & 0x70) !== 0 || reservedOpcodes.includes(opcode);
      const isFault = isReserved || (isControl && !isFinal) || opcode === opcodes.continuation;
      const rsv = (first >> 4) & 7;
      const { events } = play(role, [peer.frame({ opcode, fin: isFinal, rsv })]);
      expect(events.map(({ type }) => type).includes("fault"), `first byte ${first}`).toBe(isFault);
    }
  });
});

describe.each(roles)("faults in a header, received by a %s (RFC 6455 §10.7)", (role) => {
  const peer = peerOf(role);
  const masked = role === "server" ? 0x80 : 0;

  it.each([
    ["a reserved bit", [0xc1]],
    ["a reserved opcode", [0x83]],
    ["a reserved control opcode", [0x8b]],
    ["a control frame that is not final", [0x09]],
    ["the wrong mask bit", [0x81, 0x80 ^ masked]],
    ["a control frame of 126 bytes", [0x89, 126 | masked]],
    ["a control frame of 127", [0x89, 127 | masked]],
  ])("%s is refused at its byte, before the rest of the header", (_name, bytes) => {
    const connection = new WebSocketConnection(role);
    const upToFault = Buffer.concat([peer.text("a"), Buffer.from(bytes.slice(0, -1))]);
    expect(connection.receive(upToFault)).toHaveLength(1);
    expect(connection.receive(Buffer.from(bytes.slice(-1)))).toMatchObject([{ type: "fault", code: 1002 }]);
  });
});

const frames: [string, FrameSpec][] = [
  ["text", { opcode: opcodes.text, payload: "Hello" }],
  ["empty text", { opcode: opcodes.text }],
  ["binary", { opcode: opcodes.binary, payload: "Hello" }],
  ["long binary", { opcode: opcodes.binary, payload: Buffer.alloc(70_000) }],
  ["ping", { opcode: opcodes.ping, payload: "Hello" }],
  ["empty ping", { opcode: opcodes.ping }],
  ["pong", { opcode: opcodes.pong }],
  ["Close", { opcode: opcodes.close, payload: closePayload(1000) }],
  ["empty Close", { opcode: opcodes.close }],
];

describe("masking, received (RFC 6455 §5.1)", () => {
  it.each(frames)("server fails with 1002 on an unmasked frame: %s", (_name, spec) => {
    expectFault("server", [peerOf("server").frame({ ...spec, key: null })], 1002);
  });

  it.each(frames)("client fails with 1002 on a masked frame: %s", (_name, spec) => {
    expectFault("client", [peerOf("client").frame({ ...spec, key: sampleKey })], 1002);
    expectFault("client", [peerOf("client").frame({ ...spec, key: [0, 0, 0, 0] })], 1002);
  });

  it("server fails with 1002 on an unmasked fragment of a masked message", () => {
    const peer = peerOf("server");
    const rest = peer.frame({ opcode: opcodes.continuation, payload: "b", key: null });
    expectFault("server", [peer.text("a", false), rest], 1002);
  });

  it.each([
    [0, 0, 0, 0],
    [255, 255, 255, 255],
    [0, 0, 0, 1],
    [128, 0, 0, 0],
    [1, 2, 3, 4],
    [0xfe, 0xdc, 0xba, 0x98],
  ])("server unmasks with the key %i %i %i %i at every length", (...key) => {
    const peer = peerOf("server");
    for (let length = 0; length <= 40; length++) {
      const payload = bytesOf(length, (i) => i * 7);
      const frame = peer.frame({ opcode: opcodes.binary, payload, key: key as MaskingKey });
      expectEvents("server", [frame], [{ type: "binary", data: plain(payload) }]);
    }
  });

  it("server unmasks a payload that is cut in two anywhere", () => {
    const payload = bytesOf(300, (i) => i * 7);
    const frame = peerOf("server").binary(payload);
    for (let at = 1; at < frame.length; at++) {
      const { events } = playOnce("server", [frame], (total) => [at, total - at]);
      expect(events, `cut at ${at}`).toEqual([{ type: "binary", data: plain(payload) }]);
    }
  });

  it("server applies the key of each frame to that frame alone", () => {
    const peer = peerOf("server");
    const keys: MaskingKey[] = [sampleKey, [1, 2, 3, 4], [0, 0, 0, 0], [9, 8, 7, 6]];
    const parts = ["a", "bcdef", "", "gh"];
    const input = parts.map((payload, i) =>
      peer.frame({ opcode: i === 0 ? 1 : 0, payload, key: keys[i] as MaskingKey, fin: i === 3 }),
    );
    expectEvents("server", input, [{ type: "text", text: "abcdefgh" }]);
  });

  it("server reads the masked example of RFC 6455 §5.7", () => {
    const frame = Buffer.from("818537fa213d7f9f4d5158", "hex");
    expectEvents("server", [frame], [{ type: "text", text: "Hello" }]);
  });

  it("client reads the unmasked examples of RFC 6455 §5.7", () => {
    const input = ["810548656c6c6f", "010348656c", "80026c6f"].map((hex) => Buffer.from(hex, "hex"));
    const hello = { type: "text", text: "Hello" } as const;
    expectEvents("client", input, [hello, hello]);
  });
});

describe("masking, sent (RFC 6455 §5.3)", () => {
  const sendAll = (role: Role, createMaskingKey?: () => number) => {
    const connection = new WebSocketConnection(role, createMaskingKey ? { createMaskingKey } : {});
    connection.receive(peerOf(role).ping("answer me"));
    connection.sendText("text");
    connection.sendBinary(Buffer.alloc(70_000, 7));
    connection.sendFragment("text", Buffer.from("frag"), false);
    connection.sendPing(Buffer.from("ping"));
    connection.sendFragment("text", Buffer.from("ment"), true);
    connection.sendPong();
    connection.close(1000, "bye");
    return parseFrames(Buffer.concat(connection.takeOutput()), role);
  };

  it("server masks nothing", () => {
    expect(sendAll("server", () => 0x01020304).map(({ key }) => key)).toEqual(new Array(8).fill(undefined));
  });

  it("client takes a key for every frame, first octet in the highest byte", () => {
    let last = 0xfffffff0;
    const keys = sendAll("client", () => last++).map(({ key }) => key?.toString("hex"));
    expect(keys).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((digit) => `fffffff${digit}`));
  });

  it("client draws unlike keys when no source is given", () => {
    const keys = [sendAll("client"), sendAll("client")].flat().map(({ key }) => key?.toString("hex"));
    expect(new Set(keys).size).toBe(16);
  });

  it.each(["server", "client"] as const)("%s leaves the caller's bytes as they are", (role) => {
    const own = Buffer.from("some bytes of the caller");
    const before = Buffer.from(own);
    const { sent } = play(role, [
      (connection) => connection.sendBinary(own),
      (connection) => connection.sendPing(own),
      (connection) => connection.sendPong(own),
      (connection) => connection.sendFragment("binary", own, true),
    ]);
    expect(own).toEqual(before);
    expect(sent.map((frame) => "data" in frame && frame.data)).toEqual(new Array(4).fill(plain(before)));
  });
});
