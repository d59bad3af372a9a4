/** The field Sec-WebSocket-Extensions (RFC 6455 §9.1): a list of extensions, each with parameters. */
import { fieldValues, isToken, type RawHeaders } from "./http-headers.js";

export interface Extension {
  readonly name: string;
  /** In the order they stand there, those that stand there twice included; the value is undefined where there is none. */
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
