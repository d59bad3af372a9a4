/**
 * Tags filters: a tree of comparisons in the subscribe command selects publications by their tags. Parses and compiles it;
 * where it is applied, and who may use one, is decided elsewhere.
 */

/** Nesting levels of a filter, the outermost included. */
export const maxFilterDepth = 8;

/** Comparisons and the operators that join them. */
export const maxFilterNodes = 64;

/** Values of one comparison. */
export const maxFilterValues = 64;

/** Characters of a key, and of each value. */
export const maxFilterCharacters = 256;

export interface TagsFilter {
  /** Equal for equivalent filters, so that their readers share bytes. */
  readonly key: string;
  /** Most comparisons that it makes; one of decimals counts as several. */
  readonly weight: number;
  passes(tags: Readonly<Record<string, string>> | undefined): boolean;
}

const operators = ["and", "or", "not"] as const;
const comparisonsWithValue = ["eq", "neq", "sw", "ew", "ct", "lt", "lte", "gt", "gte"] as const;
const comparisonsWithValues = ["in", "nin"] as const;
const comparisonsOfPresence = ["ex", "nex"] as const;
const comparisons = [...comparisonsWithValue, ...comparisonsWithValues, ...comparisonsOfPresence] as const;

const decimalComparisons: ReadonlySet<string> = new Set(["lt", "lte", "gt", "gte"]);

/** A node of a filter. Its fields are always in the same order, since the filter's key is its JSON. */
type Node =
  | { readonly key: string; readonly cmp: (typeof comparisonsWithValue)[number]; readonly val: string }
  | { readonly key: string; readonly cmp: (typeof comparisonsWithValues)[number]; readonly vals: string[] }
  | { readonly key: string; readonly cmp: (typeof comparisonsOfPresence)[number] }
  | { readonly op: (typeof operators)[number]; readonly nodes: readonly Node[] };

type JsonObject = Readonly<Record<string, unknown>>;
type Tags = Readonly<Record<string, string>>;
type Predicate = (tags: Tags) => boolean;

const noTags: Tags = Object.freeze({});

/** Thrown within this file for an invalid filter. */
class InvalidFilter extends Error {}

/**
 * @param value the subscribe command's `tf`
 * @returns the filter, or a sentence that says what is wrong with it
 */
export function parseTagsFilter(value: unknown): TagsFilter | string {
  let node: Node;
  try {
    node = new FilterReader().read(value, "tf", 1);
  } catch (error) {
    if (!(error instanceof InvalidFilter)) throw error;
    return error.message;
  }
  const passes = compile(node);
  const weight = weightOf(node);
  return { key: JSON.stringify(node), weight, passes: (tags) => passes(tags ?? noTags) };
}

/** The cost of parsing a tag as a decimal, in text comparisons. */
const decimalWeight = 8;

function weightOf(node: Node): number {
  if ("op" in node) return node.nodes.reduce((sum, each) => sum + weightOf(each), 1);
  return decimalComparisons.has(node.cmp) ? decimalWeight : 1;
}

/** Checks a filter and counts its nodes. */
class FilterReader {
  #nodes = 0;

