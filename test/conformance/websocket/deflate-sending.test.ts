/** RFC 7692 §6: a sender chooses for each message whether it is compressed; prepared messages are compressed once. */
import { describe, expect, it } from "vitest";
import {
  type Deflate,
  PreparedMessage,
  type Role,
  resolveDeflate,
} from "../../../packages/holdfast/src/websocket.js";
import { agreed, tail } from "./support/deflate.js";
import { parseFrames, type WireFrame } from "./support/frame-parser.js";
import { inflate } from "./support/inflate-oracle.js";
import { noiseOf, textOf } from "./support/messages.js";
import { connectionFor } from "./support/play.js";

const roles: Role[] = ["server", "client"];

function frameOf(bytes: Uint8Array, role: Role): WireFrame {
  const [frame, ...others] = parseFrames(bytes, role, true);
  if (frame === undefined || others.length > 0) throw new Error("not one frame");
  return frame;
}

const payloadOf = ({ isCompressed, payload }: WireFrame, history?: Uint8Array) =>
  isCompressed ? inflate(Buffer.concat([payload, tail]), history).output : payload;

describe.each(roles)("choice of a %s (RFC 7692 §6)", (role) => {
  const sent = (deflate: Deflate, payload: Uint8Array) =>
    frameOf(connectionFor(role, { deflate }).encode(payload), role);

  it.each([true, false])("compresses from the threshold on, context %s", (keepsContext) => {
    const deflate = agreed(keepsContext, 15, { thresholdBytes: 200 });
    const isCompressed = (length: number) => sent(deflate, Buffer.alloc(length, "x")).isCompressed;
    expect([0, 1, 199, 200, 201, 5000].map(isCompressed)).toEqual([false, false, false, true, true, true]);
  });

  it("has a threshold of 1,024 bytes when nothing is said", () => {
    const { agreement } = agreed(false);
    const isCompressed = (length: number) =>
      sent({ agreement, settings: resolveDeflate() }, Buffer.alloc(length, "x")).isCompressed;
    expect([1023, 1024].map(isCompressed)).toEqual([false, true]);
  });

  it("counts the bytes of a text and not its characters", () => {
    const deflate = agreed(false, 15, { thresholdBytes: 200 });
    const isCompressed = (text: string) =>
      frameOf(connectionFor(role, { deflate }).encode(text), role).isCompressed;
    expect(["é".repeat(99), "é".repeat(100)].map(isCompressed)).toEqual([false, true]);
  });

  it("sends what does not shrink as it is, where no context is kept", () => {
    for (const length of [1, 10, 1000, 70_000]) {
      const payload = noiseOf(length);
      const frame = sent(agreed(false), payload);
      expect([frame.isCompressed, frame.payload.equals(payload)]).toEqual([false, true]);
    }
  });

  it("sends an empty message as it is, whatever the threshold", () => {
    for (const keepsContext of [true, false]) {
      const connection = connectionFor(role, { deflate: agreed(keepsContext) });
      for (const message of ["", Buffer.alloc(0)])
        expect(frameOf(connection.encode(message), role)).toMatchObject({ isCompressed: false, fin: true });
    }
  });

  it("stays right with kept context when messages that do not shrink and short ones come in between", () => {
    const connection = connectionFor(role, { deflate: agreed(true, 15, { thresholdBytes: 100 }) });
    let history = Buffer.alloc(0);
    for (const message of [textOf(500), noiseOf(500), textOf(50), textOf(500), noiseOf(90), textOf(600)]) {
      const frame = frameOf(connection.encode(message), role);
      const payload = payloadOf(frame, history);
      expect(payload).toEqual(message);
      if (frame.isCompressed) history = Buffer.concat([history, payload]);
    }
  });

  it("sends fragments as they are", () => {
    const connection = connectionFor(role, { deflate: agreed(true) });
    connection.sendFragment("text", Buffer.alloc(2000, "x"), false);
    connection.sendFragment("text", Buffer.alloc(2000, "x"), true);
    const frames = parseFrames(Buffer.concat(connection.takeOutput()), role, true);
    expect(frames.map(({ isCompressed }) => isCompressed)).toEqual([false, false]);
  });

  it("compresses no control frames", () => {
    const connection = connectionFor(role, { deflate: agreed(true) });
    connection.sendPing(Buffer.alloc(125));
    connection.sendPong(Buffer.alloc(125));
    connection.close(1000, "x".repeat(123));
    const frames = parseFrames(Buffer.concat(connection.takeOutput()), role, true);
    expect(frames.map(({ isCompressed, opcode }) => [isCompressed, opcode])).toEqual([
      [false, 9],
      [false, 10],
      [false, 8],
    ]);
  });

  it("tries harder at a higher level", () => {
    const payload = Buffer.concat([textOf(4000), noiseOf(50), textOf(9000)]);
    const sizeAt = (level: number) => sent(agreed(false, 15, { level }), payload).payload.length;
    expect(sizeAt(9)).toBeLessThan(sizeAt(1));
  });

  it("leaves the bytes of the application as they are", () => {
    for (const keepsContext of [true, false]) {
      const payload = textOf(5000);
      const copy = Buffer.from(payload);
      connectionFor(role, { deflate: agreed(keepsContext) }).sendBinary(payload);
      expect(payload.equals(copy)).toBe(true);
    }
  });

  it("gives frames in memory of their own", () => {
    for (const keepsContext of [true, false]) {
      const connection = connectionFor(role, { deflate: agreed(keepsContext) });
      const first = connection.encode(textOf(3000));
      const copy = Buffer.from(first);
      connection.encode(noiseOf(70_000));
      connection.encode(Buffer.alloc(3000, "y"));
      expect(first.equals(copy)).toBe(true);
    }
  });
});

