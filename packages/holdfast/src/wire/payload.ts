/**
 * Payloads: the application's own data, in publications, and in parameters and results of methods. A payload reaches subscribers
 * exactly as it was published, neither parsed nor encoded again, so numbers beyond 2^53, decimals and the order of keys survive.
 * Only this file and the codecs know the two forms: JSON text (RFC 8259), and bytes.
 */

/**
 * - A string is one JSON value, without raw line breaks, checked when it came in. V8 keeps such text in a byte per character,
 *   codecs of text embed it as it is, and codecs of bytes encode it once per batch.
 * - A Uint8Array is opaque bytes, never parsed. It MUST own its memory, since logs keep it for long, and MUST NOT be changed.
 */
export type Payload = string | Uint8Array;

/** Any JSON text, such as a whole message. */
export type JsonText = string;

const maxDepth = 256;

export const nullPayload = "null";

const encoder = new TextEncoder();

export function isBinary(payload: Payload): payload is Uint8Array {
  return typeof payload !== "string";
}

/** @param value anything that JSON can represent */
export function toPayload(value: unknown): JsonText {
  return JSON.stringify(value) ?? nullPayload;
}

/** The payload as a JavaScript value, in which large numbers may lose digits. Bytes stay as they are. */
export function parsePayload(payload: Payload): unknown {
  return isBinary(payload) ? payload : JSON.parse(payload);
}

/** Fails on invalid UTF-8; a byte order mark is not part of JSON (RFC 8259 §8.1). */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A payload as JSON: bytes must be its text in UTF-8. @returns the text, or what is wrong with the payload, to follow its name */
export function toJsonPayload(payload: Payload): { readonly text: JsonText } | { readonly fault: string } {
  if (!isBinary(payload)) return { text: payload };
  let text: string;
  let value: unknown;
  try {
    text = decoder.decode(payload);
    value = JSON.parse(text);
  } catch {
    return { fault: "must be JSON in UTF-8" };
  }
  const isTooDeep = findDepthFault(text, value) !== undefined;
  return isTooDeep
    ? { fault: `must not be nested deeper than ${maxDepth} levels` }
    : { text: trimJson(text) };
}

/** The payload as it is embedded in JSON: bytes as a string in base64. */
export function payloadText(payload: Payload): JsonText {
  return isBinary(payload) ? `"${toBase64(payload)}"` : payload;
}

/** The payload as it is embedded in binary messages: text in UTF-8. */
export function payloadBytes(payload: Payload): Uint8Array {
  return isBinary(payload) ? payload : encoder.encode(payload);
}

/** A payload's size as limits count it: characters of text, or bytes. */
export function payloadSize(payload: Payload): number {
  return payload.length;
}

/** Estimated memory of a payload: up to two bytes for each character of text. */
export function payloadMemory(payload: Payload): number {
  return isBinary(payload) ? payload.length : 2 * payload.length;
}

/** A member of a payload that is an object. @returns undefined if there is none */
export function payloadMember(payload: Payload, name: string): JsonText | undefined {
  return isBinary(payload) ? undefined : textAt(payload, [name]);
}

/** The bytes of a JSON string in base64. @returns undefined if it is anything else */
export function bytesOfBase64(json: JsonText): Uint8Array | undefined {
  const text: unknown = JSON.parse(json);
  if (typeof text !== "string") return undefined;
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** Bytes turned into characters at once: each is an argument of a call. */
const chunkBytes = 8192;

function toBase64(bytes: Uint8Array): string {
  let characters = "";
  for (let at = 0; at < bytes.length; at += chunkBytes)
    characters += String.fromCharCode(...bytes.subarray(at, at + chunkBytes));
  return btoa(characters);
}

/**
 * Limits how deep outside values nest: hooks and SDKs walk payloads recursively, and thousands of levels overflow some stacks.
 * Each level takes at least two characters, so short texts need no check.
 * @param text what the value was parsed from
 * @returns what is wrong with the value, or undefined
 */
export function findDepthFault(text: JsonText, value: unknown): string | undefined {
  const isTooDeep = text.length > 2 * maxDepth && isDeeperThan(value, maxDepth);
  return isTooDeep ? `JSON is nested deeper than ${maxDepth} levels` : undefined;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}

// Parts of a JSON text, as text. Input MUST be valid JSON: callers have parsed it, and it is not checked again. If an object
// repeats a name, the last one counts, as in `JSON.parse`.
const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** The value without surrounding whitespace and without line breaks. */
export function trimJson(text: JsonText): JsonText {
  const start = skipSpace(text, 0);
  return detach(text, start, endOfValue(text, start));
}

/**
 * @param path member names, outermost first
 * @returns the text of the value at the path, without line breaks; undefined if there is none
 */
export function textAt(text: JsonText, path: readonly string[]): JsonText | undefined {
  const start = skipSpace(text, 0);
  if (text.charCodeAt(start) !== openBrace) return undefined;
  const found: Span = { from: 0, to: 0 };
  findSpan(text, start, path, 0, found);
  return found.to === 0 ? undefined : detach(text, found.from, found.to);
}

/** The members of an object, each as its text. @returns an empty map if the value is not an object */
export function memberTexts(text: JsonText): ReadonlyMap<string, JsonText> {
  const members = new Map<string, JsonText>();
  const start = skipSpace(text, 0);
  if (text.charCodeAt(start) !== openBrace) return members;
  walkMembers(text, start, (keyFrom, keyTo, from) => {
    const to = endOfValue(text, from);
    members.set(JSON.parse(text.slice(keyFrom, keyTo)) as string, detach(text, from, to));
    return to;
  });
  return members;
}

/** The elements of an array, each as its text. @returns an empty list if the value is not an array */
export function elementTexts(text: JsonText): readonly JsonText[] {
  const elements: JsonText[] = [];
  let at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== openBracket) return elements;
  at = skipSpace(text, at + 1);
  while (at < text.length && text.charCodeAt(at) !== closeBracket) {
    // Invalid JSON may have an empty value: always advance, so that the loop ends.
    const to = Math.max(endOfValue(text, at), at + 1);
    elements.push(detach(text, at, to));
    at = skipSpace(text, to);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return elements;
}

/** The number of members of all objects in a text, repeated names included. */
export function countMembers(text: JsonText): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at) - 1;
    else if (code === colon) count++;
  }
  return count;
}

