/** A server that is offered permessage-deflate over HTTP/1.1 (RFC 7692 §5.1), and what it answered. */
import { expect } from "vitest";
import {
  acceptUpgrade,
  type DeflateAgreement,
  type DeflateOptions,
  resolveDeflate,
} from "../../../../packages/holdfast/src/websocket.js";
import { valuesOf } from "./http-head.js";
import { acceptedHead, requestWith } from "./opening-handshake.js";

export function handshakeOf(offer: string | readonly string[] | undefined, options: DeflateOptions = {}) {
  const request = requestWith({ "Sec-WebSocket-Extensions": offer });
  return acceptUpgrade(request, { compression: resolveDeflate(options) });
}

/** The answer in parts, sorted, and what was agreed on; both undefined where the server declined. */
export function accept(offer: string | readonly string[] | undefined, options: DeflateOptions = {}) {
  const handshake = handshakeOf(offer, options);
  const values = valuesOf(acceptedHead(handshake), "sec-websocket-extensions");
  expect(values.length).toBeLessThan(2);
  const [name, ...parameters] = values[0]?.split(";").map((part) => part.trim()) ?? [];
  const agreement = handshake.isAccepted ? handshake.deflate?.agreement : undefined;
  expect(name).toBe(agreement && "permessage-deflate");
  return { parameters: agreement && parameters.sort(), agreement };
}

export const declined = { parameters: undefined, agreement: undefined };
export const withContext: DeflateAgreement = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};
export const withoutContext = {
  ...withContext,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
};
