import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maxPatternParameters, parsePattern } from "../../src/app/pattern.js";
import { maxChannelNameBytes } from "../../src/wire/names.js";

const parameterNames = Array.from({ length: maxPatternParameters }, (_, i) => `p${i}`);

/** Any pattern that is accepted, with the text between its parameters from a few characters, so that names often fit. */
function patternTexts(literal: fc.Arbitrary<string>, maxParameters: number): fc.Arbitrary<string> {
  const part = fc.record({ literal, takesColons: fc.boolean() });
  return fc
    .record({ head: fc.oneof(fc.constant(""), literal), parts: fc.array(part, { maxLength: maxParameters }) })
    .chain(({ head, parts }) => {
      const texts = parts.map((each, i) => `{${parameterNames[i]}${each.takesColons ? "*" : ""}}`);
      const tail = fc.boolean();
      return tail.map((hasTail) =>
        texts.reduce(
          (text, parameter, i) =>
            text + parameter + (i < texts.length - 1 || hasTail ? parts[i]?.literal : ""),
          head,
        ),
      );
    })
    .filter((text) => text !== "");
}

/** As names were matched before, by backtracking. */
function matchByExpression(text: string, name: string): Record<string, string> | undefined {
  const names: string[] = [];
  const source = text.replace(
    /\{(\w+)(\*?)\}|[.*+?^${}()|[\]\\]/g,
    (found, parameter?: string, rest?: string) => {
      if (parameter === undefined) return `\\${found}`;
      names.push(parameter);
      return rest === "" ? "([^:]+)" : "(.+)";
    },
  );
  const found = new RegExp(`^${source}$`).exec(name);
  return found ? Object.fromEntries(names.map((each, i) => [each, found[i + 1] as string])) : undefined;
}

/** A name that counts how often its characters are looked at, and cannot be handed to anything that does not count. */
class CountedName {
  steps = 0;
  readonly #text: string;
  readonly length: number;

  constructor(text: string) {
    this.#text = text;
    this.length = text.length;
  }

  charCodeAt(at: number): number {
    this.steps++;
    return this.#text.charCodeAt(at);
  }

  startsWith(literal: string, at = 0): boolean {
    this.steps += literal.length;
    return this.#text.startsWith(literal, at);
  }

  endsWith(literal: string): boolean {
    this.steps += literal.length;
    return this.#text.endsWith(literal);
  }

  slice(from: number, to: number): string {
    this.steps += to - from;
    return this.#text.slice(from, to);
  }

  toString(): never {
    throw new Error("the name was taken as a whole");
  }
}

function countSteps(text: string, name: string): number {
  const counted = new CountedName(name);
  parsePattern(text).match(counted as unknown as string);
  return counted.steps;
}

const fewCharacters = fc.stringMatching(/^[a.:-]{1,3}$/);

describe("matching a pattern", () => {
  it("gives what a regular expression gives", () => {
    fc.assert(
      fc.property(patternTexts(fewCharacters, 4), fc.stringMatching(/^[a.:-]{1,12}$/), (text, name) => {
        expect(parsePattern(text).match(name)).toEqual(matchByExpression(text, name));
      }),
      { numRuns: 3000 },
    );
  });

  it("agrees with a regular expression on names that are made from the pattern", () => {
    const value = fc.stringMatching(/^[a.:-]{1,3}$/);
    fc.assert(
      fc.property(
        patternTexts(fewCharacters, 4),
        fc.array(value, { minLength: 4, maxLength: 4 }),
        (text, values) => {
          let at = 0;
          const name = text.replace(/\{\w+\*?\}/g, () => values[at++] as string);
          expect(parsePattern(text).match(name)).toEqual(matchByExpression(text, name));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("looks at no character more often than the pattern is long", () => {
    const literal = fc.oneof(fewCharacters, fc.stringMatching(/^[ -z|~]{1,8}$/));
    const name = fc.oneof(
      fc.stringMatching(/^[ -~]{1,255}$/),
      fc
        .record({ unit: fewCharacters, times: fc.integer({ min: 1, max: 85 }) })
        .map(({ unit, times }) => unit.repeat(times)),
    );
    fc.assert(
      fc.property(patternTexts(literal, maxPatternParameters), name, (text, each) => {
        expect(countSteps(text, each)).toBeLessThanOrEqual((text.length + 3) * each.length);
      }),
      { numRuns: 1000 },
    );
  });

  it("takes twice the steps for a name twice as long, where every way to cut it fails", () => {
    const text = `${parameterNames.map((name) => `{${name}}`).join(".")}!`;
    const stepsFor = (length: number) => countSteps(text, `${".".repeat(length)}!`);
    expect(stepsFor(200) / stepsFor(100)).toBeLessThan(2.1);
    expect(stepsFor(200)).toBeLessThan(200 * text.length);
  });

  it("knows no name that is longer than a channel's may be", () => {
    const { match } = parsePattern("{all*}");
    expect(match("x".repeat(maxChannelNameBytes))).toEqual({ all: "x".repeat(maxChannelNameBytes) });
    expect(match("x".repeat(maxChannelNameBytes + 1))).toBeUndefined();
  });

  it.each([
    ["{a}.{b}", "1.2.3", { a: "1.2", b: "3" }],
    ["{a}.{b*}", "x.y:z.w", { a: "x", b: "y:z.w" }],
    ["{a*}:{b}", "1:2:3", { a: "1:2", b: "3" }],
    ["{a}--{b}", "1---2", { a: "1-", b: "2" }],
  ])("lets the parameter on the left take the most: %s of %s", (text, name, params) => {
    expect(parsePattern(text).match(name)).toEqual(params);
  });

  it("refuses a pattern with more parameters than are accepted", () => {
    const text = [...parameterNames, "more"].map((name) => `{${name}}`).join(".");
    expect(() => parsePattern(text)).toThrow("has 17 parameters; at most 16 are allowed");
  });
});
