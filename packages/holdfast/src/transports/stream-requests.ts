/** What stands in requests of transports over plain HTTP, and how these are refused. */
import type { IncomingMessage } from "node:http";
import { queryOf } from "../requests/credentials.js";
import { type HttpRefusal, sendRefusal } from "../requests/refusals.js";
import type { HttpExchange } from "../requests/request-policy.js";
import { isGone } from "./stream-response.js";

/** The parameter cf_connect; undefined where there is none. */
export function readConnectQuery(url: string): string | undefined {
  return queryOf(url).get("cf_connect") || undefined;
}

/** Whether a text is a connect command, and nothing beside it: what a GET may carry, since links and images send GETs. */
export function isConnectAlone(text: string): boolean {
  const command = text.trim();
  // Each line is a command of its own.
  const fields = command.includes("\n") ? undefined : parseObject(command);
  if (fields === undefined || !Object.hasOwn(fields, "connect")) return false;
  return Object.keys(fields).every((name) => name === "id" || name === "connect");
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

export function sendFault({ request, response, admitted }: HttpExchange, fault: HttpRefusal): void {
  // A body that nobody asked for is read and dropped, so that the connection can go on.
  request.resume();
  if (isGone(response) || response.headersSent) return;
  // RFC 9113 §8.2.2: HTTP/2 has no Connection.
  const isLast = fault.status === 413 && request.httpVersionMajor < 2;
  sendRefusal(response, fault, { ...admitted.cors, ...(isLast && { Connection: "close" }) });
}
