import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countMembers,
  elementTexts,
  isBinary,
  memberTexts,
  parsePayload,
  payloadBytes,
  payloadMember,
  payloadMemory,
  payloadSize,
  payloadText,
  textAt,
  trimJson,
} from "../../src/wire/payload.js";
import { fuzzRuns } from "../support/fuzz/seed.js";
import { jsonTexts, preciousTexts } from "../support/json-texts.js";

type Members = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function withoutLineBreaks(text: string): string {
  return text.replace(/[\r\n]/g, "");
}

describe("payload of text", () => {
  const text = '{"name":"Ä"}';

  it("is JSON as it stands, and its bytes are UTF-8", () => {
    expect([isBinary(text), payloadText(text), parsePayload(text)]).toEqual([false, text, { name: "Ä" }]);
    expect(payloadBytes(text)).toEqual(new Uint8Array(Buffer.from(text)));
    expect(payloadMember(text, "name")).toBe('"Ä"');
  });

  it("counts its characters, of two bytes in memory", () => {
    expect([payloadSize(text), payloadMemory(text)]).toEqual([12, 24]);
  });
});

describe("payload of bytes", () => {
  const bytes = new TextEncoder().encode('{"name":"Ä"}');

  it("is never parsed, and stays the same object", () => {
    expect([isBinary(bytes), parsePayload(bytes) === bytes, payloadBytes(bytes) === bytes]).toEqual(
      Array(3).fill(true),
    );
    expect(payloadMember(bytes, "name")).toBeUndefined();
  });

  it("counts its bytes", () => {
    expect([payloadSize(bytes), payloadMemory(bytes)]).toEqual([13, 13]);
  });

  it("is a string in base64 in JSON, however large", () => {
    const sizes = fc.oneof(fc.nat(20), fc.constantFrom(8191, 8192, 8193, 65_536, 1_000_000));
    const property = fc.property(sizes, fc.nat(255), (size, first) => {
      const data = Uint8Array.from({ length: size }, (_, i) => (first + i * 7) >> (i & 7));
      expect(payloadText(data)).toBe(`"${Buffer.from(data).toString("base64")}"`);
    });
    fc.assert(property, fuzzRuns(30));
  });
});

describe("text of a member", () => {
  it.each(Object.entries(preciousTexts))("is as it came: %s", (_, text) => {
    expect(textAt(`{"a":0,"data":${text},"z":{"data":1}}`, ["data"])).toBe(text);
    expect(textAt(` { "publish" : {"channel":"c","data": ${text} } ,"id":1}`, ["publish", "data"])).toBe(
      text,
    );
    expect(trimJson(`\r\n ${text}\t\n`)).toBe(text);
  });

  it.each([
    ['{"data":1,"data":2}', "2"],
    ['{"d\\u0061ta":1}', "1"],
    ['{"data":1,"d\\u0061ta":{"x":1}}', '{"x":1}'],
    ['{"x":{"data":1}}', undefined],
    ['{"x":"\\"data\\":1"}', undefined],
    ["{}", undefined],
    ["[]", undefined],
    ['"data"', undefined],
    ['{"data":"\\\\"}', '"\\\\"'],
    ['{"data":"\\\\\\"","b":1}', '"\\\\\\""'],
  ])("of %s is %s", (text, data) => {
    expect(textAt(text, ["data"])).toBe(data);
  });

  it("is that of the last member of a name all the way down", () => {
    expect(textAt('{"a":{"b":1},"a":{"c":2}}', ["a", "b"])).toBeUndefined();
    expect(textAt('{"a":{"b":1},"a":7}', ["a", "b"])).toBeUndefined();
    expect(textAt('{"a":7,"a":{"b":1}}', ["a", "b"])).toBe("1");
  });

  it("has no line breaks, and what stands in strings is left alone", () => {
    expect(textAt('{"data":{\n"a":\r\n[1,\n\n2],"b":"\\n"}}', ["data"])).toBe('{"a":[1,2],"b":"\\n"}');
  });

  it("says the same as the parsed value, whatever the text", () => {
    fc.assert(
      fc.property(jsonTexts, (text) => {
        const value: unknown = JSON.parse(text);
        expect(JSON.parse(trimJson(text))).toEqual(value);
        const members = isObject(value) ? Object.entries(value) : [];
        const texts = memberTexts(text);
        expect([...texts.keys()].sort()).toEqual(members.map(([name]) => name).sort());
        for (const [name, each] of members) {
          expect(JSON.parse(texts.get(name) as string)).toEqual(each);
          expect(textAt(text, [name])).toBe(texts.get(name));
          for (const [inner, innermost] of isObject(each) ? Object.entries(each) : [])
            expect(JSON.parse(textAt(text, [name, inner]) as string)).toEqual(innermost);
        }
        const elements: readonly unknown[] = Array.isArray(value) ? value : [];
        expect(elementTexts(text).map((each) => JSON.parse(each))).toEqual(elements);
      }),
      { numRuns: 2000 },
    );
  });

  it("stands in the text that it came in, but for line breaks", () => {
    fc.assert(
      fc.property(jsonTexts, (text) => {
        for (const each of [...memberTexts(text).values(), ...elementTexts(text), trimJson(text)]) {
          expect(withoutLineBreaks(text)).toContain(each);
          expect(each).toBe(each.trim());
        }
      }),
    );
  });

  it("ends with any text, also with one that is not JSON", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[{}[\]",:\\ a1]{0,20}$/)), (text) => {
        elementTexts(text);
        trimJson(text);
        countMembers(text);
        try {
          textAt(text, ["a", "b"]);
          memberTexts(text);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("members of a text", () => {
  it.each([
    ["1", 0],
    ['{"a":":"}', 1],
    ['{"a":1,"a":2}', 2],
    ['[{"a":{"b":1}},{"c":[]}]', 3],
  ])("of %s are %i", (text, count) => {
    expect(countMembers(text)).toBe(count);
  });
});
