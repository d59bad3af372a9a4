/** The closing handshake (RFC 6455 §7) and the close codes that may travel in it (§7.4). */
import { describe, expect, it } from "vitest";
import { isSendableCloseCode } from "../../../packages/holdfast/src/websocket/frame.js";
import { type Role, WebSocketConnection } from "../../../packages/holdfast/src/websocket.js";
import { agreed } from "./support/deflate.js";
import { opcodes, peerOf } from "./support/frame-builder.js";
import { plain, sentFrames } from "./support/outcome.js";
import { expectFault, play, playOnce, whole } from "./support/play.js";

const roles: Role[] = ["server", "client"];
const end = (own: WebSocketConnection) => own.receiveEnd();

describe.each(roles)("closing handshake begun by the peer of a %s (RFC 6455 §5.5.1)", (role) => {
  const peer = peerOf(role);

  it("echoes the code it received", () => {
    const outcome = play(role, [peer.close(4321, "bye")]);
    expect(outcome.events).toEqual([{ type: "close", code: 4321, reason: "bye" }]);
    expect(outcome.sent).toMatchObject([{ type: "close", code: 4321 }]);
    expect(outcome.state).toBe("closed");
    expect(outcome.closeStatus).toEqual({ code: 4321, reason: "bye", wasClean: true });
  });

  it("answers an empty Close frame with an empty one and reports 1005", () => {
    const outcome = play(role, [peer.close()]);
    expect(outcome.events).toEqual([{ type: "close", code: 1005, reason: "" }]);
    expect(outcome.sent).toEqual([{ type: "close", code: undefined, reason: "" }]);
    expect(outcome.closeStatus).toEqual({ code: 1005, reason: "", wasClean: true });
  });

  it("fails with 1002 on a payload of one byte, whatever it is", () => {
    for (let byte = 0; byte < 256; byte++) {
      const { sent } = expectFault(
        role,
        [peer.frame({ opcode: opcodes.close, payload: Buffer.of(byte) })],
        1002,
      );
      expect(sent).toHaveLength(1);
    }
  });

  it.each([
    ["of 123 bytes", "x".repeat(123)],
    ["of 123 bytes in many characters", `${"é".repeat(61)}x`],
    ["with a byte order mark", "\u{feff}bye"],
    ["of emoji", "\u{1f44b}".repeat(30)],
  ])("takes a reason %s", (_name, reason) => {
    const { events, closeStatus } = play(role, [peer.close(1000, reason)]);
    expect(events).toEqual([{ type: "close", code: 1000, reason }]);
    expect(closeStatus).toEqual({ code: 1000, reason, wasClean: true });
  });

  it("fails with 1002 on a reason of 124 bytes", () => {
    expectFault(role, [peer.close(1000, "x".repeat(124))], 1002);
  });

  it.each(["c3", "c328", "eda080", "ff", "f4908080", "6f6b80"])("fails with 1007 on the reason %s", (hex) => {
    const { sent } = expectFault(role, [peer.close(1000, Buffer.from(hex, "hex"))], 1007);
    expect(sent).toHaveLength(1);
  });

  it.each([
    ["text", [peer.text("a")]],
    ["a ping", [peer.ping("a")]],
    ["another Close frame", [peer.close(1001)]],
    ["a frame that breaks the rules", [peer.frame({ opcode: 3 })]],
    ["the end of a fragmented message", [peer.continuation("a")]],
    ["bytes of no meaning", [Buffer.alloc(300, 0xff)]],
    ["half a frame", [peer.text("Hello").subarray(0, 3)]],
  ])("ignores %s after the Close frame", (_name, rest) => {
    const outcome = play(role, [peer.close(1000), ...rest]);
    expect(outcome).toEqual(play(role, [peer.close(1000)]));
    expect(outcome.sent).toMatchObject([{ type: "close", code: 1000 }]);
  });

  it("delivers and answers what came before the Close frame", () => {
    const big = Buffer.alloc(262_144, "x");
    const { events, sent } = play(role, [peer.binary(big), peer.ping("p"), peer.close(1000), peer.ping("q")]);
    expect(events.map(({ type }) => type)).toEqual(["binary", "ping", "close"]);
    expect(events[0]).toEqual({ type: "binary", data: plain(big) });
    expect(sent.map(({ type }) => type)).toEqual(["pong", "close"]);
  });

  it("sends nothing after its answer", () => {
    const { sent } = play(role, [
      peer.close(1000),
      (own) => {
        for (const send of [
          () => own.sendText("a"),
          () => own.sendBinary(Buffer.of(1)),
          () => own.sendPing(),
        ])
          expect(send).toThrow(expect.objectContaining({ code: "HF_WEBSOCKET_STATE" }));
        own.close(1001);
        own.fail(1011, "too late");
      },
    ]);
    expect(sent).toMatchObject([{ type: "close", code: 1000 }]);
  });
});

