import { describe, expect, it } from "vitest";
import { FrameReader, maxStartBytes, type RawFrame } from "../../../start/server/frame-reader.js";

function read(bytes: Uint8Array, step: number): RawFrame[] {
  const frames: RawFrame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  for (let at = 0; at < bytes.length; at += step) reader.receive(bytes.subarray(at, at + step));
  return frames;
}

/** RFC 6455 §5.7, and lengths in 2 and 8 bytes. */
const hello = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const maskedHello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const long = [0x82, 126, 0x01, 0x00, ...new Array<number>(256).fill(7)];
const longer = [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0, ...new Array<number>(65_536).fill(8)];
const all = Uint8Array.from([...hello, ...long, 0x89, 0x00, ...maskedHello, ...longer, ...hello]);
const sizes = [7, 260, 2, 11, 65_546, 7];

describe("frames in the bytes of a WebSocket", () => {
  it.each([1, 2, 3, 7, 100, 65_536, all.length])("are found where bytes come in pieces of %i", (step) => {
    expect(read(all, step).map(({ bytes }) => bytes)).toEqual(sizes);
  });

  it("keep their first bytes, and no more than that", () => {
    const frames = read(all, 50);
    expect([...(frames[3]?.start ?? [])]).toEqual(maskedHello);
    expect(frames[4]?.start).toEqual(Uint8Array.from(longer.slice(0, maxStartBytes)));
    expect([...(frames[5]?.start ?? [])]).toEqual(hello);
  });
});
