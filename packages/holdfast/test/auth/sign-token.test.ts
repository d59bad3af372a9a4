import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type SignOptions, signToken } from "../../src/auth/sign-token.js";
import { nowSeconds, openTokens, otherSecret, pem, rsa, secret } from "./support/hand-made.js";

const claims = { sub: "ann", exp: nowSeconds + 60, channels: ["news"], meta: { a: [1] } };

describe("signing tokens", () => {
  it("gives a token that anybody with the secret can check", async () => {
    const [header = "", payload = "", signature] = (await signToken({ secret }, claims)).split(".");
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({ alg: "HS256", typ: "JWT" });
    expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toEqual(claims);
    expect(signature).toBe(createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url"));
  });

  it.each(["HS256", "HS384", "HS512"] as const)(
    "gives a token that is accepted, with %s",
    async (algorithm) => {
      const { tokens } = openTokens();
      const token = await signToken({ secret, algorithm }, claims);
      expect(await tokens.verifyConnection(token)).toMatchObject({
        isAccepted: true,
        identity: { user: "ann" },
      });
    },
  );

  it("does not sign with a secret that is too short for the algorithm", async () => {
    await expect(signToken({ secret: "x".repeat(63), algorithm: "HS512" }, claims)).rejects.toMatchObject({
      code: "HF_OPTION_INVALID",
      message: "secret must be at least 64 bytes long for HS512, but is 63 bytes long",
    });
  });

  it("uses the current secret of several", async () => {
    const token = await signToken({ secret: [otherSecret, secret] }, claims);
    expect(await openTokens({ secret: otherSecret }).tokens.verifyConnection(token)).toMatchObject({
      isAccepted: true,
    });
    expect(await openTokens({ secret }).tokens.verifyConnection(token)).toMatchObject({ isAccepted: false });
  });

  it("takes the options of tokens", async () => {
    const options = { secret, now: () => 0, audience: "x" };
    expect(await signToken(options, {})).toBe(await signToken({ secret }, {}));
  });

  for (const [options, message] of [
    [{}, "secret must be a string or a list of strings, but is of type undefined"],
    [{ secret: "short" }, "secret must be at least 32 bytes long"],
    [{ secret: [] }, "secret must be a string or a non-empty list of strings"],
    [{ secret: pem(rsa.publicKey) }, "secret must be a shared secret"],
    [{ secret, algorithm: "none" }, 'algorithm must be one of HS256, HS384, HS512, but is "none"'],
    [{ secret, algorithm: "RS256" }, "algorithm must be one of"],
  ] as [object, string][])
    it(`refuses options: ${message}`, async () => {
      await expect(signToken(options as SignOptions, claims)).rejects.toMatchObject({
        code: "HF_OPTION_INVALID",
        message: expect.stringContaining(message),
      });
    });
});
