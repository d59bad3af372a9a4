import { describe, expect, it } from "vitest";
import { bytesOf, toPayload } from "../src/payload.js";

describe("data to send", () => {
  it("is JSON, or bytes as base64", () => {
    expect(toPayload({ a: [1, undefined] }, "data", "news", 1000)).toEqual({ a: [1, null] });
    expect(toPayload(Uint8Array.of(0, 255, 1), "data", "news", 1000)).toBe("AP8B");
  });

  it("counts as what it is in JSON", () => {
    const tooLarge = expect.objectContaining({
      code: "HF_OPTION_INVALID",
      message: expect.stringMatching(/154\d bytes/),
    });
    expect(() => toPayload(new Uint8Array(1001), "data", "news", 1500)).toThrow(tooLarge);
  });
});

describe("bytes of data that came", () => {
  it("are those that were sent", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(bytesOf(toPayload(bytes, "data", "news", 1000))).toEqual(bytes);
  });

  it.each([[1], [null], [{}], ["%"]])("are refused where the data is not base64: %j", (data) => {
    expect(() => bytesOf(data)).toThrow(expect.objectContaining({ code: "HF_OPTION_INVALID" }));
  });
});
