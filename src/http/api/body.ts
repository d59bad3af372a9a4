/** Bodies of requests and answers in JSON. */
import type { ServerResponse } from "node:http";
import type { JsonText } from "../../wire/messages.js";

export { readBody } from "../../sockets/request-body.js";

/** @returns undefined where it is no JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value in an answer that is text already, and goes out as it is. */
export class RawJson {
  readonly text: JsonText;

  constructor(text: JsonText) {
    this.text = text;
  }
}

/** As `JSON.stringify`, of plain objects and arrays with {@link RawJson} in them. */
export function encodeJson(value: unknown): JsonText {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(encodeJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([name, each]) => `${JSON.stringify(name)}:${encodeJson(each)}`);
  return `{${members.join(",")}}`;
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: object | string,
  headers: Record<string, string> = {},
): void {
  const body = typeof value === "string" ? value : encodeJson(value);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    ...headers,
  });
  response.end(body);
}