describe.each(roles)("closing handshake begun by a %s (RFC 6455 §7.1.2)", (role) => {
  const peer = peerOf(role);
  const close = (own: WebSocketConnection) => own.close(1000, "done");

  it("waits for the peer's Close frame, then is closed", () => {
    const begun = play(role, [close]);
    expect(begun.sent).toEqual([{ type: "close", code: 1000, reason: "done" }]);
    expect(begun).toMatchObject({ state: "closing", closeStatus: undefined, isFinished: false });
    const done = play(role, [close, peer.close(1000)]);
    expect(done.sent).toHaveLength(1);
    expect(done.state).toBe("closed");
    expect(done.closeStatus).toEqual({ code: 1000, reason: "", wasClean: true });
  });

  it("sends an empty Close frame when no code is given", () => {
    expect(play(role, [(own) => own.close()]).sent).toEqual([{ type: "close", code: undefined, reason: "" }]);
  });

  it("sends a reason of 123 bytes", () => {
    const reason = `${"é".repeat(61)}x`;
    expect(play(role, [(own) => own.close(3000, reason)]).sent).toEqual([
      { type: "close", code: 3000, reason },
    ]);
  });

  it("sends its Close frame once", () => {
    expect(play(role, [close, close, (own) => own.close(4000, "again")]).sent).toHaveLength(1);
  });

  it("does not answer the peer's Close frame a second time when both begin at once", () => {
    const { sent, events, closeStatus } = play(role, [(own) => own.close(4000), peer.close(4001, "crossed")]);
    expect(sent).toEqual([{ type: "close", code: 4000, reason: "" }]);
    expect(events).toEqual([{ type: "close", code: 4001, reason: "crossed" }]);
    // RFC 6455 §7.1.5: the code of the connection is the one that was received.
    expect(closeStatus).toEqual({ code: 4001, reason: "crossed", wasClean: true });
  });

  it("reports 1005 when the peer's answer is empty", () => {
    expect(play(role, [close, peer.close()]).closeStatus).toEqual({ code: 1005, reason: "", wasClean: true });
  });

  it("answers no ping and delivers no message once it has begun", () => {
    const input = [
      peer.ping("a"),
      peer.text("b"),
      peer.binary("c", false),
      peer.ping("d"),
      peer.continuation(""),
    ];
    const { sent, events, closeStatus } = play(role, [close, ...input, peer.close(1000)]);
    expect(sent).toHaveLength(1);
    expect(events.filter(({ type }) => type === "text" || type === "binary")).toEqual([]);
    expect(events.at(-1)).toEqual({ type: "close", code: 1000, reason: "" });
    expect(closeStatus?.wasClean).toBe(true);
  });

  it("takes the rest of a message that had begun", () => {
    const { events } = play(role, [peer.text("a", false), close, peer.continuation("b"), peer.close(1000)]);
    expect(events).toEqual([{ type: "close", code: 1000, reason: "" }]);
  });

  it("looks at nothing but the peer's Close frame: what messages carry is neither checked nor kept", () => {
    const input = [
      peer.frame({ opcode: opcodes.text, payload: Buffer.of(0xff) }),
      peer.frame({ opcode: opcodes.binary, payload: Buffer.alloc(2000) }),
      peer.continuation("without a beginning"),
      peer.frame({ opcode: opcodes.text, payload: "no DEFLATE data", rsv: 4 }),
      peer.ping("a"),
    ];
    const options = { maxMessageBytes: 1000, deflate: agreed(false) };
    const { sent, events, closeStatus } = play(role, [close, ...input, peer.close(1000)], options);
    expect(sent).toHaveLength(1);
    expect(events).toEqual([{ type: "close", code: 1000, reason: "" }]);
    expect(closeStatus?.wasClean).toBe(true);
  });

  it("takes the rest of a Close frame that had begun", () => {
    const frame = peer.close(4001, "half of it");
    const { closeStatus } = play(role, [frame.subarray(0, 9), close, frame.subarray(9)]);
    expect(closeStatus).toEqual({ code: 4001, reason: "half of it", wasClean: true });
  });

  it("ends without a second Close frame when the peer breaks a rule meanwhile", () => {
    const { sent, state, isFinished, closeStatus } = play(role, [close, peer.frame({ opcode: 3 })]);
    expect(sent).toHaveLength(1);
    expect({ state, isFinished }).toEqual({ state: "closed", isFinished: true });
    expect(closeStatus?.wasClean).toBe(false);
  });
});

