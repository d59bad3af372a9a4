/**
 * The fields of an opening handshake: as much of HTTP as it needs (RFC 9110 §5), Sec-WebSocket-Key and its answer
 * (RFC 6455 §4.2.2), the grammar of Sec-WebSocket-Extensions (§9.1), and the negotiation of permessage-deflate in it
 * (RFC 7692 §5.1 and §7.1): the client's offer, the server's choice, and the client's check of the response.
 */
import { createHash, randomBytes } from "node:crypto";
import type { DeflateSettings } from "../options/websocket.js";

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

const extensionName = "permessage-deflate";

/** What both sides agreed on. Window sizes are powers of two, from 8 to 15. */
export interface DeflateAgreement {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
}

/** The four parameters of an offer or an answer; undefined where they are missing. */
interface Parameters {
  readonly server_no_context_takeover: true | undefined;
  readonly client_no_context_takeover: true | undefined;
  readonly server_max_window_bits: number | undefined;
  /** True where it has no value, which only an offer may do. */
  readonly client_max_window_bits: number | true | undefined;
}

export interface AcceptedOffer {
  readonly agreement: DeflateAgreement;
  /** Value of the answer's Sec-WebSocket-Extensions. */
  readonly answer: string;
}

/**
 * A server's choice: the first offer that it can honor, in the client's order of preference (RFC 7692 §5.1). Offers
 * with unknown, repeated or malformed parameters are declined one by one (§7.1); undefined when all are.
 * @param takesContext whether there is room for one more connection with context takeover
 */
export function acceptOffer(
  offers: readonly Extension[],
  settings: DeflateSettings,
  takesContext = settings.contextTakeover,
): AcceptedOffer | undefined {
  for (const offer of offers) {
    if (offer.name !== extensionName) continue;
    const parameters = readParameters(offer);
    if (parameters !== undefined)
      return acceptOne(parameters, settings, takesContext && settings.contextTakeover);
  }
  return undefined;
}

function acceptOne(offer: Parameters, settings: DeflateSettings, takesContext: boolean): AcceptedOffer {
  const clientLimit = offer.client_max_window_bits;
  const agreement: DeflateAgreement = {
    serverNoContextTakeover: !takesContext || offer.server_no_context_takeover === true,
    // RFC 7692 §7.1.1.2: the answer may ask for this, whether it was offered or not.
    clientNoContextTakeover: !takesContext || offer.client_no_context_takeover === true,
    serverMaxWindowBits: Math.min(offer.server_max_window_bits ?? 15, settings.maxWindowBits),
    // RFC 7692 §7.1.2.2: the answer may limit the client's window only if the client says that it can.
    clientMaxWindowBits:
      clientLimit === undefined
        ? 15
        : Math.min(clientLimit === true ? 15 : clientLimit, settings.maxPeerWindowBits),
  };
  const isServerWindowNamed =
    offer.server_max_window_bits !== undefined || agreement.serverMaxWindowBits < 15;
  const isClientWindowNamed = clientLimit !== undefined && agreement.clientMaxWindowBits < 15;
  const answer = formatParameters({
    server_no_context_takeover: agreement.serverNoContextTakeover || undefined,
    client_no_context_takeover: agreement.clientNoContextTakeover || undefined,
    server_max_window_bits: isServerWindowNamed ? agreement.serverMaxWindowBits : undefined,
    client_max_window_bits: isClientWindowNamed ? agreement.clientMaxWindowBits : undefined,
  });
  return { agreement, answer };
}

/** What a client offers. @returns the value of Sec-WebSocket-Extensions */
export function createOffer(settings: DeflateSettings): string {
  const { contextTakeover, maxWindowBits, maxPeerWindowBits } = settings;
  return formatParameters({
    server_no_context_takeover: contextTakeover ? undefined : true,
    client_no_context_takeover: contextTakeover ? undefined : true,
    server_max_window_bits: maxPeerWindowBits < 15 ? maxPeerWindowBits : undefined,
    client_max_window_bits: maxWindowBits < 15 ? maxWindowBits : true,
  });
}

/**
 * A client's check of the response (RFC 7692 §5.1 and §7.1).
 * @returns the agreement, undefined where the server declined, or what is wrong with the answer, for which the client
 * must fail the connection
 */
export function checkAnswer(
  extensions: readonly Extension[],
  settings: DeflateSettings | undefined,
): DeflateAgreement | string | undefined {
  const [answer] = extensions;
  if (answer === undefined) return undefined;
  if (settings === undefined || answer.name !== extensionName)
    return `the server chose an extension that was not offered: ${formatExtension(answer)}`;
  if (extensions.length > 1) return "the server chose more than one extension";
  const parameters = readParameters(answer);
  if (parameters === undefined || parameters.client_max_window_bits === true)
    return `the server's permessage-deflate parameters are malformed: ${formatExtension(answer)}`;
  // RFC 7692 §7.1.1.1: what was offered as a condition must be in the answer.
  if (!settings.contextTakeover && !parameters.server_no_context_takeover)
    return "the server uses context takeover, which was not offered";
  const serverMaxWindowBits = parameters.server_max_window_bits ?? 15;
  if (serverMaxWindowBits > settings.maxPeerWindowBits)
    return `the server uses a window of ${serverMaxWindowBits} bits, but ${settings.maxPeerWindowBits} were offered`;
  return {
    serverNoContextTakeover: parameters.server_no_context_takeover === true,
    clientNoContextTakeover: !settings.contextTakeover || parameters.client_no_context_takeover === true,
    serverMaxWindowBits,
    clientMaxWindowBits: Math.min(parameters.client_max_window_bits ?? 15, settings.maxWindowBits),
  };
}

function formatParameters(parameters: Parameters): string {
  const given = Object.entries(parameters).flatMap(([name, value]): [string, string | undefined][] =>
    value === undefined ? [] : [[name, value === true ? undefined : String(value)]],
  );
  return formatExtension({ name: extensionName, parameters: given });
}

/** @returns undefined when a parameter is unknown, repeated, or has a value that it may not have */
function readParameters({ parameters }: Extension): Parameters | undefined {
  const found: { -readonly [K in keyof Parameters]: Parameters[K] } = {
    server_no_context_takeover: undefined,
    client_no_context_takeover: undefined,
    server_max_window_bits: undefined,
    client_max_window_bits: undefined,
  };
  for (const [name, value] of parameters) {
    if (!(name in found) || found[name as keyof Parameters] !== undefined) return undefined;
    if (name === "server_no_context_takeover" || name === "client_no_context_takeover") {
      if (value !== undefined) return undefined;
      found[name] = true;
      continue;
    }
    const bits = value === undefined ? undefined : readWindowBits(value);
    if (name === "server_max_window_bits") {
      if (bits === undefined) return undefined;
      found.server_max_window_bits = bits;
    } else {
      if (value !== undefined && bits === undefined) return undefined;
      found.client_max_window_bits = bits ?? true;
    }
  }
  return found;
}

/** RFC 7692 §7.1.2: a decimal from 8 to 15 without leading zeros. */
function readWindowBits(text: string): number | undefined {
  return /^(?:[89]|1[0-5])$/.test(text) ? Number(text) : undefined;
}
