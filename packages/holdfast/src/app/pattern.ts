/**
 * Patterns of channel names: text with parameters in braces. `{room}` stands for one or more characters other than a
 * colon, `{path*}` for any. Where several patterns match a name, the most specific counts; where one pattern cuts a name
 * in several ways, the parameter farther to the left takes as much as it can: `{a}.{b}` of `1.2.3` is `1.2` and `3`.
 */
import { HoldfastError } from "../errors.js";
import { findChannelNameFault } from "../wire/names.js";
import { matchParts, type PatternPart } from "./pattern-matcher.js";

export type Params = Readonly<Record<string, string>>;

export interface Pattern {
  readonly text: string;
  readonly names: readonly string[];
  /** @returns the parameters, or undefined where the name is of another pattern */
  match(channel: string): Params | undefined;
}

/** Of one pattern: the time to match a name grows with them. */
export const maxPatternParameters = 16;

const parameter = /\{([A-Za-z_][A-Za-z0-9_]*)(\*?)\}/g;

/** @throws HF_OPTION_INVALID where it is no pattern */
export function parsePattern(text: string): Pattern {
  const parts = split(text);
  const fault = findFault(text, parts);
  if (fault !== undefined)
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `the channel pattern ${JSON.stringify(text)} ${fault}; accepted is text with parameters, such as chat:{room}`,
      { details: { option: "channels", pattern: text } },
    );
  const names = namesOf(parts);
  return {
    text,
    names,
    match(channel) {
      const values = matchParts(parts, channel);
      return values && Object.fromEntries(names.map((name, i) => [name, values[i] as string]));
    },
  };
}

/** The most specific first: literal text goes before a parameter, and a parameter before one that takes anything. */
export function sortPatterns<T extends { readonly pattern: Pattern }>(entries: readonly T[]): T[] {
  const ranked = entries.map((entry) => ({ entry, rank: rankOf(entry.pattern.text) }));
  return ranked.sort((a, b) => compare(a.rank, b.rank)).map(({ entry }) => entry);
}

/** A channel's name for parameters. @throws HF_OPTION_INVALID where one is missing or not accepted */
export function formatChannel(text: string, params: Params): string {
  const refuse = (fault: string): never => {
    throw new HoldfastError("HF_OPTION_INVALID", `the channel ${text} ${fault}`, {
      details: { pattern: text },
    });
  };
  const channel = text.replace(parameter, (_, name: string, rest: string) => {
    const value: unknown = params[name];
    if (typeof value !== "string" || value === "") return refuse(`needs a text for its parameter ${name}`);
    if (rest === "" && value.includes(":")) return refuse(`takes no colon in its parameter ${name}`);
    return value;
  });
  const fault = findChannelNameFault(channel);
  return fault === undefined ? channel : refuse(`is not accepted: ${fault}`);
}

function split(text: string): PatternPart[] {
  const parts: PatternPart[] = [];
  let at = 0;
  for (const found of text.matchAll(parameter)) {
    if (found.index > at) parts.push({ literal: text.slice(at, found.index) });
    parts.push({ name: found[1] as string, takesColons: found[2] === "*" });
    at = found.index + found[0].length;
  }
  if (at < text.length) parts.push({ literal: text.slice(at) });
  return parts;
}

function findFault(text: string, parts: readonly PatternPart[]): string | undefined {
  if (text === "") return "is empty";
  const names = namesOf(parts);
  if (names.length > maxPatternParameters)
    return `has ${names.length} parameters, and ${maxPatternParameters} are accepted`;
  if (new Set(names).size < names.length) return "has two parameters of one name";
  if (parts.some((part, i) => "name" in part && "name" in (parts[i + 1] ?? {})))
    return "has two parameters with nothing between them";
  const literals = parts.flatMap((part) => ("literal" in part ? [part.literal] : []));
  if (literals.some((literal) => /[{}]/.test(literal))) return "has a brace that is no parameter's";
  return literals.length > 0
    ? findChannelNameFault(literals.join("")) && "has text that no channel may have"
    : undefined;
}

function namesOf(parts: readonly PatternPart[]): readonly string[] {
  return parts.flatMap((part) => ("name" in part ? [part.name] : []));
}

/** A number for each character or parameter: less is more specific. */
function rankOf(text: string): number[] {
  return split(text).flatMap((part) =>
    "literal" in part ? Array.from(part.literal, () => 0) : [part.takesColons ? 2 : 1],
  );
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 3) - (b[i] ?? 3);
    if (difference !== 0) return difference;
  }
  return 0;
}
