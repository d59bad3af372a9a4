/**
 * The server's part of the opening handshake: a parsed request goes in, a response head comes out. Over HTTP/1.1 it is an
 * upgrade (RFC 6455 §4.2), over HTTP/2 an extended CONNECT (RFC 8441 §4 and §5).
 */
import { HoldfastError } from "../errors.js";
import { acceptValueFor, isWebSocketKey } from "./accept-key.js";
import { acceptOffer } from "./deflate/negotiation.js";
import type { DeflateSettings } from "./deflate/options.js";
import { parseExtensions } from "./extensions.js";
import { fieldValues, hasToken, isToken, listMembers, type RawHeaders } from "./http-headers.js";
import type { Deflate } from "./options.js";

export interface UpgradeRequest {
  readonly method: string;
  /** As in Node.js: "1.1". */
  readonly httpVersion: string;
  readonly rawHeaders: RawHeaders;
}

export interface ServerHandshakeOptions {
  /**
   * Chooses among the subprotocols that the client offers, in its order of preference; undefined for none.
   * @default none is chosen
   */
  readonly chooseProtocol?: ((offered: readonly string[]) => string | undefined) | undefined;
  /** How messages may be compressed, where the client offers permessage-deflate. @default not at all */
  readonly compression?: DeflateSettings | undefined;
  /** Whether there is room for one more connection with context takeover. @default as `compression` says */
  readonly takesContext?: boolean | undefined;
}

/** What a request to open a WebSocket came to, whatever HTTP it came over. */
export interface Agreement {
  readonly isAccepted: true;
  readonly protocol: string | undefined;
  readonly deflate: Deflate | undefined;
  /** Fields of the answer that say so. */
  readonly headers: Readonly<Record<string, string>>;
}

export type ServerHandshake = (Agreement & { readonly responseHead: string }) | Rejection;

export interface Rejection {
  readonly isAccepted: false;
  readonly status: number;
  /** One sentence that says what was wrong and what is accepted. */
  readonly message: string;
  /** Fields that belong to the status; `rejectionResponse` adds the rest. */
  readonly headers: Readonly<Record<string, string>>;
}

const version = "13";

/** RFC 9110 §15.5.22 and RFC 6455 §4.4: an answer 426 names the protocol, and the version that is understood. */
const upgradeFields = { Upgrade: "websocket", "Sec-WebSocket-Version": version };

/**
 * Checks the request in the order of RFC 6455 §4.2.1.
 * @throws HF_WEBSOCKET_ARGUMENT when `chooseProtocol` chooses what was not offered, and only then
 */
