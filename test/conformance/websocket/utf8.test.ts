/** RFC 6455 §8.1: text is UTF-8, wherever fragments and reads cut it. Autobahn section 6. */
import { describe, expect, it } from "vitest";
import type { Role } from "../../../packages/holdfast/src/websocket/index.js";
import { type Peer, peerOf } from "./support/frame-builder.js";
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
