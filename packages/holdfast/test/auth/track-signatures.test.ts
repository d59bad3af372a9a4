import { createHash, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type SignedKeys, verifyTrackSignature } from "../../src/auth/track-signatures.js";

const now = 1_700_000_000_000;
const seconds = now / 1000;
const secret = "a secret of sixteen";

function signed({
  keys = ["a", "b"],
  user = "ann",
  channel = "votes:x",
  expires = seconds + 60,
  join = "\0",
  by = secret,
}: Partial<SignedKeys> & {
  readonly expires?: number;
  readonly join?: string;
  readonly by?: string;
} = {}): SignedKeys {
  const hash = createHash("sha256").update(keys.join("\0")).digest("hex");
  const text = [seconds, expires, user, channel, hash].join(join);
  const mac = createHmac("sha256", by).update(text).digest("hex");
  return { signature: `${seconds}:${expires}:${mac}`, keys, user, channel };
}

describe("a signature of keys", () => {
  it("allows these keys until it expires, with any of the secrets", () => {
    expect(verifyTrackSignature(signed(), [secret], now)).toEqual({ expiresAt: now + 60_000 });
    const old = signed({ by: "an older secret, too" });
    expect(verifyTrackSignature(old, [secret, "an older secret, too"], now)).toEqual({
      expiresAt: now + 60_000,
    });
    expect(verifyTrackSignature(signed({ expires: 0 }), [secret], now)).toEqual({});
  });

  it.each([
    ["other keys", { keys: ["a"] }],
    ["the same keys in another order", { keys: ["b", "a"] }],
    ["another user", { user: "bo" }],
    ["another channel", { channel: "votes:y" }],
    ["what is none", { signature: "x" }],
    ["digits that are cut off", { signature: signed().signature.slice(0, -2) }],
    ["another time", { signature: signed().signature.replace(/:\d+:/, `:${seconds + 61}:`) }],
  ])("is wrong for %s", (_name, change) => {
    expect(verifyTrackSignature({ ...signed(), ...change }, [secret], now)).toBe("wrong");
  });

  it("has expired once five seconds more have gone", () => {
    const until = signed({ expires: seconds });
    expect(verifyTrackSignature(until, [secret], now + 5000)).toEqual({ expiresAt: now });
    expect(verifyTrackSignature(until, [secret], now + 5001)).toBe("expired");
  });

  it("may have colons instead of NUL, unless the user has one, which another user and channel could have", () => {
    expect(verifyTrackSignature(signed({ join: ":" }), [secret], now)).toEqual({ expiresAt: now + 60_000 });
    const ambiguous = signed({ join: ":", user: "ann:votes", channel: "x" });
    expect(verifyTrackSignature(ambiguous, [secret], now)).toBe("wrong");
  });
});
