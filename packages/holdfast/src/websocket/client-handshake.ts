/**
 * The client's part of the opening handshake (RFC 6455 §4.1): the fields to send, and the check of the answer.
 */

import { HoldfastError } from "../errors.js";
import { acceptValueFor, createWebSocketKey } from "./accept-key.js";
import { checkAnswer, createOffer } from "./deflate/negotiation.js";
import type { DeflateSettings } from "./deflate/options.js";
import { formatExtension, parseExtensions } from "./extensions.js";
import { fieldValues, hasToken, isToken, type RawHeaders } from "./http-headers.js";
import type { Deflate } from "./options.js";

export interface ClientHandshake {
  readonly key: string;
  readonly protocols: readonly string[];
  /** Offered as permessage-deflate. */
  readonly compression: DeflateSettings | undefined;
  /** Fields to send with a GET request; Host is the HTTP client's to add. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface UpgradeResponse {
  readonly status: number;
  readonly rawHeaders: RawHeaders;
}

export type ClientHandshakeResult =
  | {
      readonly isAccepted: true;
      /** Empty where none was agreed on. */
      readonly protocol: string;
      /** The answer's Sec-WebSocket-Extensions, or nothing. */
      readonly extensions: string;
      readonly deflate: Deflate | undefined;
    }
  | { readonly isAccepted: false; readonly message: string };

/**
 * @param protocols subprotocols in order of preference
 * @param compression offered where it is given
 * @throws HF_WEBSOCKET_ARGUMENT when a subprotocol is no token or is named twice (RFC 6455 §4.1, item 10)
 */
export function createUpgrade(
  protocols: readonly string[] = [],
  key = createWebSocketKey(),
  compression?: DeflateSettings,
): ClientHandshake {
  for (const [index, name] of protocols.entries()) {
    if (!isToken(name))
      throw new HoldfastError("HF_WEBSOCKET_ARGUMENT", `subprotocol ${JSON.stringify(name)} is not a token`);
    if (protocols.indexOf(name) !== index)
      throw new HoldfastError("HF_WEBSOCKET_ARGUMENT", `subprotocol ${name} is named twice`);
  }
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
    return refuse("the answer lacks Upgrade: websocket");
  if (!hasToken(rawHeaders, "connection", "upgrade")) return refuse("the answer lacks Connection: Upgrade");
  const accepts = fieldValues(rawHeaders, "sec-websocket-accept");
  if (accepts.length !== 1 || accepts[0] !== acceptValueFor(handshake.key))
    return refuse("the answer's Sec-WebSocket-Accept does not fit the key");
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
  if (extensions === undefined) return refuse("the answer's Sec-WebSocket-Extensions is malformed");
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
