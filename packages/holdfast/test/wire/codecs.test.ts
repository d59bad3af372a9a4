import { describe, expect, it } from "vitest";
import { chooseCodec, codecForContentType, codecs, defaultCodec } from "../../src/wire/codecs.js";

describe("table of codecs", () => {
  it("has each name, subprotocol and content type once, those of one-way messages included", () => {
    const names = codecs.flatMap(({ name, oneWay }) => [name, oneWay.name]);
    for (const values of [
      names,
      codecs.map(({ subprotocol }) => subprotocol),
      codecs.map(({ contentType }) => contentType),
    ])
      expect(new Set(values).size).toBe(values.length);
  });
});

describe("choice of a codec", () => {
  it.each(codecs)("is by subprotocol, by query and by content type: $name", (codec) => {
    expect(chooseCodec({ subprotocols: ["other", codec.subprotocol] })).toBe(codec);
    expect(chooseCodec({ query: new URLSearchParams({ cf_protocol: codec.name }) })).toBe(codec);
    expect(chooseCodec({ query: new URLSearchParams({ format: codec.name }) })).toBe(codec);
    expect(codecForContentType(`${codec.contentType}; charset=utf-8`)).toBe(codec);
  });

  it("is the default where the client names none that is known", () => {
    expect(chooseCodec({})).toBe(defaultCodec);
    expect(chooseCodec({ subprotocols: ["x"], query: new URLSearchParams("format=x") })).toBe(defaultCodec);
    expect(codecForContentType(undefined)).toBe(defaultCodec);
    expect(codecForContentType("text/plain")).toBe(defaultCodec);
    expect(codecForContentType("application/octet-stream-of-mine")).toBe(defaultCodec);
  });
});

describe("connect parameters without a command", () => {
  it("are read like those of the command", () => {
    expect(defaultCodec.decodeConnect('{"token":"t","data":{"a":1.0},"headers":{"X-A":"b"}}')).toEqual({
      token: "t",
      data: '{"a":1.0}',
      headers: { "x-a": "b" },
    });
    expect(defaultCodec.decodeConnect(Buffer.from("{}"))).toEqual({});
  });

  it.each([
    ["[]", "connect parameters must be a JSON object"],
    ["{", "connect parameters must be a JSON object"],
    ['{"token":1}', "connect.token must be a string"],
    [`{"data":${"[".repeat(300)}${"]".repeat(300)}}`, "JSON is nested deeper than 256 levels"],
    [Buffer.from([0xff]), "connect parameters must be UTF-8"],
  ])("that are not accepted are answered with a sentence: %s", (params, sentence) => {
    expect(defaultCodec.decodeConnect(params)).toBe(sentence);
  });
});

describe("one-way messages", () => {
  it("are pushes without the envelope of replies", () => {
    const push = { kind: "unsubscribe", channel: "news", code: 2500, reason: "r" } as const;
    const { oneWay } = defaultCodec;
    expect(`{"push":${oneWay.encodePush(push)}}`).toBe(defaultCodec.encodePush(push));
    const result = { client: "c", version: "v", ping: 25, pong: false };
    expect(oneWay.encodePush({ kind: "connect", result })).toBe(
      '{"connect":{"client":"c","version":"v","ping":25}}',
    );
  });
});
