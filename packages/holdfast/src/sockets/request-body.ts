/** Bodies of requests, with a bound. */
import type { IncomingMessage } from "node:http";

/** "consumed": somebody else has read it, and left nothing of it. */
export type BodyFault = "aborted" | "large" | "consumed";

/** Hears of each part of a body that is kept. @returns false where the request has been refused meanwhile */
export type BodyMeter = (bytes: number) => boolean;

const meters = new WeakMap<IncomingMessage, BodyMeter>();

/** Whoever reads this body by `readBody` tells the meter of it. */
export function meterBody(request: IncomingMessage, meter: BodyMeter): void {
  meters.set(request, meter);
}

/** @returns `{ text }`; "aborted" where the client has gone or was refused, which is nothing to report; "large"; "consumed" */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<{ readonly text: string } | BodyFault> {
  if (request.readableEnded) return takeParsed(request, maxBytes);
  const meter = meters.get(request);
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request) {
      const { length } = part as Buffer;
      bytes += length;
      if (bytes > maxBytes) return "large";
      if (meter?.(length) === false) return "aborted";
      parts.push(part as Buffer);
    }
  } catch {
    return "aborted";
  }
  if (meter?.(0) === false) return "aborted";
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