describe("prepared message (RFC 7692 §7.2.1)", () => {
  const deflate = agreed(false);
  const text = textOf(5000).toString();

  it("is the same Buffer for all server connections with the same settings and no context", () => {
    for (const message of [text, textOf(5000), noiseOf(5000), "short", ""]) {
      const prepared = new PreparedMessage(message);
      const frames = [0, 1, 2].map(() => connectionFor("server", { deflate }).encode(prepared));
      for (const frame of frames) expect(frame).toBe(frames[0]);
      expect(payloadOf(frameOf(frames[0] as Buffer, "server"))).toEqual(Buffer.from(message));
    }
  });

  it("is the same Buffer for all server connections without compression", () => {
    const prepared = new PreparedMessage(text);
    const [first, second] = [0, 1].map(() => connectionFor("server").encode(prepared));
    expect(second).toBe(first);
    expect(frameOf(first as Buffer, "server")).toMatchObject({ isCompressed: false, opcode: 1 });
  });

  it("is the same Buffer for connections with other limits, and with the same agreement made anew", () => {
    const prepared = new PreparedMessage(text);
    const first = connectionFor("server", { deflate }).encode(prepared);
    const again = { agreement: { ...deflate.agreement }, settings: deflate.settings };
    expect(connectionFor("server", { deflate: again, maxMessageBytes: 10 }).encode(prepared)).toBe(first);
  });

  it("is right for every kind of connection, in any order", () => {
    const prepared = new PreparedMessage(text);
    const takeover = connectionFor("server", { deflate: agreed(true) });
    const plainFrame = () => connectionFor("server").encode(prepared);
    const shared = (bits: number) =>
      connectionFor("server", { deflate: agreed(false, bits) }).encode(prepared);
    const client = (each?: Deflate) => connectionFor("client", { deflate: each }).encode(prepared);
    for (let round = 0; round < 2; round++) {
      expect(frameOf(plainFrame(), "server")).toMatchObject({
        isCompressed: false,
        payload: Buffer.from(text),
      });
      for (const bits of [15, 9, 12, 8]) {
        const frame = frameOf(shared(bits), "server");
        const { output, maxDistance } = inflate(Buffer.concat([frame.payload, tail]));
        expect([frame.isCompressed, output.toString()]).toEqual([true, text]);
        expect(maxDistance).toBeLessThanOrEqual(2 ** bits);
      }
      const history = Buffer.from(text.repeat(round));
      const kept = frameOf(takeover.encode(prepared), "server");
      expect(payloadOf(kept, history).toString()).toBe(text);
      for (const each of [undefined, agreed(false), agreed(true)]) {
        const frame = frameOf(client(each), "client");
        expect(frame.isCompressed).toBe(each !== undefined);
        expect(payloadOf(frame).toString()).toBe(text);
      }
    }
  });

  it("is compressed after the settings of each connection", () => {
    const prepared = new PreparedMessage("x".repeat(500));
    const low = connectionFor("server", { deflate: agreed(false, 15, { thresholdBytes: 100 }) });
    const high = connectionFor("server", { deflate: agreed(false, 15, { thresholdBytes: 1000 }) });
    expect(frameOf(low.encode(prepared), "server").isCompressed).toBe(true);
    expect(frameOf(high.encode(prepared), "server").isCompressed).toBe(false);
  });

  it("is masked anew for every client", () => {
    const prepared = new PreparedMessage(text);
    const keys = [0, 1].map(() => {
      const frame = connectionFor("client", { deflate, createMaskingKey: () => 0x01020304 }).encode(prepared);
      return frameOf(frame, "client").key?.toString("hex");
    });
    expect(keys).toEqual(["01020304", "01020304"]);
    const frames = [0, 1].map(() => connectionFor("client", { deflate }).encode(prepared));
    expect(frames[0]).not.toBe(frames[1]);
    expect(frames[0]?.equals(frames[1] as Buffer)).toBe(false);
  });

  it("is compressed once for each connection that keeps its context", () => {
    const prepared = new PreparedMessage(text);
    const [one, other] = [0, 1].map(() => connectionFor("server", { deflate: agreed(true) }));
    one?.encode(textOf(300));
    let history = textOf(300);
    for (const [connection, before] of [
      [one, history],
      [other, Buffer.alloc(0)],
    ] as const) {
      history = before;
      for (let i = 0; i < 3; i++) {
        const frame = frameOf(connection?.encode(prepared) as Buffer, "server");
        expect(payloadOf(frame, history).toString()).toBe(text);
        history = Buffer.concat([history, Buffer.from(text)]);
      }
    }
  });
});
