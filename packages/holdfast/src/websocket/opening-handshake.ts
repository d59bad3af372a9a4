/**
 * The opening handshake (RFC 6455 §4) of both sides, without I/O: over HTTP/1.1 an upgrade, over HTTP/2 an extended CONNECT
 * (RFC 8441 §4 and §5). Requests and answers are parsed already; what is in their fields is handshake-fields.ts.
 */
import { HoldfastError } from "../errors.js";
import type { DeflateSettings } from "../options/websocket.js";
import type { Deflate } from "./deflate.js";
import {
  acceptOffer,
  acceptValueFor,
  checkAnswer,
  createOffer,
  createWebSocketKey,
  fieldValues,
  formatExtension,
  hasToken,
  isToken,
  isWebSocketKey,
  listMembers,
  parseExtensions,
  type RawHeaders,
} from "./handshake-fields.js";

/** A request of HTTP/1.1, parsed. */
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

/** An accepted request to open a WebSocket, over any version of HTTP. */
export interface Agreement {
  readonly isAccepted: true;
  readonly protocol: string | undefined;
  readonly deflate: Deflate | undefined;
  /** Fields of the answer that name what was agreed on. */
  readonly headers: Readonly<Record<string, string>>;
}

export type ServerHandshake = (Agreement & { readonly responseHead: string }) | Rejection;

/** The refusal of a request to open a WebSocket. */
export interface Rejection {
  readonly isAccepted: false;
  readonly status: number;
  /** A sentence that says what was wrong and what is accepted. */
  readonly message: string;
  /** Fields that belong to the status; `rejectionResponse` adds the rest. */
  readonly headers: Readonly<Record<string, string>>;
}

const version = "13";

/** RFC 9110 §15.5.22 and RFC 6455 §4.4: an answer 426 names the protocol, and the version that is understood. */
const upgradeFields = { Upgrade: "websocket", "Sec-WebSocket-Version": version };

