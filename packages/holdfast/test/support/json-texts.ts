/** JSON as other programs write it, which `JSON.stringify` would write otherwise. */
import fc from "fast-check";

/** Values that JavaScript's own numbers and objects do not give back as they came. */
export const preciousTexts: Readonly<Record<string, string>> = {
  "an id of 64 bits": '{"id":1234567890123456789}',
  "the largest integers": "[9223372036854775807,18446744073709551615]",
  "decimals and exponents": '{"amount":1.10,"e":1e400,"small":1E-400}',
  "keys like integers": '{"10":"a","9":"b","z":1,"a":2}',
  "a name twice": '{"a":1,"a":2}',
  "minus zero": "-0",
  "names of objects' own": '{"__proto__":{"x":1},"constructor":1}',
  escapes: String.raw`"\u0041\/\ud800\u0000"`,
  space: '{ "a" : [ 1 , 2 ] }',
  "separators of lines": '"\u2028\u2029"',
};

const space = fc.stringMatching(/^[ \t\n\r]{0,3}$/);
const character = fc.oneof(
  fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 1 })
    .map((text) => JSON.stringify(text).slice(1, -1)),
  fc.constantFrom('\\"', "\\\\", "\\/", "\\n", "\\u0061", "\\ud83d\\ude00", "{", "}", "[", "]", ",", ":"),
);
const string = fc.array(character, { maxLength: 5 }).map((parts) => `"${parts.join("")}"`);
const scalar = fc.oneof(
  string,
  fc.constantFrom("null", "true", "false", "0", "-0", "1e400", "1.10", "1234567890123456789"),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
);
/** Few, so that some stand twice. */
const name = fc.oneof(fc.constantFrom('"data"', '"d\\u0061ta"', '"a"', '"b"', '"__proto__"', '""'), string);

/** Any JSON text, with space wherever it may be, names that stand twice, and escapes. */
export const jsonTexts: fc.Arbitrary<string> = fc.letrec<{ value: string; spaced: string }>((tie) => ({
  spaced: fc.tuple(space, tie("value"), space).map((parts) => parts.join("")),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc
      .array(tie("spaced"), { maxLength: 4 })
      .map((elements) => `[${elements.length > 0 ? elements.join(",") : " "}]`),
    fc
      .array(fc.tuple(space, name, space, tie("spaced")), { maxLength: 5 })
      .map((members) => `{${members.map(([a, key, b, value]) => `${a}${key}${b}:${value}`).join(",")}}`),
  ),
})).spaced;