describe.each(roles)("end of the TCP connection, at a %s (RFC 6455 §7.1.4, §7.1.5)", (role) => {
  const peer = peerOf(role);
  const abnormal = { code: 1006, wasClean: false };

  it.each([
    ["while open", []],
    ["inside a frame", [peer.text("Hello").subarray(0, 4)]],
    ["inside a message", [peer.text("Hello", false)]],
    ["after its own Close frame", [(own: WebSocketConnection) => own.close(1000)]],
  ])("is 1006 without a Close frame of the peer, %s", (_name, before) => {
    const outcome = play(role, [...before, end]);
    expect(outcome).toMatchObject({ events: [], state: "closed", closeStatus: abnormal, isFinished: true });
    expect(outcome.sent.filter(({ type }) => type !== "close")).toEqual([]);
  });

  it("leaves the status of a closing handshake as it was, and may be told twice", () => {
    const closeStatus = { code: 4000, reason: "bye", wasClean: true };
    expect(play(role, [peer.close(4000, "bye"), end, end])).toMatchObject({ closeStatus, isFinished: true });
    expect(play(role, [end, end])).toMatchObject({ closeStatus: abnormal, isFinished: true });
  });

  it("leaves the status of a fault as it was", () => {
    expect(play(role, [peer.frame({ opcode: 3 }), end]).closeStatus).toMatchObject({ code: 1002 });
  });

  it("is followed by nothing", () => {
    const { events, sent } = play(role, [end, peer.text("a"), peer.ping("b"), peer.close(1000)]);
    expect(events).toEqual([]);
    expect(sent).toEqual([]);
  });
});

describe("who ends the TCP connection (RFC 6455 §7.1.1)", () => {
  const close = (own: WebSocketConnection) => own.close(1000);

  it("server ends it after the closing handshake, whoever began", () => {
    expect(play("server", [peerOf("server").close(1000)]).isFinished).toBe(true);
    expect(play("server", [close, peerOf("server").close(1000)]).isFinished).toBe(true);
  });

  it("client waits for the server to end it", () => {
    for (const script of [[peerOf("client").close(1000)], [close, peerOf("client").close(1000)]]) {
      expect(play("client", script).isFinished).toBe(false);
      expect(play("client", [...script, end]).isFinished).toBe(true);
    }
  });
});

/** 1012, 1013 and 1014 came to the registry after the RFC. */
const registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
const valid = [...registered, 3000, 3001, 3999, 4000, 4001, 4999];
const unused = [0, 1, 255, 256, 999, 1016, 1100, 1999, 2000, 2999, 5000, 5001, 9999, 65_535];
/** Reserved by §7.4.1: they never travel. */
const reserved = [1004, 1005, 1006, 1015];

describe.each(roles)("close codes, received by a %s (RFC 6455 §7.4)", (role) => {
  const peer = peerOf(role);

  it.each(valid)("takes %i and echoes it", (code) => {
    for (const reason of ["", "a reason"]) {
      const outcome = play(role, [peer.close(code, reason)]);
      expect(outcome.events).toEqual([{ type: "close", code, reason }]);
      expect(outcome.sent).toMatchObject([{ type: "close", code }]);
      expect(outcome.closeStatus).toEqual({ code, reason, wasClean: true });
    }
  });

  it.each([...reserved, ...unused])("fails with 1002 on %i", (code) => {
    expectFault(role, [peer.close(code)], 1002);
    expectFault(role, [peer.close(code, "a reason")], 1002);
  });

  it("takes or refuses each of the 65,536 codes as the registry says", () => {
    const refused: number[] = [];
    for (let code = 0; code <= 0xffff; code++) {
      const [event] = new WebSocketConnection(role).receive(peer.close(code));
      if (event?.type === "fault") refused.push(code);
    }
    const expected = Array.from({ length: 0x10000 }, (_, code) => code).filter(
      (code) => !registered.includes(code) && (code < 3000 || code > 4999),
    );
    expect(refused).toEqual(expected);
  });
});

