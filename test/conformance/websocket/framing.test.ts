/** RFC 6455 §5.2 and §5.6: data frames at every boundary of the payload length. Autobahn section 1. */
import { describe, expect, it } from "vitest";
import type { Role } from "../../../packages/holdfast/src/websocket/index.js";
import { bytesOf, opcodes, peerOf } from "./support/frame-builder.js";
import { plain } from "./support/outcome.js";
import { expectEvents, expectFault, play } from "./support/play.js";

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