/** JSON text that {@link encodeJson} embeds as it is. */
export class RawJson {
  readonly text: JsonText;

  constructor(text: JsonText) {
    this.text = text;
  }
}

/** Like `JSON.stringify`, for plain objects and arrays that may contain {@link RawJson}. */
export function encodeJson(value: unknown): JsonText {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(encodeJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([name, each]) => `${JSON.stringify(name)}:${encodeJson(each)}`);
  return `{${members.join(",")}}`;
}

interface Span {
  from: number;
  /** 0 if nothing is found. */
  to: number;
}

/** Finds a path in the object at an index, in one pass. @returns the end of the object */
function findSpan(text: JsonText, at: number, path: readonly string[], level: number, found: Span): number {
  const name = path[level] as string;
  return walkMembers(text, at, (keyFrom, keyTo, from) => {
    if (!isName(text, keyFrom, keyTo, name)) return endOfValue(text, from);
    found.to = 0;
    if (level + 1 === path.length) {
      found.from = from;
      found.to = endOfValue(text, from);
      return found.to;
    }
    return text.charCodeAt(from) === openBrace
      ? findSpan(text, from, path, level + 1, found)
      : endOfValue(text, from);
  });
}

/**
 * @param visit gets the span of a name, quotation marks included, and the start of its value; returns the end of the value
 * @returns where the object ends
 */
function walkMembers(
  text: JsonText,
  start: number,
  visit: (keyFrom: number, keyTo: number, from: number) => number,
): number {
  let at = skipSpace(text, start + 1);
  while (at < text.length && text.charCodeAt(at) !== closeBrace) {
    const keyTo = endOfString(text, at);
    const colonAt = skipSpace(text, keyTo);
    at = skipSpace(text, visit(at, keyTo, skipSpace(text, colonAt + 1)));
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return at + 1;
}

function isName(text: JsonText, from: number, to: number, name: string): boolean {
  if (to - from === name.length + 2 && text.startsWith(name, from + 1)) return true;
  const key = text.slice(from, to);
  return key.includes("\\") && JSON.parse(key) === name;
}

function endOfValue(text: JsonText, start: number): number {
  const first = text.charCodeAt(start);
  if (first === quote) return endOfString(text, start);
  let at = start;
  if (first !== openBrace && first !== openBracket) {
    while (at < text.length && !isEnd(text.charCodeAt(at))) at++;
    return at;
  }
  for (let depth = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at) - 1;
    else if (code === openBrace || code === openBracket) depth++;
    else if ((code === closeBrace || code === closeBracket) && --depth === 0) return at + 1;
  }
  return at;
}

/** Whether a character ends a number or a literal. */
function isEnd(code: number): boolean {
  return code === comma || code === closeBrace || code === closeBracket || isSpace(code);
}

/** @param at index of the opening quotation mark */
function endOfString(text: JsonText, at: number): number {
  for (let from = at + 1; ; ) {
    const end = text.indexOf('"', from);
    if (end < 0) return text.length;
    let escapes = end;
    while (escapes > from && text.charCodeAt(escapes - 1) === backslash) escapes--;
    if ((end - escapes) % 2 === 0) return end + 1;
    from = end + 1;
  }
}

function skipSpace(text: JsonText, start: number): number {
  let at = start;
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** RFC 8259 §2. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

const lineBreaks = /[\n\r]+/g;

/**
 * Removes line breaks, which separate messages and event lines: between JSON tokens they mean nothing, and strings cannot
 * contain them (RFC 8259 §7). A small part is copied, since a slice would keep the whole frame in memory as long as the log keeps it.
 */
function detach(text: JsonText, from: number, to: number): JsonText {
  const value = text.slice(from, to);
  if (value.includes("\n") || value.includes("\r")) return value.replace(lineBreaks, "");
  return 2 * value.length >= text.length ? value : ` ${value}`.slice(1);
}
