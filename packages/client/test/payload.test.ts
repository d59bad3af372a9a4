import { describe, expect, it } from "vitest";
import { bytesOf, ChannelPayloads, toPayload } from "../src/payload.js";

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

describe("payloads of channels", () => {
  const payloads = new ChannelPayloads({ "file:{id}": "binary", "file:readme": "json" });
  const bytes = Uint8Array.of(0, 255, 1);

  it("are JSON unless a pattern says that they are bytes; the most specific wins", () => {
    expect(payloads.read("file:a", "AP8B")).toEqual(bytes);
    expect(payloads.read("file:readme", "AP8B")).toBe("AP8B");
    expect(payloads.read("news", "AP8B")).toBe("AP8B");
  });

  it("refuse bytes in a channel of JSON, and JSON in a channel of bytes, naming the channel's payload", () => {
    expect(() => payloads.assert("news", bytes)).toThrow(
      'the payload of news is "json": data must be JSON, not bytes, unless the option payloads says "binary"',
    );
    expect(() => payloads.assert("file:a", "AP8B")).toThrow(
      'the payload of file:a is "binary": data must be a Uint8Array',
    );
    payloads.assert("file:a", bytes);
    payloads.assert("file:readme", "AP8B");
  });

  it("refuse data that is not what the option says", () => {
    expect(() => payloads.read("file:a", { text: "hello" })).toThrow(
      'the option payloads says that file:a is "binary", but its data is no base64',
    );
  });
});
