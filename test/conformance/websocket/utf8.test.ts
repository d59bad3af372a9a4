/** Text is UTF-8 (RFC 6455 §8.1), and refused at its first wrong byte. */
import { describe, expect, it } from "vitest";
import { type Role, WebSocketConnection } from "../../../packages/holdfast/src/websocket.js";
import { type Peer, peerOf } from "./support/frame-builder.js";
import { parseFrames } from "./support/frame-parser.js";
import { expectEvents, expectFault } from "./support/play.js";
import { judgeUtf8 } from "./support/utf8-oracle.js";
import { invalidSamples, validSamples } from "./support/utf8-samples.js";

const roles: Role[] = ["server", "client"];

/** One message, with a fragment for every byte and an empty one at either end. */
function byteFragments(peer: Peer, bytes: Buffer): Buffer[] {
  const fragments = [...bytes].map((byte) => peer.continuation(Buffer.of(byte), false));
  return [peer.text("", false), ...fragments, peer.continuation("")];
}

function twoFragments(peer: Peer, bytes: Buffer, at: number): Buffer[] {
  return [peer.text(bytes.subarray(0, at), false), peer.continuation(bytes.subarray(at))];
}

describe.each(roles)("valid UTF-8, received by a %s (RFC 6455 §8.1)", (role) => {
  const peer = peerOf(role);

  it.each(validSamples)("$name is delivered, whole and in fragments", ({ hex, text }) => {
    const bytes = Buffer.from(hex, "hex");
    const events = [{ type: "text", text } as const];
    expectEvents(role, [peer.text(bytes)], events);
    expectEvents(role, byteFragments(peer, bytes), events);
    for (let at = 0; at <= bytes.length; at++) expectEvents(role, twoFragments(peer, bytes, at), events);
  });

  it("a message does not remember where the one before it ended", () => {
    const fragments = (text: string) => byteFragments(peer, Buffer.from(text));
    const input = [...fragments("é"), peer.text("a"), ...fragments("€"), ...fragments("z")];
    expectEvents(
      role,
      input,
      ["é", "a", "€", "z"].map((text) => ({ type: "text", text })),
    );
  });

  it("a ping between the bytes of a character does not matter", () => {
    const input = [
      peer.text(Buffer.of(0xc3), false),
      peer.ping("\u{20ac}"),
      peer.continuation(Buffer.of(0xa9)),
    ];
    const { events } = expectEvents(role, input, [
      { type: "ping", data: "e282ac" },
      { type: "text", text: "é" },
    ]);
    expect(events).toHaveLength(2);
  });

  it("binary and control payloads need not be UTF-8", () => {
    const bytes = Buffer.from("fffe80c0f5", "hex");
    expectEvents(
      role,
      [peer.binary(bytes), ...[peer.binary(bytes, false), peer.pong(bytes), peer.continuation(bytes)]],
      [
        { type: "binary", data: bytes.toString("hex") },
        { type: "pong", data: bytes.toString("hex") },
        { type: "binary", data: bytes.toString("hex").repeat(2) },
      ],
    );
  });
});

describe.each(roles)("invalid UTF-8, received by a %s (RFC 6455 §8.1)", (role) => {
  const peer = peerOf(role);

  it.each(invalidSamples)("fails with 1007 on %s (%s), whole and in fragments", (_name, hex) => {
    const bytes = Buffer.from(hex, "hex");
    expect(judgeUtf8(bytes).faultAt).toBeDefined();
    expectFault(role, [peer.text(bytes)], 1007);
    expectFault(role, byteFragments(peer, bytes), 1007);
    for (let at = 0; at <= bytes.length; at++) expectFault(role, twoFragments(peer, bytes, at), 1007);
  });

  it.each(invalidSamples)("fails with 1007 on %s (%s) in the middle of long text", (_name, hex) => {
    const bytes = Buffer.concat([Buffer.alloc(700, "ä"), Buffer.from(hex, "hex"), Buffer.alloc(700, "ö")]);
    expectFault(role, [peer.text(bytes)], 1007);
  });

  it.each(["c3", "e2", "e282", "f0", "f09f", "f09f98", "ed9f", "f48fbf", "61c3"])(
    "fails with 1007 on a message that ends inside a character: %s",
    (hex) => {
      const bytes = Buffer.from(hex, "hex");
      expectFault(role, [peer.text(bytes)], 1007);
      expectFault(role, byteFragments(peer, bytes), 1007);
      expectFault(role, [peer.text(bytes, false), peer.continuation("")], 1007);
      expectFault(role, [peer.text(Buffer.concat([Buffer.alloc(4000, "a"), bytes]))], 1007);
    },
  );

  it("fails with 1007 on a character that is cut by the end of a message and goes on in the next", () => {
    expectFault(role, [peer.text(Buffer.of(0xc3)), peer.text(Buffer.of(0xa9))], 1007);
  });
});

