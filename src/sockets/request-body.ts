/** Bodies of requests, with a bound. */
import type { IncomingMessage } from "node:http";

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
