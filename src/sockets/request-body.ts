/** Bodies of requests, with a bound. */
import type { IncomingMessage } from "node:http";

/** Hears of each part of a body that is kept. @returns false where the request has been refused meanwhile */
export type BodyMeter = (bytes: number) => boolean;

const meters = new WeakMap<IncomingMessage, BodyMeter>();

/** Whoever reads this body by `readBody` tells the meter of it. */
export function meterBody(request: IncomingMessage, meter: BodyMeter): void {
  meters.set(request, meter);
}

/** @returns `{ text }`; "aborted" where the client has gone or was refused, which is nothing to report; "large" */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<{ readonly text: string } | "aborted" | "large"> {
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
