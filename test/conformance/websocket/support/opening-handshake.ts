/** The opening handshake of RFC 6455 §1.2, to be varied, and what a server made of it. */
import { expect } from "vitest";
import type { Rejection, ServerHandshake } from "../../../../packages/holdfast/src/websocket.js";
import { parseResponse, valuesOf } from "./http-head.js";

/** The request of RFC 6455 §1.2, field by field. */
const sample: Readonly<Record<string, string>> = {
  Host: "server.example.com",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  Origin: "http://example.com",
  "Sec-WebSocket-Version": "13",
};

/** The sample request with other fields; undefined leaves one out, an array repeats it. */
export function requestWith(fields: Record<string, string | readonly string[] | undefined> = {}) {
  const rawHeaders = Object.entries({ ...sample, ...fields }).flatMap(([name, value = []]) =>
    (typeof value === "string" ? [value] : value).flatMap((each) => [name, each]),
  );
  return { method: "GET", httpVersion: "1.1", rawHeaders };
}

export function expectRejection(handshake: ServerHandshake, status: number): Rejection {
  expect(handshake).toMatchObject({ isAccepted: false, status });
  expect((handshake as Rejection).message).toMatch(/\w/);
  return handshake as Rejection;
}

export function acceptedHead(handshake: ServerHandshake) {
  if (!handshake.isAccepted) throw new Error(`refused with ${handshake.status}: ${handshake.message}`);
  const head = parseResponse(handshake.responseHead);
  expect(head).toMatchObject({ status: 101, body: "" });
  return head.rawHeaders;
}

export const headerOf = ({ headers }: Rejection, name: string) =>
  valuesOf(Object.entries(headers).flat(), name);
