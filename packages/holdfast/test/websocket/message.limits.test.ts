import { describe, expect, it } from "vitest";
import { resolveMessageLimits } from "../../src/websocket/message.js";
import { type ConnectionOptions, defaultMessageLimits, WebSocketConnection } from "../../src/websocket.js";

const names = ["maxMessageBytes", "maxFrameBytes", "maxFragments"] as const;

describe("connection options", () => {
  it("have the defaults that their documentation names", () => {
    expect(resolveMessageLimits({})).toEqual({
      maxMessageBytes: 1024 * 1024,
      maxCompressedBytes: 1024 * 1024 + 128 * 1024 + 64,
      maxFrameBytes: 1024 * 1024 + 128 * 1024 + 64,
      maxFragments: 131_072,
    });
    expect(Object.isFrozen(defaultMessageLimits)).toBe(true);
  });

  it("bound frames by the bound of compressed messages where they have none of their own", () => {
    expect(resolveMessageLimits({ maxMessageBytes: 80 }).maxFrameBytes).toBe(80 + 10 + 64);
    expect(resolveMessageLimits({ maxMessageBytes: 5, maxFrameBytes: 3 }).maxFrameBytes).toBe(3);
  });

  it.each(names)("%s must be a positive integer", (name) => {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "10"]) {
      const options = { [name]: value } as ConnectionOptions;
      expect(() => new WebSocketConnection("server", options), `${value}`).toThrow(
        expect.objectContaining({ code: "HF_OPTION_INVALID", message: expect.stringContaining(name) }),
      );
    }
    for (const value of [1, 2 ** 53 - 1]) expect(resolveMessageLimits({ [name]: value })[name]).toBe(value);
  });
});