export function acceptUpgrade(
  request: UpgradeRequest,
  options: ServerHandshakeOptions = {},
): ServerHandshake {
  const fault = findFault(request);
  if (fault) return fault;
  const agreement = agree(request.rawHeaders, options);
  if (!agreement.isAccepted) return agreement;
  const key = fieldValues(request.rawHeaders, "sec-websocket-key")[0] as string;
  const fields = Object.entries(agreement.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const responseHead =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${acceptValueFor(key)}\r\n${fields.join("")}\r\n`;
  return { ...agreement, responseHead };
}

/**
 * Checks an extended CONNECT whose `:protocol` is websocket (RFC 8441 §5); it has no key and no Upgrade, and is answered
 * with 200.
 * @param rawHeaders fields without the pseudo-fields
 * @throws HF_WEBSOCKET_ARGUMENT when `chooseProtocol` chooses what was not offered, and only then
 */
export function acceptExtendedConnect(
  rawHeaders: RawHeaders,
  options: ServerHandshakeOptions = {},
): Agreement | Rejection {
  return findVersionFault(rawHeaders, 400) ?? agree(rawHeaders, options);
}

/** Subprotocol and extensions (RFC 6455 §4.2.2, items 4 and 5). */
function agree(rawHeaders: RawHeaders, options: ServerHandshakeOptions): Agreement | Rejection {
  const { chooseProtocol, compression } = options;
  const offered = listMembers(rawHeaders, "sec-websocket-protocol");
  const malformed = offered.find((name) => !isToken(name));
  if (malformed !== undefined)
    return reject(400, `Sec-WebSocket-Protocol must list tokens, but has ${JSON.stringify(malformed)}.`);
  const extensions = parseExtensions(rawHeaders);
  if (extensions === undefined)
    return reject(
      400,
      "Sec-WebSocket-Extensions must list extensions with their parameters, all of them tokens.",
    );
  const protocol = offered.length === 0 ? undefined : chooseProtocol?.(offered);
  if (protocol !== undefined && !offered.includes(protocol))
    throw new HoldfastError(
      "HF_WEBSOCKET_ARGUMENT",
      `chooseProtocol must choose among ${offered.join(", ")}, not ${JSON.stringify(protocol)}`,
    );
  const accepted = compression && acceptOffer(extensions, compression, options.takesContext);
  const headers: Record<string, string> = {};
  // RFC 6455 §4.2.2: a field is left out where nothing was agreed on; browsers fail on one unasked for.
  if (protocol !== undefined) headers["Sec-WebSocket-Protocol"] = protocol;
  if (accepted !== undefined) headers["Sec-WebSocket-Extensions"] = accepted.answer;
  const deflate = accepted && compression && { agreement: accepted.agreement, settings: compression };
  return { isAccepted: true, protocol, deflate, headers };
}

function findFault({ method, httpVersion, rawHeaders }: UpgradeRequest): Rejection | undefined {
  if (method !== "GET")
    return reject(405, `A WebSocket is opened with GET, not with ${method}.`, { Allow: "GET" });
  if (!isAtLeastHttp11(httpVersion))
    return reject(400, `A WebSocket needs HTTP/1.1 or later, not HTTP/${httpVersion}.`);
  if (fieldValues(rawHeaders, "host").length !== 1)
    return reject(400, "The request must have one Host field.");
  if (!hasToken(rawHeaders, "upgrade", "websocket"))
    return reject(
      426,
      "This address speaks WebSocket: send Upgrade: websocket and Connection: Upgrade.",
      upgradeFields,
    );
  if (!hasToken(rawHeaders, "connection", "upgrade"))
    return reject(400, "The Connection field must have the token Upgrade.");
  const versionFault = findVersionFault(rawHeaders, 426);
  if (versionFault) return versionFault;
  const keys = fieldValues(rawHeaders, "sec-websocket-key");
  if (keys.length !== 1 || !isWebSocketKey(keys[0] as string))
    return reject(400, "Sec-WebSocket-Key must be there once and hold 16 bytes in base64.");
  return undefined;
}

/** RFC 6455 §4.4: the answer names the version that is understood. HTTP/2 knows no 426, since it has no Upgrade. */
function findVersionFault(rawHeaders: RawHeaders, status: 400 | 426): Rejection | undefined {
  const versions = listMembers(rawHeaders, "sec-websocket-version");
  if (versions.length === 1 && versions[0] === version) return undefined;
  const message = `Sec-WebSocket-Version must be ${version}, and is ${versions.join(", ") || "missing"}.`;
  const headers = { "Sec-WebSocket-Version": version };
  return reject(status, message, status === 426 ? { ...headers, Upgrade: "websocket" } : headers);
}

function isAtLeastHttp11(httpVersion: string): boolean {
  const [major = 0, minor = 0] = httpVersion.split(".").map(Number);
  return major > 1 || (major === 1 && minor >= 1);
}

export function reject(status: number, message: string, headers: Record<string, string> = {}): Rejection {
  return { isAccepted: false, status, message, headers };
}

/** Fields of a refusal beside those that say how long it is and what becomes of the connection. */
export function bodyFields(headers: Readonly<Record<string, string>>): [name: string, value: string][] {
  const framing = new Set(["connection", "content-length", "transfer-encoding", "upgrade"]);
  const given = Object.entries(headers).filter(([name]) => !framing.has(name.toLowerCase()));
  const hasType = given.some(([name]) => name.toLowerCase() === "content-type");
  return hasType ? given : [["Content-Type", "text/plain; charset=utf-8"], ...given];
}

/** A whole HTTP/1.1 response to refuse with, after which the TCP connection ends. */
export function rejectionResponse(rejection: Rejection, statusText: string): string {
  const body = `${rejection.message}\n`;
  const { Upgrade: upgrade, ...others } = rejection.headers;
  const fields = {
    ...(upgrade === undefined ? {} : { Upgrade: upgrade }),
    Connection: upgrade === undefined ? "close" : "Upgrade, close",
    "Content-Length": String(Buffer.byteLength(body)),
  };
  const head = [...Object.entries(fields), ...bodyFields(others)].map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `HTTP/1.1 ${rejection.status} ${statusText}\r\n${head.join("")}\r\n${body}`;
}
