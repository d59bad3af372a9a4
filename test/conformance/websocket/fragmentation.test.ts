/** RFC 6455 §5.4: messages in fragments, and what may stand between them. Autobahn section 5. */
import { describe, expect, it } from "vitest";
import type { Role } from "../../../packages/holdfast/src/websocket.js";
import { closePayload, opcodes, peerOf } from "./support/frame-builder.js";
import { type PlainEvent, plain } from "./support/outcome.js";
import { expectEvents, expectFault, play } from "./support/play.js";

const roles: Role[] = ["server", "client"];
const text = (value: string): PlainEvent => ({ type: "text", text: value });
const ping = (payload: string): PlainEvent => ({ type: "ping", data: plain(payload) });

describe.each(roles)("fragmented messages, received by a %s (RFC 6455 §5.4)", (role) => {
  const peer = peerOf(role);

  it("text in two fragments is one message", () => {
    expectEvents(role, [peer.text("frag", false), peer.continuation("ment")], [text("fragment")]);
  });

  it("the first fragment tells the kind of the message", () => {
    const input = [peer.binary("a", false), peer.continuation("b", false), peer.continuation("c")];
    expectEvents(role, input, [{ type: "binary", data: plain("abc") }]);
  });

  it("nothing is delivered before the final fragment", () => {
    expectEvents(role, [peer.text("a", false), peer.continuation("b", false)], []);
  });

  it("empty fragments are allowed anywhere", () => {
    const empty = peer.continuation("", false);
    const input = [peer.text("", false), empty, peer.continuation("a", false), empty, peer.continuation("")];
    expectEvents(role, input, [text("a")]);
    expectEvents(role, [peer.text("", false), empty, peer.continuation("")], [text("")]);
    expectEvents(role, [peer.binary("", false), peer.continuation("")], [{ type: "binary", data: "" }]);
  });

  it("a message of 1,000 fragments is delivered whole", () => {
    const rest = Array.from({ length: 999 }, (_, i) => peer.continuation(`${i},`, i === 998));
    const whole = Array.from({ length: 999 }, (_, i) => `${i},`).join("");
    expectEvents(role, [peer.text("", false), ...rest], [text(whole)]);
  });

  it("fragmented messages in a row do not mix", () => {
    const input = [
      ...[peer.text("a", false), peer.continuation("b")],
      peer.binary("c"),
      ...[peer.binary("d", false), peer.continuation("e")],
      peer.text("f"),
    ];
    const events: PlainEvent[] = [
      text("ab"),
      { type: "binary", data: plain("c") },
      { type: "binary", data: plain("de") },
      text("f"),
    ];
    expectEvents(role, input, events);
  });

  it("a ping between fragments is answered at once, and the message stays whole", () => {
    const beginning = [peer.text("frag", false), peer.ping("x")];
    expect(play(role, beginning).sent).toEqual([{ type: "pong", data: plain("x") }]);
    expectEvents(role, [...beginning, peer.continuation("ment")], [ping("x"), text("fragment")]);
  });

  it("five fragments take pings and pongs between them", () => {
    const input = [
      peer.text("1", false),
      peer.continuation("2", false),
      peer.ping("ping 1"),
      peer.continuation("3", false),
      peer.pong("pong"),
      peer.continuation("4", false),
      peer.ping("ping 2"),
      peer.continuation("5"),
    ];
    const pong: PlainEvent = { type: "pong", data: plain("pong") };
    const { sent } = expectEvents(role, input, [ping("ping 1"), pong, ping("ping 2"), text("12345")]);
    expect(sent).toMatchObject([{ data: plain("ping 1") }, { data: plain("ping 2") }]);
  });

  it("a Close frame between fragments ends the connection, and the message is dropped", () => {
    const { events } = play(role, [peer.text("a", false), peer.close(1000), peer.continuation("b")]);
    expect(events).toEqual([{ type: "close", code: 1000, reason: "" }]);
  });
});

describe.each(roles)("fragments out of order, received by a %s (RFC 6455 §5.4)", (role) => {
  const peer = peerOf(role);
  const more = peer.continuation("a", false);
  const last = peer.continuation("a");

  it.each([
    ["a final continuation that continues nothing", [last]],
    ["an empty continuation that continues nothing", [peer.continuation("")]],
    ["a continuation that continues nothing", [more]],
    ["a continuation that continues nothing, then text", [more, peer.text("a")]],
    ["a continuation after a ping", [peer.ping("a"), last]],
    ["text inside a text message", [peer.text("a", false), peer.text("b")]],
    ["text inside a binary message", [peer.binary("a", false), peer.text("b")]],
    ["binary inside a text message", [peer.text("a", false), peer.binary("b")]],
    ["a fragment that begins a message inside a message", [peer.text("a", false), peer.text("b", false)]],
    ["text inside a message, after a ping", [peer.text("a", false), peer.ping("b"), peer.text("c")]],
    ["text inside a message that began empty", [peer.text("", false), peer.text("b")]],
  ])("fails with 1002 on %s", (_name, input) => {
    expectFault(role, input, 1002);
  });

  it.each([
    ["a whole message", [peer.text("a")], "a"],
    ["a fragmented message", [peer.text("a", false), last], "aa"],
  ])("fails with 1002 on a continuation after %s", (_name, input, delivered) => {
    expectFault(role, [...input, last], 1002, {}, [text(delivered)]);
    expectFault(role, [...input, more], 1002, {}, [text(delivered)]);
  });

  it.each([
    ["ping", opcodes.ping, "a"],
    ["pong", opcodes.pong, "a"],
    ["Close", opcodes.close, closePayload(1000)],
    ["empty ping", opcodes.ping, ""],
  ])("fails with 1002 on a fragmented %s and does not answer it", (_name, opcode, payload) => {
    const { sent } = expectFault(role, [peer.frame({ opcode, payload, fin: false }), last], 1002);
    expect(sent).toHaveLength(1);
    expectFault(role, [peer.text("a", false), peer.frame({ opcode, payload, fin: false })], 1002);
  });
});

describe.each(roles)("fragmented messages, sent by a %s (RFC 6455 §5.4)", (role) => {
  it("fragments go out as they are given, with pings between them", () => {
    const half = Buffer.from("é");
    const { sent } = play(role, [
      (own) => own.sendFragment("text", half.subarray(0, 1), false),
      (own) => own.sendPing(),
      (own) => own.sendFragment("text", half.subarray(1), false),
      (own) => own.sendFragment("text", Buffer.alloc(0), true),
      (own) => own.sendFragment("binary", Buffer.of(1), true),
    ]);
    expect(sent).toEqual([
      { type: "text", fin: false, data: "c3" },
      { type: "ping", data: "" },
      { type: "continuation", fin: false, data: "a9" },
      { type: "continuation", fin: true, data: "" },
      { type: "binary", fin: true, data: "01" },
    ]);
  });

  it("may close between its own fragments", () => {
    const { sent } = play(role, [
      (own) => own.sendFragment("text", Buffer.from("a"), false),
      (own) => own.close(1001),
    ]);
    expect(sent.at(-1)).toEqual({ type: "close", code: 1001, reason: "" });
  });
});
