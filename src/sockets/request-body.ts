/** Bodies of requests, with a bound. */
import type { IncomingMessage } from "node:http";

/** "consumed": somebody else has read it, and left nothing of it. */
export type BodyFault = "aborted" | "large" | "consumed";

/** @returns `{ text }`; "aborted" where the client has gone, which is nothing to report; "large"; "consumed" */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<{ readonly text: string } | BodyFault> {
  if (request.readableEnded) return takeParsed(request, maxBytes);
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

/** Parsers of frameworks, such as `express.json()`, leave at `body` what they have read. */
function takeParsed(request: IncomingMessage, maxBytes: number): { readonly text: string } | BodyFault {
  const { body } = request as { body?: unknown };
  if (body === undefined) return "consumed";
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const text = isRaw ? Buffer.from(body as string).toString("utf8") : JSON.stringify(body);
  return Buffer.byteLength(text) > maxBytes ? "large" : { text };
}

/** What whoever has put a parser in front is told. */
export const consumedBodyAdvice =
  "the body was read before this handler got the request: put the handler in front of what parses bodies, such as express.json(), or have that leave the body at request.body";