  read(value: unknown, path: string, depth: number): Node {
    if (depth > maxFilterDepth)
      throw new InvalidFilter(`tf may be up to ${maxFilterDepth} levels deep, and ${path} is deeper`);
    if (++this.#nodes > maxFilterNodes) throw new InvalidFilter(`tf may have up to ${maxFilterNodes} nodes`);
    if (!isObject(value))
      throw new InvalidFilter(`${path} must be an object with key and cmp, or op and nodes`);
    // Clients may send an empty op with a comparison.
    if (isAbsent(value.op) || value.op === "") return readComparison(value, path);
    const op = readOneOf(value.op, operators, `${path}.op`);
    const { nodes } = value;
    if (!Array.isArray(nodes) || nodes.length === 0 || (op === "not" && nodes.length !== 1))
      throw new InvalidFilter(`${path}.nodes must be an array of ${op === "not" ? "one node" : "nodes"}`);
    return { op, nodes: nodes.map((each, index) => this.read(each, `${path}.nodes[${index}]`, depth + 1)) };
  }
}

function readComparison(value: JsonObject, path: string): Node {
  const cmp = readOneOf(value.cmp, comparisons, `${path}.cmp`);
  const key = readText(value.key, `${path}.key`, 1);
  // Ignoring the field that does not apply would filter differently than intended.
  if (isOneOf(cmp, comparisonsWithValue)) {
    refuse(value, "vals", cmp, path);
    return { key, cmp, val: readText(value.val, `${path}.val`, 1) };
  }
  refuse(value, "val", cmp, path);
  if (isOneOf(cmp, comparisonsWithValues)) return { key, cmp, vals: readValues(value.vals, `${path}.vals`) };
  refuse(value, "vals", cmp, path);
  return { key, cmp };
}

/** @returns the values sorted and unique: their order means nothing */
function readValues(value: unknown, path: string): string[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new InvalidFilter(`${path} must be an array of at least one string`);
  if (value.length > maxFilterValues)
    throw new InvalidFilter(`${path} may have ${maxFilterValues} strings, not ${value.length}`);
  const texts = value.map((each, index) => readText(each, `${path}[${index}]`, 0));
  return [...new Set(texts)].sort();
}

function readText(value: unknown, path: string, minCharacters: number): string {
  if (typeof value !== "string") throw new InvalidFilter(`${path} must be a string`);
  if (value.length < minCharacters || value.length > maxFilterCharacters)
    throw new InvalidFilter(
      `${path} must have ${minCharacters} to ${maxFilterCharacters} characters, not ${value.length}`,
    );
  return value;
}

function readOneOf<T extends string>(value: unknown, accepted: readonly T[], path: string): T {
  if (isOneOf(value, accepted)) return value;
  throw new InvalidFilter(`${path} must be one of ${accepted.join(", ")}`);
}

function refuse(value: JsonObject, name: "val" | "vals", cmp: string, path: string): void {
  const given = value[name];
  if (isAbsent(given) || given === "" || (Array.isArray(given) && given.length === 0)) return;
  throw new InvalidFilter(`${path}.${name} must be omitted if cmp is ${cmp}`);
}

function compile(node: Node): Predicate {
  if ("op" in node) {
    const parts = node.nodes.map(compile);
    if (node.op === "and") return (tags) => parts.every((passes) => passes(tags));
    if (node.op === "or") return (tags) => parts.some((passes) => passes(tags));
    return (tags) => !parts.some((passes) => passes(tags));
  }
  const { key } = node;
  const test = compileComparison(node);
  // A tag may be named like an inherited property, such as `toString`.
  return (tags) => test(Object.hasOwn(tags, key) ? tags[key] : undefined);
}

/** @returns a test of the tag's value, which is undefined if there is no such tag */
function compileComparison(node: Exclude<Node, { op: unknown }>): (tag: string | undefined) => boolean {
  switch (node.cmp) {
    case "eq":
      return (tag) => tag === node.val;
    case "neq":
      return (tag) => tag !== node.val;
    case "in": {
      const values = new Set(node.vals);
      return (tag) => tag !== undefined && values.has(tag);
    }
    case "nin": {
      const values = new Set(node.vals);
      return (tag) => tag === undefined || !values.has(tag);
    }
    case "ex":
      return (tag) => tag !== undefined;
    case "nex":
      return (tag) => tag === undefined;
    case "sw":
      return (tag) => tag?.startsWith(node.val) ?? false;
    case "ew":
      return (tag) => tag?.endsWith(node.val) ?? false;
    case "ct":
      return (tag) => tag?.includes(node.val) ?? false;
    case "lt":
      return compileOrder(node.val, (order) => order < 0);
    case "lte":
      return compileOrder(node.val, (order) => order <= 0);
    case "gt":
      return compileOrder(node.val, (order) => order > 0);
    case "gte":
      return compileOrder(node.val, (order) => order >= 0);
  }
}

/** Compares as decimals. If either side is not a decimal, nothing matches. */
function compileOrder(
  val: string,
  accepts: (order: number) => boolean,
): (tag: string | undefined) => boolean {
  const limit = parseDecimal(val);
  if (limit === undefined) return () => false;
  return (tag) => {
    const decimal = tag === undefined ? undefined : parseDecimal(tag);
    return decimal !== undefined && accepts(compareDecimals(decimal, limit));
  };
}

function isOneOf<T extends string>(value: unknown, accepted: readonly T[]): value is T {
  return accepted.some((each) => each === value);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Longer texts are no decimals, so that comparing one takes little time. */
export const maxDecimalCharacters = 256;

const pattern = /^([+-]?)(\d+)(?:\.(\d+))?$/;

export interface Decimal {
  /** Zero is not negative. */
  readonly isNegative: boolean;
  /** Digits before the point, without leading zeros; empty if the number is less than one. */
  readonly whole: string;
  /** Digits after the point, without trailing zeros. */
  readonly fraction: string;
}

/** @returns undefined unless the text is a plain decimal: digits with an optional sign and an optional fraction */
export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > maxDecimalCharacters) return undefined;
  const parts = pattern.exec(text);
  if (parts === null) return undefined;
  const [, sign, digits = "", decimals = ""] = parts;
  const whole = digits.replace(/^0+/, "");
  let end = decimals.length;
  // A regular expression would start over at every zero, which is quadratic.
  while (decimals[end - 1] === "0") end--;
  const fraction = decimals.slice(0, end);
  return { isNegative: sign === "-" && (whole !== "" || fraction !== ""), whole, fraction };
}

/** @returns a negative number if a < b, zero if they are equal, a positive number if a > b */
export function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.isNegative !== b.isNegative) return a.isNegative ? -1 : 1;
  const order =
    a.whole.length - b.whole.length || compareTexts(a.whole, b.whole) || compareTexts(a.fraction, b.fraction);
  return a.isNegative ? 0 - order : order;
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
