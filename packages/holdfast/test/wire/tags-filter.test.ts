import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  maxFilterCharacters,
  maxFilterDepth,
  maxFilterNodes,
  maxFilterValues,
  parseTagsFilter,
  type TagsFilter,
} from "../../src/wire/tags-filter.js";

type Tags = Record<string, string>;

function filterOf(value: unknown): TagsFilter {
  const filter = parseTagsFilter(value);
  if (typeof filter === "string") throw new Error(filter);
  return filter;
}

function passes(value: unknown, tags: Tags | undefined): boolean {
  return filterOf(value).passes(tags);
}

const isRed = { key: "color", cmp: "eq", val: "red" };
const isBig = { key: "size", cmp: "gt", val: "10" };

/** A chain of `not` with so many levels, the comparison counted. */
function nested(levels: number): unknown {
  return levels === 1 ? isRed : { op: "not", nodes: [nested(levels - 1)] };
}

describe("comparison", () => {
  it.each([
    ["eq", { val: "red" }, "red", true],
    ["eq", { val: "red" }, "Red", false],
    ["eq", { val: "1" }, "1.0", false],
    ["neq", { val: "red" }, "blue", true],
    ["neq", { val: "red" }, "red", false],
    ["in", { vals: ["red", "blue"] }, "blue", true],
    ["in", { vals: ["red", "blue"] }, "green", false],
    ["in", { vals: ["", "blue"] }, "", true],
    ["nin", { vals: ["red", "blue"] }, "green", true],
    ["nin", { vals: ["red", "blue"] }, "red", false],
    ["ex", {}, "", true],
    ["ex", {}, "red", true],
    ["nex", {}, "", false],
    ["nex", {}, "red", false],
    ["sw", { val: "re" }, "red", true],
    ["sw", { val: "ed" }, "red", false],
    ["ew", { val: "ed" }, "red", true],
    ["ew", { val: "re" }, "red", false],
    ["ct", { val: "e" }, "red", true],
    ["ct", { val: "E" }, "red", false],
    ["lt", { val: "10" }, "9.99", true],
    ["lt", { val: "10" }, "10.0", false],
    ["lte", { val: "10" }, "10.0", true],
    ["lte", { val: "10" }, "10.01", false],
    ["gt", { val: "-10" }, "-9", true],
    ["gt", { val: "-10" }, "-10", false],
    ["gte", { val: "-10" }, "-10", true],
    ["gte", { val: "-10" }, "-11", false],
    ["gt", { val: "9007199254740992" }, "9007199254740993", true],
  ])("%s %j of the tag %j is %s", (cmp, operand, tag, expected) => {
    expect(passes({ key: "color", cmp, ...operand }, { color: tag, other: "red" })).toBe(expected);
  });

  it.each([
    ["eq", { val: "red" }, false],
    ["neq", { val: "red" }, true],
    ["in", { vals: ["red"] }, false],
    ["nin", { vals: ["red"] }, true],
    ["ex", {}, false],
    ["nex", {}, true],
    ["sw", { val: "r" }, false],
    ["ew", { val: "r" }, false],
    ["ct", { val: "r" }, false],
    ["lt", { val: "1" }, false],
    ["lte", { val: "1" }, false],
    ["gt", { val: "-1" }, false],
    ["gte", { val: "0" }, false],
  ])("%s %j of a missing tag is %s", (cmp, operand, expected) => {
    for (const tags of [{}, { other: "red" }, undefined])
      expect(passes({ key: "color", cmp, ...operand }, tags)).toBe(expected);
  });

  it.each(["lt", "lte", "gt", "gte"])("%s is false for what is no plain decimal, on either side", (cmp) => {
    for (const text of ["", "0x10", "1e999", "1e3", " 1", "ten", "NaN", "Infinity"]) {
      expect(passes({ key: "size", cmp, val: "5" }, { size: text })).toBe(false);
      if (text !== "") expect(passes({ key: "size", cmp, val: text }, { size: "5" })).toBe(false);
    }
  });

  it.each(["constructor", "toString", "__proto__"])("takes %s for a tag only where there is one", (key) => {
    expect(passes({ key, cmp: "ex" }, {})).toBe(false);
    expect(passes({ key, cmp: "ex" }, JSON.parse(`{"${key}":"1"}`))).toBe(true);
    expect(passes({ key, cmp: "neq", val: "1" }, JSON.parse(`{"${key}":"1"}`))).toBe(false);
  });
});

