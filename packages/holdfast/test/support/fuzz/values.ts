/** Values of commands' fields: good ones, ones at the edges, and anything that JSON can say. */
import fc from "fast-check";

const edgeNumbers = [
  0,
  -1,
  1,
  2,
  3,
  7,
  1.5,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  1e308,
];

/** Numbers as a text may have them and `JSON.stringify` does not write them; see `toText`. */
const rawNumbers = ["1e999", "-0", "1.0", "10e-1", "123456789012345678901234567890"];

const oddTexts = [
  "",
  " ",
  "x".repeat(255),
  "x".repeat(256),
  "x".repeat(5000),
  "\ud800",
  "a\udfffb",
  "\u0000",
  "\u2028 \u2029",
  "ünïcödé 🦉",
  "line\nbreak",
  '"quoted"\\',
  "__proto__",
  "constructor",
  "toString",
];

const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

const rawValue = (text: string) => `@raw ${Buffer.from(text).toString("base64")}@`;

export const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.jsonValue({ maxDepth: 3, stringUnit: "binary" }) },
  { weight: 3, arbitrary: fc.constantFrom<unknown>(...edgeNumbers, ...oddTexts, true, false, null, [], {}) },
  { weight: 1, arbitrary: fc.constantFrom(...rawNumbers, nested(100), nested(250)).map(rawValue) },
  {
    weight: 1,
    arbitrary: fc.dictionary(fc.constantFrom(...oddTexts), fc.constantFrom<unknown>(1, "x", null, {}), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  },
);

/** Deeper than the server takes. */
export const tooDeep = fc.constantFrom(260, 5000).map((levels) => rawValue(nested(levels)));

export const number = fc.oneof(
  { weight: 40, arbitrary: fc.nat({ max: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(...edgeNumbers, ...rawNumbers.map(rawValue)) },
);

/** A field that is left out mostly. */
export function rarely(value: fc.Arbitrary<unknown>, oneIn = 6): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
}

export const oddText = fc.oneof(fc.constantFrom(...oddTexts), fc.string({ unit: "binary", maxLength: 20 }));

/** The JSON text of a value, with what only a text can say put in its place. */
export function toText(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return text.replace(/"@raw ([A-Za-z0-9+/=]+)@"/g, (_, raw: string) =>
    Buffer.from(raw, "base64").toString(),
  );
}

const comparisons = ["eq", "neq", "in", "nin", "ex", "nex", "sw", "ew", "ct", "lt", "lte", "gt", "gte", "no"];

/** Filters by tags, of which many are none. */
export const tagsFilter: fc.Arbitrary<unknown> = fc.letrec<{ node: unknown; leaf: unknown; inner: unknown }>(
  (tie) => ({
    node: fc.oneof({ maxDepth: 9 }, tie("leaf"), tie("inner")),
    leaf: fc.record(
      {
        key: fc.constantFrom("side", "price", "__proto__", ""),
        cmp: fc.constantFrom(...comparisons),
        val: fc.constantFrom<unknown>("buy", "1.5", "-0", "1e9", "", 5),
        vals: fc.array(fc.constantFrom("buy", "sell", ""), { maxLength: 3 }),
        op: fc.constantFrom("", "and"),
      },
      { requiredKeys: ["key", "cmp"], noNullPrototype: true },
    ),
    inner: fc.record(
      { op: fc.constantFrom("and", "or", "not", "xor"), nodes: fc.array(tie("node"), { maxLength: 3 }) },
      { noNullPrototype: true },
    ),
  }),
).node;
