/**
 * RFC 6455 §8.1, as Autobahn 6.4 reads it: text is refused on the chunk with the first impossible byte, while the
 * frame and the message are still under way, and not before.
 */
import { describe, expect, it } from "vitest";
import { type Role, WebSocketConnection } from "../../../packages/holdfast/src/websocket/index.js";
import { peerOf } from "./support/frame-builder.js";
import { parseFrames } from "./support/frame-parser.js";
import { judgeUtf8 } from "./support/utf8-oracle.js";
import { invalidSamples } from "./support/utf8-samples.js";

const roles: Role[] = ["server", "client"];
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
