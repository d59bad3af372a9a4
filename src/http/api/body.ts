/** Bodies of requests and answers in JSON. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** @returns `{ text }`; "aborted" where the client has gone, which is nothing to report; "large" */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<{ readonly text: string } | "aborted" | "large"> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request) {
      bytes += (part as Buffer).length;
      if (bytes > maxBytes) return "large";
      parts.push(part as Buffer);
    }
  } catch {
    return "aborted";
  }
  return { text: Buffer.concat(parts).toString("utf8") };
}

/** @returns undefined where it is no JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: object | string,
  headers: Record<string, string> = {},
): void {
  const body = typeof value === "string" ? value : JSON.stringify(value);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    ...headers,
  });
  response.end(body);
}
