import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Counted, closeFrame, FrameReader, pongFrame, textFrame } from "../../src/node/frames.js";

function frame(opcode: number, payload: string, isFinal = true): Buffer {
  const body = Buffer.from(payload);
  const first = (isFinal ? 0x80 : 0) | opcode;
  if (body.length < 126) return Buffer.concat([Buffer.from([first, body.length]), body]);
  if (body.length < 65_536)
    return Buffer.concat([Buffer.from([first, 126, body.length >> 8, body.length & 0xff]), body]);
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([head, body]);
}

function readAll(bytes: Buffer, sizes: readonly number[]): string[] {
  const told: string[] = [];
  const reader = new FrameReader({
    onMessage: (text) => void told.push(text),
    onPing: (payload) => void told.push(`ping ${payload}`),
    onClose: (code, reason) => void told.push(`close ${code} ${reason}`),
  });
  let at = 0;
  for (const size of sizes) {
    // One buffer is used for all reads of a process: what was given must not be kept.
    const piece = Buffer.from(bytes.subarray(at, at + size));
    reader.read(piece);
    piece.fill(0xff);
    at += size;
  }
  reader.read(bytes.subarray(at));
  return told;
}

describe("FrameReader", () => {
  it("reads messages, fragments, pings and closes, however they are cut", () => {
    const long = "é".repeat(40_000);
    const bytes = Buffer.concat([
      frame(1, "hello"),
      frame(1, "a".repeat(126)),
      frame(1, "one ", false),
      frame(9, "p"),
      frame(0, "two"),
      frame(1, long),
      Buffer.from([0x88, 5, 0x03, 0xe8, 0x62, 0x79, 0x65]),
    ]);
    const told = ["hello", "a".repeat(126), "ping p", "one two", long, "close 1000 bye"];
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 60 }), (sizes) => {
        expect(readAll(bytes, sizes)).toEqual(told);
      }),
      { numRuns: 30 },
    );
  });

  it("does not take what no server may send, or what is too long", () => {
    const read = (...bytes: number[]) => readAll(Buffer.from(bytes), []);
    expect(() => read(0x81, 0x81)).toThrow(/masked/);
    expect(() => read(0xc1, 0)).toThrow(/reserved/);
    expect(() => read(0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0)).toThrow(/longer than/);
  });

  it("is answered with masked frames", () => {
    const text = textFrame("{}");
    expect([text[0], (text[1] as number) & 0x80]).toEqual([0x81, 0x80]);
    expect(pongFrame(Buffer.from("x"))[0]).toBe(0x8a);
    expect(closeFrame()[0]).toBe(0x88);
  });
});

const publication = `#1${".".repeat(97)}~`;
const unsubscribe = '{"push":{"unsubscribe":{"code":2500}}}';

/** A text message as a server sends it. RFC 6455 §5.2. */
function asciiFrame(text: string): Buffer {
  const { length } = text;
  const header = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), Buffer.from(text)]);
}

/** Reads it in pieces of so many bytes. */
function read(bytes: Buffer, pieceBytes: number, counted?: Counted) {
  const got = { counted: 0, messages: [] as string[] };
  const reader = new FrameReader(
    {
      onCounted: (count) => {
        got.counted += count;
      },
      onMessage: (text) => got.messages.push(text),
      onPing() {},
      onClose() {},
    },
    { marker: "~".charCodeAt(0) },
  );
  reader.counted = counted;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = Buffer.from(bytes.subarray(at, at + pieceBytes));
    reader.read(piece, piece.length);
  }
  return got;
}

describe.each([1, 2, 7, 50, 10_000])("frames of a server, %i bytes at a time", (pieceBytes) => {
  const batch = `${publication}\n${publication}`;
  const bytes = Buffer.concat(["{}", publication, unsubscribe, batch, publication].map(asciiFrame));

  it("come as messages while nothing is counted", () => {
    expect(read(bytes, pieceBytes)).toEqual({
      counted: 0,
      messages: ["{}", publication, unsubscribe, batch, publication],
    });
  });

  it("are counted by their markers, and those without one come as messages", () => {
    expect(read(bytes, pieceBytes, "markers")).toEqual({ counted: 4, messages: ["{}", unsubscribe] });
  });

  it("are counted as frames", () => {
    expect(read(bytes, pieceBytes, "frames")).toEqual({ counted: 5, messages: [] });
  });
});