/**
 * Checks the request in the order of RFC 6455 §4.2.1.
 * @throws HF_WEBSOCKET_ARGUMENT if `chooseProtocol` selects a protocol that was not offered
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
 * @throws HF_WEBSOCKET_ARGUMENT if `chooseProtocol` selects a protocol that was not offered
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
    return reject(
      400,
      `Sec-WebSocket-Protocol must be a list of tokens, but contains ${JSON.stringify(malformed)}.`,
    );
  const extensions = parseExtensions(rawHeaders);
  if (extensions === undefined)
    return reject(400, "Sec-WebSocket-Extensions must be a list of extensions with parameters, all tokens.");
  const protocol = offered.length === 0 ? undefined : chooseProtocol?.(offered);
  if (protocol !== undefined && !offered.includes(protocol))
    throw new HoldfastError(
      "HF_WEBSOCKET_ARGUMENT",
      `chooseProtocol must choose among ${offered.join(", ")}, not ${JSON.stringify(protocol)}`,
    );
  const accepted = compression && acceptOffer(extensions, compression, options.takesContext);
  const headers: Record<string, string> = {};
  // RFC 6455 §4.2.2: a field is left out where nothing was agreed on; browsers fail the connection over an unrequested one.
  if (protocol !== undefined) headers["Sec-WebSocket-Protocol"] = protocol;
  if (accepted !== undefined) headers["Sec-WebSocket-Extensions"] = accepted.answer;
  const deflate = accepted && compression && { agreement: accepted.agreement, settings: compression };
  return { isAccepted: true, protocol, deflate, headers };
}

function findFault({ method, httpVersion, rawHeaders }: UpgradeRequest): Rejection | undefined {
  if (method !== "GET")
    return reject(405, `A WebSocket must be opened with GET, not ${method}.`, { Allow: "GET" });
  if (!isAtLeastHttp11(httpVersion))
    return reject(400, `A WebSocket needs HTTP/1.1 or later, not HTTP/${httpVersion}.`);
  if (fieldValues(rawHeaders, "host").length !== 1)
    return reject(400, "The request must have exactly one Host field.");
  if (!hasToken(rawHeaders, "upgrade", "websocket"))
    return reject(
      426,
      "This is a WebSocket endpoint: send Upgrade: websocket and Connection: Upgrade.",
      upgradeFields,
    );
  if (!hasToken(rawHeaders, "connection", "upgrade"))
    return reject(400, "The Connection field must contain the token Upgrade.");
  const versionFault = findVersionFault(rawHeaders, 426);
  if (versionFault) return versionFault;
  const keys = fieldValues(rawHeaders, "sec-websocket-key");
  if (keys.length !== 1 || !isWebSocketKey(keys[0] as string))
    return reject(400, "Sec-WebSocket-Key must occur once and be 16 bytes in base64.");
  return undefined;
}

/** RFC 6455 §4.4: the answer names the version that is understood. HTTP/2 knows no 426, since it has no Upgrade. */
function findVersionFault(rawHeaders: RawHeaders, status: 400 | 426): Rejection | undefined {
  const versions = listMembers(rawHeaders, "sec-websocket-version");
  if (versions.length === 1 && versions[0] === version) return undefined;
  const message = `Sec-WebSocket-Version must be ${version}, but is ${versions.join(", ") || "missing"}.`;
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

/** The fields of a refusal that HTTP/1.1 and HTTP/2 share: all but those of its framing and of the connection. */
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

/** What a client has sent, against which the answer is checked. */
export interface ClientHandshake {
  readonly key: string;
  readonly protocols: readonly string[];
  /** Offered as permessage-deflate. */
  readonly compression: DeflateSettings | undefined;
  /** Fields to send with a GET request; Host is the HTTP client's to add. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer to it, parsed. */
export interface UpgradeResponse {
  readonly status: number;
  readonly rawHeaders: RawHeaders;
}

export type ClientHandshakeResult =
  | {
      readonly isAccepted: true;
      /** The subprotocol; empty where none was agreed on. */
      readonly protocol: string;
      /** The response's Sec-WebSocket-Extensions; empty if none was negotiated. */
      readonly extensions: string;
      readonly deflate: Deflate | undefined;
    }
  | { readonly isAccepted: false; readonly message: string };

/**
 * @param protocols subprotocols in order of preference
 * @param compression offered where it is given
 * @throws HF_WEBSOCKET_ARGUMENT when a subprotocol is not a token or is repeated (RFC 6455 §4.1, item 10)
 */
export function createUpgrade(
  protocols: readonly string[] = [],
  key = createWebSocketKey(),
  compression?: DeflateSettings,
): ClientHandshake {
  const fault = findProtocolFault(protocols);
  if (fault !== undefined) throw new HoldfastError("HF_WEBSOCKET_ARGUMENT", fault);
  const headers: Record<string, string> = {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
  };
  if (protocols.length > 0) headers["Sec-WebSocket-Protocol"] = protocols.join(", ");
  if (compression) headers["Sec-WebSocket-Extensions"] = createOffer(compression);
  return { key, protocols, compression, headers };
}

/** What is wrong with the subprotocols that a client wants to offer (RFC 6455 §4.1, item 10). */
export function findProtocolFault(protocols: readonly string[]): string | undefined {
  for (const [index, name] of protocols.entries()) {
    if (!isToken(name)) return `subprotocol ${JSON.stringify(name)} is not a token`;
    if (protocols.indexOf(name) !== index) return `subprotocol ${name} is repeated`;
  }
  return undefined;
}

/** Checks the server's answer; where it is refused the client must fail the connection. Never throws. */
export function checkUpgradeResponse(
  handshake: ClientHandshake,
  response: UpgradeResponse,
): ClientHandshakeResult {
  const { status, rawHeaders } = response;
  if (status !== 101) return refuse(`the server answered ${status} instead of 101`);
  // RFC 6455 §4.1: the field's value is just that, where a request may list several protocols.
  const upgrades = fieldValues(rawHeaders, "upgrade");
  if (upgrades.length !== 1 || upgrades[0]?.toLowerCase() !== "websocket")
    return refuse("the response lacks Upgrade: websocket");
  if (!hasToken(rawHeaders, "connection", "upgrade")) return refuse("the response lacks Connection: Upgrade");
  const accepts = fieldValues(rawHeaders, "sec-websocket-accept");
  if (accepts.length !== 1 || accepts[0] !== acceptValueFor(handshake.key))
    return refuse("the response's Sec-WebSocket-Accept does not match the key");
  return checkAgreement(handshake, rawHeaders);
}

/** Checks the answer to an extended CONNECT (RFC 8441 §5), like the above. */
export function checkConnectResponse(
  handshake: ClientHandshake,
  { status, rawHeaders }: UpgradeResponse,
): ClientHandshakeResult {
  if (status !== 200) return refuse(`the server answered ${status} instead of 200`);
  return checkAgreement(handshake, rawHeaders);
}

function checkAgreement(handshake: ClientHandshake, rawHeaders: RawHeaders): ClientHandshakeResult {
  const extensions = parseExtensions(rawHeaders);
  if (extensions === undefined) return refuse("the response's Sec-WebSocket-Extensions is malformed");
  const agreement = checkAnswer(extensions, handshake.compression);
  if (typeof agreement === "string") return refuse(agreement);
  const protocols = fieldValues(rawHeaders, "sec-websocket-protocol");
  if (protocols.length > 1) return refuse("the server chose more than one subprotocol");
  const protocol = protocols[0];
  if (protocol !== undefined && !handshake.protocols.includes(protocol))
    return refuse(`the server chose the subprotocol ${protocol}, which was not offered`);
  const deflate = agreement && handshake.compression && { agreement, settings: handshake.compression };
  return {
    isAccepted: true,
    protocol: protocol ?? "",
    extensions: extensions.map(formatExtension).join(", "),
    deflate,
  };
}

function refuse(message: string): ClientHandshakeResult {
  return { isAccepted: false, message };
}
