import { describe, expect, it } from "vitest";
import { defaultClientOptions, resolveClientOptions } from "../src/options.js";

describe("client options", () => {
  it("are the defaults where nothing is said, or undefined", () => {
    expect(resolveClientOptions({})).toEqual(defaultClientOptions);
    const options = { name: undefined, maxQueuedPublications: null, publishTimeoutMs: null } as never;
    expect(resolveClientOptions(options)).toEqual({
      ...defaultClientOptions,
      maxQueuedPublications: null,
      publishTimeoutMs: null,
    });
  });

  it.each([
    [{ tokn: "x" }, "unknown option tokn (did you mean token?); known options: data, headers, "],
    [{ token: 7 }, "token must be a string or a function, but is of type number"],
    [{ headers: { a: 1 } }, 'headers must be an object of strings, but is {"a":1}'],
    [{ maxReconnectDelayMs: 0 }, "maxReconnectDelayMs must be an integer from 1 to 2147483647, but is 0"],
    [
      { minReconnectDelayMs: 30_000 },
      "minReconnectDelayMs must be at most maxReconnectDelayMs, but is 30000",
    ],
    [{ maxQueuedPublications: 1.5 }, "maxQueuedPublications must be an integer from 1 to"],
    [{ publishTimeoutMs: "1s" }, 'or null, but is "1s"'],
    [{ requestTimeoutMs: null }, "requestTimeoutMs must be an integer from 1 to 2147483647, but is null"],
    [{ maxMessageBytes: 10 }, "maxMessageBytes must be an integer from 256 to"],
    [{ webSocket: {} }, "webSocket must be a WebSocket class"],
    [{ onError: "log" }, 'onError must be a function, but is "log"'],
    [{ onReconnectDelay: 5 }, "onReconnectDelay must be a function, but is 5"],
    [
      { payloads: { "a:{b}": "bytes" } },
      'payloads must be "json" or "binary" by pattern, but is {"a:{b}":"by',
    ],
    [{ payloads: ["a"] }, 'payloads must be "json" or "binary" by pattern, but is ["a"]'],
    [{ payloads: { "a:{b": "binary" } }, 'the channel pattern "a:{b" has an unmatched brace'],
    [{ name: 1 }, "name must be a string, but is 1"],
  ])("refuse %j, naming what is accepted", (options, message) => {
    expect(() => resolveClientOptions(options as never)).toThrow(
      expect.objectContaining({ code: "HF_OPTION_INVALID", message: expect.stringContaining(message) }),
    );
  });
});
