/** RFC 6455 §7.4 and the IANA registry of close codes. Autobahn 7.7, 7.9 and 7.13. */
import { describe, expect, it } from "vitest";
import {
  isSendableCloseCode,
  type Role,
  WebSocketConnection,
} from "../../../packages/holdfast/src/websocket/index.js";
import { peerOf } from "./support/frame-builder.js";
import { sentFrames } from "./support/outcome.js";
import { expectFault, play, playOnce, whole } from "./support/play.js";

const roles: Role[] = ["server", "client"];

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