describe("joined comparisons", () => {
  it.each([
    ["red", "11", true, true],
    ["red", "9", false, true],
    ["blue", "11", false, true],
    ["blue", "9", false, false],
  ])("of %s and %s pass together %s, either %s", (color, size, both, either) => {
    const tags = { color, size };
    expect(passes({ op: "and", nodes: [isRed, isBig] }, tags)).toBe(both);
    expect(passes({ op: "or", nodes: [isRed, isBig] }, tags)).toBe(either);
    expect(passes({ op: "not", nodes: [{ op: "and", nodes: [isRed, isBig] }] }, tags)).toBe(!both);
    expect(passes({ op: "not", nodes: [{ op: "or", nodes: [isRed, isBig] }] }, tags)).toBe(!either);
  });

  it("may be one, with and or or", () => {
    for (const op of ["and", "or"]) {
      expect(passes({ op, nodes: [isRed] }, { color: "red" })).toBe(true);
      expect(passes({ op, nodes: [isRed] }, undefined)).toBe(false);
    }
  });
});

describe("filter", () => {
  const values = "eq, neq, sw, ew, ct, lt, lte, gt, gte, in, nin, ex, nex";

  it.each([
    [null, "tf must be an object with key and cmp, or op and nodes"],
    ["color=red", "tf must be an object with key and cmp, or op and nodes"],
    [[isRed], "tf must be an object with key and cmp, or op and nodes"],
    [{}, `tf.cmp must be one of ${values}`],
    [{ key: "a", cmp: "is" }, `tf.cmp must be one of ${values}`],
    [{ key: "a", cmp: "constructor" }, `tf.cmp must be one of ${values}`],
    [{ cmp: "ex" }, "tf.key must be a string"],
    [{ key: "", cmp: "ex" }, "tf.key must have 1 to 256 characters, not 0"],
    [{ key: "a", cmp: "eq" }, "tf.val must be a string"],
    [{ key: "a", cmp: "eq", val: null }, "tf.val must be a string"],
    [{ key: "a", cmp: "gt", val: 5 }, "tf.val must be a string"],
    [{ key: "a", cmp: "lte", val: "" }, "tf.val must have 1 to 256 characters, not 0"],
    [{ key: "a", cmp: "eq", val: "b", vals: ["c"] }, "tf.vals must be omitted if cmp is eq"],
    [{ key: "a", cmp: "in" }, "tf.vals must be an array of at least one string"],
    [{ key: "a", cmp: "in", vals: [] }, "tf.vals must be an array of at least one string"],
    [{ key: "a", cmp: "nin", vals: "b" }, "tf.vals must be an array of at least one string"],
    [{ key: "a", cmp: "in", vals: ["b", 1] }, "tf.vals[1] must be a string"],
    [{ key: "a", cmp: "in", vals: ["b"], val: "b" }, "tf.val must be omitted if cmp is in"],
    [{ key: "a", cmp: "ex", val: "b" }, "tf.val must be omitted if cmp is ex"],
    [{ key: "a", cmp: "nex", vals: ["b"] }, "tf.vals must be omitted if cmp is nex"],
    [{ op: "xor", nodes: [isRed] }, "tf.op must be one of and, or, not"],
    [{ op: 1, nodes: [isRed] }, "tf.op must be one of and, or, not"],
    [{ op: "and" }, "tf.nodes must be an array of nodes"],
    [{ op: "or", nodes: [] }, "tf.nodes must be an array of nodes"],
    [{ op: "or", nodes: { 0: isRed } }, "tf.nodes must be an array of nodes"],
    [{ op: "not", nodes: [] }, "tf.nodes must be an array of one node"],
    [{ op: "not", nodes: [isRed, isBig] }, "tf.nodes must be an array of one node"],
    [{ op: "and", nodes: [isRed, 7] }, "tf.nodes[1] must be an object with key and cmp, or op and nodes"],
    [
      { op: "and", nodes: [isRed, { op: "not", nodes: [{ key: "a", cmp: "=" }] }] },
      `tf.nodes[1].nodes[0].cmp must be one of ${values}`,
    ],
  ])("is refused as %j", (value, message) => {
    expect(parseTagsFilter(value)).toBe(message);
  });

  it("has a bounded number of levels", () => {
    expect(filterOf(nested(maxFilterDepth)).passes({ color: "red" })).toBe(false);
    expect(parseTagsFilter(nested(maxFilterDepth + 1))).toBe(
      `tf may be up to 8 levels deep, and tf${".nodes[0]".repeat(8)} is deeper`,
    );
  });

  it("has a bounded number of nodes, all levels together", () => {
    const list = (count: number) => ({ op: "or", nodes: new Array(count).fill(isRed) });
    expect(parseTagsFilter(list(maxFilterNodes - 1))).toBeTypeOf("object");
    expect(parseTagsFilter(list(maxFilterNodes))).toBe("tf may have up to 64 nodes");
    // Three nodes that join, and all but three of the others.
    expect(parseTagsFilter({ op: "and", nodes: [list(31), list(30)] })).toBeTypeOf("object");
    expect(parseTagsFilter({ op: "and", nodes: [list(31), list(31)] })).toContain("64 nodes");
  });

  it("has a bounded number of values in a comparison", () => {
    const ofValues = (count: number) => ({ key: "a", cmp: "in", vals: new Array(count).fill("b") });
    expect(parseTagsFilter(ofValues(maxFilterValues))).toBeTypeOf("object");
    expect(parseTagsFilter(ofValues(maxFilterValues + 1))).toBe("tf.vals may have 64 strings, not 65");
  });

  it("has keys and values of bounded length", () => {
    const most = "x".repeat(maxFilterCharacters);
    expect(parseTagsFilter({ key: most, cmp: "eq", val: most })).toBeTypeOf("object");
    expect(parseTagsFilter({ key: most, cmp: "in", vals: [most] })).toBeTypeOf("object");
    const fault = (name: string, least: number) => `tf.${name} must have ${least} to 256 characters, not 257`;
    expect(parseTagsFilter({ key: `${most}x`, cmp: "ex" })).toBe(fault("key", 1));
    expect(parseTagsFilter({ key: "a", cmp: "eq", val: `${most}x` })).toBe(fault("val", 1));
    expect(parseTagsFilter({ key: "a", cmp: "in", vals: [`${most}x`] })).toBe(fault("vals[0]", 0));
  });

  it("may have fields that are empty or null in place of left out", () => {
    expect(filterOf({ op: "", ...isRed, vals: [], nodes: null }).key).toBe(filterOf(isRed).key);
    expect(filterOf({ op: null, key: "a", cmp: "in", val: "", vals: ["b"] }).key).toBe(
      filterOf({ key: "a", cmp: "in", vals: ["b"] }).key,
    );
    expect(filterOf({ key: "a", cmp: "ex", val: "", vals: [] }).key).toBe(
      filterOf({ key: "a", cmp: "ex" }).key,
    );
  });
});

