/**
 * Finds the parameters of a pattern in a channel's name, which its client chose. The number of steps is at most the name's
 * length times the pattern's, whatever both are; a regular expression would try every way to cut the name.
 */
import { maxChannelNameBytes } from "../wire/names.js";

/** Text, or a parameter. Two parameters never stand side by side. */
export type PatternPart =
  | { readonly literal: string }
  /** One or more characters; without `takesColons`, none of them a colon. */
  | { readonly name: string; readonly takesColons: boolean };

/** By place in the name: where a part ends if it begins there and what follows it fits too, or `noEnd`. */
type Ends = Int16Array;

const colon = 0x3a;
const noEnd = -1;

/**
 * @returns the values of the parameters in their order, or undefined where the name is of another pattern. Where a name
 * can be cut in several ways, each parameter, from the left, takes as much as leaves something for those after it.
 */
export function matchParts(parts: readonly PatternPart[], name: string): readonly string[] | undefined {
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

/** Most names are told apart by this. */
function fitsAtBothEnds(parts: readonly PatternPart[], name: string): boolean {
  const [first, last] = [parts[0], parts.at(-1)];
  if (first && "literal" in first && !name.startsWith(first.literal)) return false;
  return !(last && "literal" in last) || name.endsWith(last.literal);
}

/** @param next of the part that follows, or of the name's end */
function findEnds(part: PatternPart, name: string, next: Ends): Ends {
  const ends = new Int16Array(name.length + 1).fill(noEnd);
  for (let at = name.length - 1; at >= 0; at--) {
    if ("literal" in part) {
      const end = at + part.literal.length;
      if ((next[end] ?? noEnd) !== noEnd && name.startsWith(part.literal, at)) ends[at] = end;
    } else if (part.takesColons || name.charCodeAt(at) !== colon) {
      const longer = ends[at + 1] as number;
      ends[at] = longer === noEnd && next[at + 1] !== noEnd ? at + 1 : longer;
    }
  }
  return ends;
}