const padding = Buffer.from(" and so on");

/** Feeds chunk by chunk; all but the last must give nothing, and that must give the fault. */
function expectFaultOnLast(role: Role, chunks: readonly Buffer[]): void {
  const connection = new WebSocketConnection(role);
  for (const [index, chunk] of chunks.entries()) {
    const events = connection.receive(Buffer.from(chunk));
    const isLast = index === chunks.length - 1;
    expect(
      events.map((event) => event.type === "fault" && event.code),
      `chunk ${index + 1} of ${chunks.length}`,
    ).toEqual(isLast ? [1007] : []);
  }
  const [close] = parseFrames(Buffer.concat(connection.takeOutput()), role);
  expect(close?.opcode).toBe(8);
  expect(close?.payload.readUInt16BE()).toBe(1007);
}

describe.each(roles)("first impossible byte, received by a %s (RFC 6455 §8.1)", (role) => {
  const peer = peerOf(role);

  describe.each(invalidSamples)("%s (%s)", (_name, hex) => {
    const bytes = Buffer.from(hex, "hex");
    const faultAt = judgeUtf8(bytes).faultAt as number;

    it.each([0, 1, 2, 3, 2000, 9001])(
      "is refused at its byte in an unfinished frame, after %i others",
      (before) => {
        const payload = Buffer.concat([Buffer.alloc(before, "x"), bytes, padding]);
        const frame = peer.text(payload);
        const at = frame.length - payload.length + before + faultAt;
        expectFaultOnLast(role, [frame.subarray(0, at), frame.subarray(at, at + 1)]);
        expectFaultOnLast(role, [frame.subarray(0, at + 1)]);
        const short = frame.subarray(0, at + 1);
        if (before <= 3)
          expectFaultOnLast(
            role,
            Array.from(short, (byte) => Buffer.of(byte)),
          );
      },
    );

    it("is refused at its byte in an unfinished message", () => {
      const fragments = [...bytes.subarray(0, faultAt + 1)].map((byte, i) =>
        peer.frame({ opcode: i === 0 ? 1 : 0, payload: Buffer.of(byte), fin: false }),
      );
      expectFaultOnLast(role, fragments);
      const [head, fault] = [bytes.subarray(0, faultAt), bytes.subarray(faultAt)];
      expectFaultOnLast(role, [peer.text(head, false), peer.continuation(fault, false)]);
      const rest = peer.continuation(Buffer.concat([fault, padding]));
      const end = rest.length - padding.length - fault.length + 1;
      expectFaultOnLast(role, [peer.text(head, false), rest.subarray(0, end)]);
    });
  });

  it.each(["c2", "df", "e0", "e1", "ed", "ef", "f0", "f4", "e0a0", "ed9f", "f090", "f48f", "f48fbf"])(
    "waits after %s, which may yet become valid",
    (hex) => {
      const bytes = Buffer.concat([Buffer.from("text before "), Buffer.from(hex, "hex")]);
      const whole = peer.text(Buffer.concat([bytes, padding]));
      for (const chunk of [peer.text(bytes, false), whole.subarray(0, whole.length - padding.length)]) {
        const connection = new WebSocketConnection(role);
        expect(connection.receive(Buffer.from(chunk))).toEqual([]);
        expect(connection.takeOutput()).toEqual([]);
        expect(connection.state).toBe("open");
      }
    },
  );
});
