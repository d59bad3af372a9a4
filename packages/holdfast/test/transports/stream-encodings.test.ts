/** Messages of the client protocol as lines and as events. */
import { describe, expect, it } from "vitest";
import { eventEncoding, lineEncoding } from "../../src/transports/stream-encodings.js";

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("lines", () => {
  it("end with a line feed, and leave ASCII as it is", () => {
    expect(textOf(lineEncoding.frame('{"a":1}\n{}'))).toBe('{"a":1}\n{}\n');
  });

  it("escape what is beyond ASCII, surrogates one by one", () => {
    const value = { text: "é €😀\u007f" };
    const line = textOf(lineEncoding.frame(JSON.stringify(value)));
    expect(line).toBe('{"text":"\\u00e9 \\u20ac\\ud83d\\ude00\u007f"}\n');
    expect(JSON.parse(line)).toEqual(value);
  });
});

describe("events", () => {
  it("carry one message each", () => {
    expect(textOf(eventEncoding.frame('{"a":"é"}\n{}'))).toBe('data: {"a":"é"}\n\ndata: {}\n\n');
  });
});
