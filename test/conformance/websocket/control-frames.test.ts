/** RFC 6455 §5.5.2 and §5.5.3: pings and pongs. Autobahn section 2. */
import { describe, expect, it } from "vitest";
import type { Role } from "../../../packages/holdfast/src/websocket.js";
import { bytesOf, opcodes, peerOf } from "./support/frame-builder.js";
import { type PlainEvent, plain, type SentFrame } from "./support/outcome.js";
import { expectEvents, expectFault, play } from "./support/play.js";

const roles: Role[] = ["server", "client"];

describe.each(roles)("pings, received by a %s (RFC 6455 §5.5.2)", (role) => {
  const peer = peerOf(role);

  it("answers with the same payload, for every length from 0 to 125", () => {
    for (let length = 0; length <= 125; length++) {
      const data = bytesOf(length, (i) => 255 - i);
      const { sent } = expectEvents(role, [peer.ping(data)], [{ type: "ping", data: plain(data) }]);
      expect(sent).toEqual([{ type: "pong", data: plain(data) }]);
    }
  });

  it("answers a payload that is no UTF-8", () => {
    const data = Buffer.from("00fffefdfcfbc0", "hex");
    const { sent } = expectEvents(role, [peer.ping(data)], [{ type: "ping", data: plain(data) }]);
    expect(sent).toEqual([{ type: "pong", data: plain(data) }]);
  });

  it("answers ten pings with ten pongs in order", () => {
    const payloads = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
    const outcome = play(
      role,
      payloads.map((payload) => peer.ping(payload)),
    );
    expect(outcome.events).toEqual(payloads.map((each): PlainEvent => ({ type: "ping", data: plain(each) })));
    expect(outcome.sent).toEqual(payloads.map((each): SentFrame => ({ type: "pong", data: plain(each) })));
  });

  it.each([126, 127, 1000, 65_535, 65_536])("fails with 1002 on a payload of %i bytes", (length) => {
    const { sent } = expectFault(role, [peer.ping(Buffer.alloc(length, "x"))], 1002);
    expect(sent).toHaveLength(1);
    expectFault(role, [peer.pong(Buffer.alloc(length, "x"))], 1002);
    expectFault(role, [peer.frame({ opcode: opcodes.close, payload: Buffer.alloc(length, 3) })], 1002);
  });

  it("answers a ping before the message that follows it is complete", () => {
    const message = peer.text("Hello");
    const { sent } = expectEvents(
      role,
      [peer.ping("x"), message.subarray(0, 3)],
      [{ type: "ping", data: "78" }],
    );
    expect(sent).toEqual([{ type: "pong", data: "78" }]);
  });

  it("answers between its own fragments", () => {
    const { sent } = play(role, [
      (own) => own.sendFragment("text", Buffer.from("a"), false),
      peer.ping("x"),
      (own) => own.sendFragment("text", Buffer.from("b"), true),
    ]);
    expect(sent.map(({ type }) => type)).toEqual(["text", "pong", "continuation"]);
  });
});

describe.each(roles)("pongs, received by a %s (RFC 6455 §5.5.3)", (role) => {
  const peer = peerOf(role);

  it.each(["", "unasked"])("leaves an unasked pong of %j without answer", (payload) => {
    const { sent } = expectEvents(role, [peer.pong(payload)], [{ type: "pong", data: plain(payload) }]);
    expect(sent).toEqual([]);
  });

  it("answers a ping that follows an unasked pong", () => {
    const { sent } = play(role, [peer.pong("unasked"), peer.ping("asked")]);
    expect(sent).toEqual([{ type: "pong", data: plain("asked") }]);
  });

  it("delivers the pongs to its own pings, late and in any order", () => {
    const own = [0, 1, 2].map((i) => `ping-${i}`);
    const { events, sent } = play(role, [
      (connection) => {
        for (const payload of own) connection.sendPing(Buffer.from(payload));
      },
      peer.pong("ping-2"),
      peer.text("between"),
      peer.pong("ping-0"),
    ]);
    expect(sent).toEqual(own.map((payload): SentFrame => ({ type: "ping", data: plain(payload) })));
    expect(events).toEqual([
      { type: "pong", data: plain("ping-2") },
      { type: "text", text: "between" },
      { type: "pong", data: plain("ping-0") },
    ]);
  });

  it("sends an unasked pong", () => {
    const { sent } = play(role, [(own) => own.sendPong(), (own) => own.sendPong(Buffer.from("beat"))]);
    expect(sent).toEqual([
      { type: "pong", data: "" },
      { type: "pong", data: plain("beat") },
    ]);
  });
});
