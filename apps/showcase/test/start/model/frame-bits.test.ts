import { describe, expect, it } from "vitest";
import { readFrame } from "../../../start/model/frame-bits.js";

describe("a frame taken apart", () => {
  it("takes the mask off (RFC 6455 §5.7)", () => {
    const parts = readFrame("818537fa213d7f9f4d5158");
    expect(parts).toMatchObject({
      isFinal: true,
      opcodeName: "text",
      isMasked: true,
      length: 5,
      text: "Hello",
    });
    expect([...parts.mask]).toEqual([0x37, 0xfa, 0x21, 0x3d]);
    expect([...parts.payload]).toEqual([0x7f, 0x9f, 0x4d, 0x51, 0x58]);
  });

  it("reads lengths of two and of eight bytes", () => {
    expect(readFrame("827e0100").length).toBe(256);
    expect(readFrame("827f0000000000010000").length).toBe(65_536);
  });

  it("reads the code and the reason of a close", () => {
    const parts = readFrame(`8809${"03e8"}${Buffer.from("goodbye").toString("hex")}`);
    expect(parts).toMatchObject({ opcodeName: "close", closeCode: 1000, text: "goodbye" });
    expect(readFrame("8800").closeCode).toBeUndefined();
  });

  it("leaves compressed text alone", () => {
    expect(readFrame("c107f248cdc9c90700")).toMatchObject({ isCompressed: true, text: "" });
  });
});
