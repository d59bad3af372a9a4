import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatChannel, parsePattern, sortPatterns } from "../../src/app/pattern.js";

describe("pattern of channels", () => {
  it.each([
    ["news", "news", {}],
    ["news", "new", undefined],
    ["chat:{room}", "chat:lobby", { room: "lobby" }],
    ["chat:{room}", "chat:", undefined],
    ["chat:{room}", "chat:a:b", undefined],
    ["chat:{path*}", "chat:a:b", { path: "a:b" }],
    ["{name}", "anything", { name: "anything" }],
    ["{name}", "a:b", undefined],
    ["{from}-{to}", "a-b", { from: "a", to: "b" }],
    ["a.c", "abc", undefined],
    ["(x)+[y]", "(x)+[y]", {}],
  ])("%s of %s gives %j", (text, channel, params) => {
    expect(parsePattern(text).match(channel)).toEqual(params);
  });

  it.each(["", "{", "a}", "{a}{b}", "{a}:{a}", "{1}", "ä", "{a:b}"])("is not %j", (text) => {
    expect(() => parsePattern(text)).toThrow(expect.objectContaining({ code: "HF_OPTION_INVALID" }));
  });

  it("comes before those that are less specific, in whatever order they were given", () => {
    const sorted = ["chat:lobby", "chat:{room}", "chat:{path*}", "{kind}:lobby", "{kind}:{room}", "{all*}"];
    fc.assert(
      fc.property(fc.shuffledSubarray(sorted, { minLength: sorted.length }), (texts) => {
        const entries = texts.map((text) => ({ pattern: parsePattern(text) }));
        expect(sortPatterns(entries).map(({ pattern }) => pattern.text)).toEqual(sorted);
      }),
    );
  });

  it("reads back what it was written with", () => {
    const value = fc.stringMatching(/^[a-z0-9 _.-]{1,20}$/);
    fc.assert(
      fc.property(value, value, (room, user) => {
        const channel = formatChannel("chat:{room}:{user}", { room, user });
        expect(parsePattern("chat:{room}:{user}").match(channel)).toEqual({ room, user });
      }),
    );
  });

  it.each([{}, { room: "" }, { room: "a:b" }, { room: "ä" }, { room: "x".repeat(255) }])(
    "makes no name of %j",
    (params) => {
      expect(() => formatChannel("chat:{room}", params as Record<string, string>)).toThrow(
        expect.objectContaining({ code: "HF_OPTION_INVALID" }),
      );
    },
  );
});
