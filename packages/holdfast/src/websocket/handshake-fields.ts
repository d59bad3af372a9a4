/**
 * The fields of an opening handshake: as much of HTTP as it needs (RFC 9110 §5), Sec-WebSocket-Key and its answer
 * (RFC 6455 §4.2.2), and the grammar of Sec-WebSocket-Extensions (§9.1).
 */
import { createHash, randomBytes } from "node:crypto";

/** Fields as Node.js gives them in `rawHeaders`: name, value, name, value … in the order they came. */
export type RawHeaders = readonly string[];

/** All values of a field, in order. */
export function fieldValues(headers: RawHeaders, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const field = headers[i] as string;
    // Most differ in length, which is cheap to see.
    if (field.length === name.length && field.toLowerCase() === name)
      values.push((headers[i + 1] as string).trim());
  }
  return values;
}

/** The members of a comma-separated list that may be spread over several fields (RFC 9110 §5.6.1). */
export function listMembers(headers: RawHeaders, name: string): string[] {
  return fieldValues(headers, name)
    .flatMap((value) => value.split(","))
    .map((member) => member.trim())
    .filter((member) => member !== "");
}

/** Whether a list has the token; tokens here are case-insensitive (RFC 6455 §4.2.1). */
export function hasToken(headers: RawHeaders, name: string, token: string): boolean {
  return listMembers(headers, name).some((member) => member.toLowerCase() === token);
}

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function isToken(text: string): boolean {
  return token.test(text);
}

const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 bytes in base64 are always 22 characters and two of padding. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;

/** Whether a value of Sec-WebSocket-Key is 16 bytes in base64 (RFC 6455 §4.1, item 7). */
export function isWebSocketKey(text: string): boolean {
  return keyPattern.test(text);
}

export function createWebSocketKey(): string {
  return randomBytes(16).toString("base64");
}

/** The value of Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2, step 5.4). */
export function acceptValueFor(key: string): string {
  return createHash("sha1").update(key).update(guid).digest("base64");
}

/** One extension of an offer or an answer. */
export interface Extension {
  readonly name: string;
  /** In order, repeated ones included; the value is undefined where there is none. */
  readonly parameters: readonly (readonly [name: string, value: string | undefined])[];
}

const field = "sec-websocket-extensions";

/** @returns undefined when the field does not follow the grammar */
export function parseExtensions(headers: RawHeaders): readonly Extension[] | undefined {
  const text = fieldValues(headers, field).join(",");
  if (text.trim() === "") return [];
  const extensions: Extension[] = [];
  for (const member of splitOutsideQuotes(text, ",")) {
    // RFC 9110 §5.6.1: empty members of a list are to be ignored.
    if (member === "") continue;
    const extension = parseExtension(member);
    if (extension === undefined) return undefined;
    extensions.push(extension);
  }
  return extensions;
}

export function formatExtension({ name, parameters }: Extension): string {
  return [name, ...parameters.map(([key, value]) => (value === undefined ? key : `${key}=${value}`))].join(
    "; ",
  );
}

function parseExtension(member: string): Extension | undefined {
  const [name = "", ...rest] = splitOutsideQuotes(member, ";");
  if (!isToken(name)) return undefined;
  const parameters: (readonly [string, string | undefined])[] = [];
  for (const part of rest) {
    const at = part.indexOf("=");
    const key = (at < 0 ? part : part.slice(0, at)).trimEnd();
    const value = at < 0 ? undefined : unquote(part.slice(at + 1).trimStart());
    // RFC 6455 §9.1: a quoted value must be a token once it is unquoted.
    if (!isToken(key) || (value !== undefined && !isToken(value))) return undefined;
    parameters.push([key, value]);
  }
  return { name, parameters };
}

/** Parts between separators, trimmed; quoted strings (RFC 9110 §5.6.4) stay whole. */
function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (isQuoted && character === "\\") i++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === separator && !isQuoted) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}

function unquote(text: string): string {
  if (!/^".*"$/s.test(text)) return text;
  return text.slice(1, -1).replace(/\\(.)/gs, "$1");
}
