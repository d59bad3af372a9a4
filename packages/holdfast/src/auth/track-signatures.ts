/**
 * Signatures of lists of keys, with which an application says which keys of a polled channel a user may track:
 * `ISSUED:EXPIRES:HMAC`, times in Unix seconds (0 for never) and the HMAC-SHA256 in hexadecimal digits. What is signed are both times, the
 * user, the channel, and the SHA-256 of the keys, each joined by NUL.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export interface SignedKeys {
  readonly signature: string;
  /** In the order in which they were signed. */
  readonly keys: readonly string[];
  readonly user: string;
  readonly channel: string;
}

/** How long a signature is accepted after its time: clocks differ. */
const toleranceMs = 5000;

/** @returns until when the keys may be tracked, in Unix milliseconds; or that the signature is `wrong` or `expired` */
export function verifyTrackSignature(
  { signature, keys, user, channel }: SignedKeys,
  secrets: readonly string[],
  now: number,
): { readonly expiresAt?: number } | "wrong" | "expired" {
  const [, issued, expires, given] = /^(\d{1,12}):(\d{1,12}):([\da-f]{64})$/.exec(signature) ?? [];
  if (issued === undefined || expires === undefined || given === undefined) return "wrong";
  const hash = createHash("sha256").update(keys.join("\0")).digest("hex");
  const parts = [issued, expires, user, channel, hash];
  // Until version 6.7 of the protocol's reference server, colons stood for NUL; where the user has one, these leave open what is what.
  const texts = user.includes(":") ? [parts.join("\0")] : [parts.join("\0"), parts.join(":")];
  const mac = Buffer.from(given, "hex");
  const isRight = secrets.some((secret) =>
    texts.some((text) => timingSafeEqual(createHmac("sha256", secret).update(text).digest(), mac)),
  );
  if (!isRight) return "wrong";
  if (Number(expires) === 0) return {};
  const expiresAt = Number(expires) * 1000;
  return expiresAt + toleranceMs < now ? "expired" : { expiresAt };
}
