/** Bodies of requests and answers in JSON. */
import type { ServerResponse } from "node:http";
import { encodeJson } from "../../wire/payload.js";

export { consumedBodyAdvice, readBody } from "../../sockets/request-body.js";

/** @returns undefined where it is no JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param value as an object, or as the JSON that it is */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: object | string | Buffer,
  headers: Record<string, string> = {},
): void {
  const body = typeof value === "string" || Buffer.isBuffer(value) ? value : encodeJson(value);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    ...headers,
  });
  response.end(body);
}
