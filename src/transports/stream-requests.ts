/** What stands in requests of transports over plain HTTP, and how these are refused. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { OpeningRequest } from "../sockets/opening-request.js";
import type { Rejection } from "../websocket/index.js";
import { isGone } from "./stream-response.js";

/** The parameter cf_connect; undefined where there is none. */
export function readQuery({ url }: OpeningRequest): string | undefined {
  const query = url.indexOf("?");
  return (query < 0 ? null : new URLSearchParams(url.slice(query)).get("cf_connect")) || undefined;
}

/** @returns undefined where the text is none */
export function readEnvelope(
  text: string,
): { readonly session: string; readonly node: string; readonly data: string } | undefined {
  const { session, node, data } = parseObject(text) ?? {};
  if (typeof session !== "string" || typeof node !== "string" || typeof data !== "string") return undefined;
  // A string of JSON can say half of a character, which has no bytes of its own; in the commands it has to be said again.
  return { session, node, data: data.replace(/\p{Surrogate}/gu, escapeCharacter) };
}

/** @returns undefined where the text is no JSON object */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16)}`;
}

export function isBinary(request: IncomingMessage): boolean {
  return request.headers["content-type"]?.startsWith("application/octet-stream") ?? false;
}

export function sendRejection(
  request: IncomingMessage,
  response: ServerResponse,
  { status, message, headers }: Rejection,
  cors: Readonly<Record<string, string>>,
): void {
  // A body that nobody asked for is read and dropped, so that the connection can go on.
  request.resume();
  if (isGone(response) || response.headersSent) return;
  const text = `${message}\n`;
  // RFC 9113 §8.2.2: HTTP/2 has no Connection.
  const ends = status === 413 && request.httpVersionMajor < 2;
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
    ...(ends && { Connection: "close" }),
    ...headers,
    ...cors,
  });
  response.end(text);
}
