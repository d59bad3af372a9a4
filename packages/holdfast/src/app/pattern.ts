/**
 * Patterns of channel names: text with parameters in braces. `{room}` matches one or more characters other than a colon,
 * `{path*}` any. If several patterns match a name, the most specific wins. If a pattern matches a name in several ways,
 * parameters are greedy from the left: `{a}.{b}` of `1.2.3` is `1.2` and `3`. Runs in browsers, too.
 */
import { HoldfastError } from "../errors.js";
import { findChannelNameFault, maxChannelNameBytes } from "../wire/names.js";

export type Params = Readonly<Record<string, string>>;

export interface Pattern {
  readonly text: string;
  readonly names: readonly string[];
  /** @returns the parameters, or undefined if the name does not match */
  match(channel: string): Params | undefined;
}

/** Bounds the time to match a name. */
export const maxPatternParameters = 16;

/** Text, or a parameter. Two parameters are never adjacent. */
type PatternPart =
  | { readonly literal: string }
  /** One or more characters; without `allowsColons`, none of them a colon. */
  | { readonly name: string; readonly allowsColons: boolean };

/** For each index of the name: where a part that begins there ends, if the rest of the pattern matches after it; else `noEnd`. */
type Ends = Int16Array;

const colon = 0x3a;
const noEnd = -1;

const parameter = /\{([A-Za-z_][A-Za-z0-9_]*)(\*?)\}/g;

/** @throws HF_OPTION_INVALID if the text is not a pattern */
export function parsePattern(text: string): Pattern {
  const parts = split(text);
  const fault = findFault(text, parts);
  if (fault !== undefined)
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `the channel pattern ${JSON.stringify(text)} ${fault}; a pattern is text with parameters in braces, such as chat:{room}`,
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

/** The most specific first: text before `{name}`, and `{name}` before `{name*}`. */
export function sortPatterns<T extends { readonly pattern: Pattern }>(entries: readonly T[]): T[] {
  const ranked = entries.map((entry) => ({ entry, rank: rankOf(entry.pattern.text) }));
  return ranked.sort((a, b) => compare(a.rank, b.rank)).map(({ entry }) => entry);
}

/** The name of a channel, from its pattern and parameters. @throws HF_OPTION_INVALID if a parameter is missing or invalid */
export function formatChannel(text: string, params: Params): string {
  const refuse = (fault: string): never => {
    throw new HoldfastError("HF_OPTION_INVALID", `the channel ${text} ${fault}`, {
      details: { pattern: text },
    });
  };
  const channel = text.replace(parameter, (_, name: string, rest: string) => {
    const value: unknown = params[name];
    if (typeof value !== "string" || value === "")
      return refuse(`needs a non-empty string for the parameter ${name}`);
    if (rest === "" && value.includes(":")) return refuse(`does not allow a colon in the parameter ${name}`);
    return value;
  });
  const fault = findChannelNameFault(channel);
  return fault === undefined ? channel : refuse(`has an invalid name: ${fault}`);
}

function split(text: string): PatternPart[] {
  const parts: PatternPart[] = [];
  let at = 0;
  for (const found of text.matchAll(parameter)) {
    if (found.index > at) parts.push({ literal: text.slice(at, found.index) });
    parts.push({ name: found[1] as string, allowsColons: found[2] === "*" });
    at = found.index + found[0].length;
  }
  if (at < text.length) parts.push({ literal: text.slice(at) });
  return parts;
}

function findFault(text: string, parts: readonly PatternPart[]): string | undefined {
  if (text === "") return "is empty";
  const names = namesOf(parts);
  if (names.length > maxPatternParameters)
    return `has ${names.length} parameters; at most ${maxPatternParameters} are allowed`;
  if (new Set(names).size < names.length) return "has two parameters with the same name";
  if (parts.some((part, i) => "name" in part && "name" in (parts[i + 1] ?? {})))
    return "has two parameters without text between them";
  const literals = parts.flatMap((part) => ("literal" in part ? [part.literal] : []));
  if (literals.some((literal) => /[{}]/.test(literal))) return "has an unmatched brace";
  return literals.length > 0
    ? findChannelNameFault(literals.join("")) && "has text that channel names cannot contain"
    : undefined;
}

function namesOf(parts: readonly PatternPart[]): readonly string[] {
  return parts.flatMap((part) => ("name" in part ? [part.name] : []));
}

/** A number for each character or parameter; lower is more specific. */
function rankOf(text: string): number[] {
  return split(text).flatMap((part) =>
    "literal" in part ? Array.from(part.literal, () => 0) : [part.allowsColons ? 2 : 1],
  );
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 3) - (b[i] ?? 3);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Names come from clients, so matching must be cheap whatever they are: at most the length of the name times that of the pattern,
 * where a regular expression could backtrack exponentially.
 * @returns the values of the parameters in order, or undefined if the name does not match
 */
function matchParts(parts: readonly PatternPart[], name: string): readonly string[] | undefined {
  if (name.length > maxChannelNameBytes || !fitsAtBothEnds(parts, name)) return undefined;
  const ends: Ends[] = new Array(parts.length + 1);
  const end = new Int16Array(name.length + 1).fill(noEnd);
  end[name.length] = name.length;
  ends[parts.length] = end;
  for (let i = parts.length - 1; i >= 0; i--)
    ends[i] = findEnds(parts[i] as PatternPart, name, ends[i + 1] as Ends);
  const values: string[] = [];
  let at = 0;
  for (const [i, part] of parts.entries()) {
    const next = ends[i]?.[at] ?? noEnd;
    if (next === noEnd) return undefined;
    if ("name" in part) values.push(name.slice(at, next));
    at = next;
  }
  return at === name.length ? values : undefined;
}

/** Rejects most names at little cost. */
function fitsAtBothEnds(parts: readonly PatternPart[], name: string): boolean {
  const [first, last] = [parts[0], parts.at(-1)];
  if (first && "literal" in first && !name.startsWith(first.literal)) return false;
  return !(last && "literal" in last) || name.endsWith(last.literal);
}

/** @param next the ends of the following part, or of the end of the name */
function findEnds(part: PatternPart, name: string, next: Ends): Ends {
  const ends = new Int16Array(name.length + 1).fill(noEnd);
  for (let at = name.length - 1; at >= 0; at--) {
    if ("literal" in part) {
      const end = at + part.literal.length;
      if ((next[end] ?? noEnd) !== noEnd && name.startsWith(part.literal, at)) ends[at] = end;
    } else if (part.allowsColons || name.charCodeAt(at) !== colon) {
      const longer = ends[at + 1] as number;
      ends[at] = longer === noEnd && next[at + 1] !== noEnd ? at + 1 : longer;
    }
  }
  return ends;
}
