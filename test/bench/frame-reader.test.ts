import { describe, expect, it } from "vitest";
import { type Counted, FrameReader } from "../../bench/support/frame-reader.js";
import { markedPayload } from "../../bench/support/payload.js";

const publication = markedPayload.create(1, 100);
const unsubscribe = '{"push":{"unsubscribe":{"code":2500}}}';

/** A text message as a server sends it. RFC 6455 §5.2. */
function frame(text: string): Buffer {
  const { length } = text;
  const header = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), Buffer.from(text)]);
}

/** Reads it in pieces of so many bytes. */
function read(bytes: Buffer, pieceBytes: number, counted?: Counted) {
  const got = { counted: 0, messages: [] as string[] };
  const reader = new FrameReader({
    onCounted: (count) => {
      got.counted += count;
    },
    onMessage: (text) => got.messages.push(text),
    onControl() {},
    onWrongFrame() {},
  });
  reader.counted = counted;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = Buffer.from(bytes.subarray(at, at + pieceBytes));
    reader.read(piece, piece.length);
  }
  return got;
}

describe.each([1, 2, 7, 50, 10_000])("frames of a server, %i bytes at a time", (pieceBytes) => {
  const batch = `${publication}\n${publication}`;
  const bytes = Buffer.concat(["{}", publication, unsubscribe, batch, publication].map(frame));

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