describe("filter's key", () => {
  it("is the same whatever the order of fields and values, and what else there is", () => {
    const one = { op: "and", nodes: [isRed, { key: "a", cmp: "in", vals: ["x", "y"] }] };
    const other = {
      nodes: [
        { val: "red", cmp: "eq", key: "color" },
        { vals: ["y", "x", "y"], key: "a", cmp: "in", comment: "any" },
      ],
      op: "and",
      key: "unused",
    };
    expect(filterOf(other).key).toBe(filterOf(one).key);
  });

  it.each([
    [isRed, { ...isRed, cmp: "neq" }],
    [isRed, { ...isRed, key: "colour" }],
    [isRed, { ...isRed, val: "rot" }],
    [isRed, { op: "not", nodes: [isRed] }],
    [
      { op: "and", nodes: [isRed, isBig] },
      { op: "or", nodes: [isRed, isBig] },
    ],
    [
      { key: "a", cmp: "in", vals: ["x", "y"] },
      { key: "a", cmp: "in", vals: ["x,y"] },
    ],
  ])("tells %j from %j", (one, other) => {
    expect(filterOf(one).key).not.toBe(filterOf(other).key);
  });
});

describe("any value as a filter", () => {
  const name = fc.oneof(fc.constantFrom("color", "size", "__proto__", ""), fc.string({ unit: "binary" }));
  const tagValue = fc.oneof(fc.constantFrom("red", "10", "-1.5", "1e999", ""), fc.string());
  const { node } = fc.letrec((tie) => ({
    node: fc.oneof({ maxDepth: 4 }, tie("leaf"), tie("inner")),
    leaf: fc.record(
      {
        key: name,
        cmp: fc.constantFrom(
          "eq",
          "neq",
          "in",
          "nin",
          "ex",
          "nex",
          "sw",
          "ew",
          "ct",
          "lt",
          "lte",
          "gt",
          "gte",
          "is",
        ),
        val: tagValue,
        vals: fc.array(tagValue, { maxLength: 3 }),
      },
      { requiredKeys: ["key", "cmp"] },
    ),
    inner: fc.record({
      op: fc.constantFrom("and", "or", "not"),
      nodes: fc.array(tie("node"), { maxLength: 3 }),
    }),
  }));
  const tags = fc.option(fc.dictionary(name, tagValue), { nil: undefined });

  it("is a filter or a sentence, and never throws", () => {
    const any = fc.oneof(fc.jsonValue(), fc.anything(), node);
    fc.assert(
      fc.property(any, tags, (value, some) => {
        const filter = parseTagsFilter(value);
        if (typeof filter === "string") expect(filter).toMatch(/^tf.*[^.]$/);
        else expect(filter.passes(some)).toBeTypeOf("boolean");
      }),
      { numRuns: 2000 },
    );
  });

  it("has a key that is a filter with the same key and the same answers", () => {
    let accepted = 0;
    fc.assert(
      fc.property(node, tags, (value, some) => {
        const filter = parseTagsFilter(value);
        if (typeof filter === "string") return;
        accepted++;
        const again = filterOf(JSON.parse(filter.key));
        expect(again.key).toBe(filter.key);
        expect(again.passes(some)).toBe(filter.passes(some));
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