describe.each(roles)("close codes, sent by a %s (RFC 6455 §7.4)", (role) => {
  it.each(valid)("close(%i) sends it", (code) => {
    expect(isSendableCloseCode(code)).toBe(true);
    expect(play(role, [(own) => own.close(code)]).sent).toEqual([{ type: "close", code, reason: "" }]);
  });

  it.each([...reserved, ...unused, -1, 1000.5, 65_536 + 1000, Number.NaN, Number.POSITIVE_INFINITY])(
    "close(%d) throws and sends nothing",
    (code) => {
      const refuse = (own: WebSocketConnection) =>
        expect(() => own.close(code)).toThrow(expect.objectContaining({ code: "HF_WEBSOCKET_ARGUMENT" }));
      expect(isSendableCloseCode(code)).toBe(false);
      expect(play(role, [refuse])).toMatchObject({ sent: [], state: "open" });
    },
  );

  it.each(["x".repeat(124), "é".repeat(62), "\u{1f44b}".repeat(31)])(
    "refuses a reason over 123 bytes",
    (reason) => {
      const refuse = (own: WebSocketConnection) =>
        expect(() => own.close(1000, reason)).toThrow(
          expect.objectContaining({ code: "HF_WEBSOCKET_ARGUMENT" }),
        );
      expect(play(role, [refuse])).toMatchObject({ sent: [], state: "open" });
    },
  );
});

describe.each(roles)("failing the connection, by a %s (RFC 6455 §7.1.7)", (role) => {
  const peer = peerOf(role);

  it("sends a Close frame, takes no more input and waits for nothing", () => {
    const outcome = play(role, [(own) => own.fail(1008, "not here"), peer.text("a"), peer.close(1000)]);
    expect(outcome.sent).toEqual([{ type: "close", code: 1008, reason: "not here" }]);
    expect(outcome.events.filter(({ type }) => type !== "fault")).toEqual([]);
    expect(outcome).toMatchObject({
      state: "closed",
      closeStatus: { code: 1008, wasClean: false },
      isFinished: true,
    });
  });

  it("never sends a code that may not travel", () => {
    const sent: unknown[] = [];
    for (const code of [...reserved, ...unused, 1000.5]) {
      const own = new WebSocketConnection(role);
      try {
        own.fail(code, "wrong");
      } catch (error) {
        // A mistake of the caller's may be thrown back at it.
        expect(error).toMatchObject({ code: "HF_WEBSOCKET_ARGUMENT" });
      }
      for (const frame of sentFrames(own.takeOutput(), role))
        if (frame.type !== "close" || !valid.includes(frame.code as number))
          sent.push({ given: code, frame });
    }
    expect(sent).toEqual([]);
  });

  it.each([
    ["ASCII", "x".repeat(500)],
    ["2-byte characters", "é".repeat(100)],
    ["3-byte characters", "€".repeat(100)],
    ["4-byte characters", "\u{1f44b}".repeat(100)],
    ["4-byte characters, shifted by one", `a${"\u{1f44b}".repeat(100)}`],
    ["4-byte characters, shifted by two", `ab${"\u{1f44b}".repeat(100)}`],
    ["4-byte characters, shifted by three", `abc${"\u{1f44b}".repeat(100)}`],
  ])("cuts a long reason of %s at a character", (_name, reason) => {
    const { sent } = playOnce(role, [(own) => own.fail(1011, reason)], whole);
    const [close] = sent;
    expect(close).toMatchObject({ type: "close", code: 1011 });
    const kept = close?.type === "close" ? close.reason : "";
    expect(reason.startsWith(kept)).toBe(true);
    expect(Buffer.byteLength(kept)).toBeGreaterThan(119);
  });
});
