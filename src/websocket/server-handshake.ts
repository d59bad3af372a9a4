/**
 * The server's part of the opening handshake (RFC 6455 §4.2): a parsed request goes in, a response head comes out.
 */
import { HoldfastError } from "../errors.js";
import { acceptValueFor, isWebSocketKey } from "./accept-key.js";
import { fieldValues, hasToken, isToken, listMembers, type RawHeaders } from "./http-headers.js";

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
  readonly chooseProtocol?: (offered: readonly string[]) => string | undefined;
}

export type ServerHandshake =
  | { readonly isAccepted: true; readonly protocol: string | undefined; readonly responseHead: string }
  | Rejection;

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
  const key = fieldValues(request.rawHeaders, "sec-websocket-key")[0] as string;
  const offered = listMembers(request.rawHeaders, "sec-websocket-protocol");
  const malformed = offered.find((name) => !isToken(name));
  if (malformed !== undefined)
    return reject(400, `Sec-WebSocket-Protocol must list tokens, but has ${JSON.stringify(malformed)}.`);
  const protocol = offered.length === 0 ? undefined : options.chooseProtocol?.(offered);
  if (protocol !== undefined && !offered.includes(protocol))
    throw new HoldfastError(
      "HF_WEBSOCKET_ARGUMENT",
      `chooseProtocol must choose among ${offered.join(", ")}, not ${JSON.stringify(protocol)}`,
    );
  const responseHead =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${acceptValueFor(key)}\r\n` +
    // RFC 6455 §4.2.2: the field is left out when no subprotocol was agreed on; browsers fail on one unasked for.
    (protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`) +
    "\r\n";
  return { isAccepted: true, protocol, responseHead };
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
  const versions = listMembers(rawHeaders, "sec-websocket-version");
  if (versions.length !== 1 || versions[0] !== version)
    return reject(
      426,
      `Sec-WebSocket-Version must be ${version}, and is ${versions.join(", ") || "missing"}.`,
      {
        "Sec-WebSocket-Version": version,
        Upgrade: "websocket",
      },
    );
  const keys = fieldValues(rawHeaders, "sec-websocket-key");
  if (keys.length !== 1 || !isWebSocketKey(keys[0] as string))
    return reject(400, "Sec-WebSocket-Key must be there once and hold 16 bytes in base64.");
  return undefined;
}

function isAtLeastHttp11(httpVersion: string): boolean {
  const [major = 0, minor = 0] = httpVersion.split(".").map(Number);
  return major > 1 || (major === 1 && minor >= 1);
}

export function reject(status: number, message: string, headers: Record<string, string> = {}): Rejection {
  return { isAccepted: false, status, message, headers };
}

/** A whole HTTP/1.1 response to refuse with, after which the TCP connection ends. */
export function rejectionResponse(rejection: Rejection, statusText: string): string {
  const body = `${rejection.message}\n`;
  const { Upgrade: upgrade, ...others } = rejection.headers;
  const fields = {
    ...(upgrade === undefined ? {} : { Upgrade: upgrade }),
    Connection: upgrade === undefined ? "close" : "Upgrade, close",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(body)),
    ...others,
  };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${rejection.status} ${statusText}\r\n${head.join("")}\r\n${body}`;
}
