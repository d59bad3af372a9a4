import { describe, expect, it } from "vitest";
import { createTokens } from "../../src/auth/tokens.js";
import { signToken } from "../../src/index.js";

const secret = "a secret of the tests that is long enough for HS256";
const tokens = createTokens({ secret, now: () => Date.now() });
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split(".")[1] as string, "base64url").toString()) as Record<string, number>;

describe("signToken", () => {
  it("makes a token that jwt accepts, good for an hour", async () => {
    const token = await signToken({ secret }, { sub: "ann", roles: ["desk"] });
    expect(await tokens.verifyConnection(token)).toMatchObject({
      isAccepted: true,
      identity: { user: "ann", roles: ["desk"] },
    });
    const { iat = 0, exp = 0 } = claimsOf(token);
    expect(exp - iat).toBe(3600);
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(60);
  });

  it("makes the token of a subscription", async () => {
    const token = await signToken({ secret }, { sub: "ann", channel: "news" });
    const bearer = { channel: "news", user: "ann", client: "c" };
    expect(await tokens.verifySubscription(token, bearer)).toMatchObject({ isAccepted: true });
  });

  it("takes another time, none, or an exp of the caller's", async () => {
    const lifeOf = async (...[options, claims]: Partial<Parameters<typeof signToken>>) => {
      const { iat = 0, exp } = claimsOf(await signToken({ secret, ...options }, { sub: "ann", ...claims }));
      return exp === undefined ? undefined : exp - iat;
    };
    expect(await lifeOf({ expiresIn: "10m" })).toBe(600);
    expect(await lifeOf({ expiresIn: 90_000 })).toBe(90);
    expect(await lifeOf({ expiresIn: null })).toBeUndefined();
    expect(await lifeOf({}, { iat: 2_000_000_000 - 9, exp: 2_000_000_000 + 1_000_000_000 })).toBe(
      1_000_000_009,
    );
  });

  it.each([
    [{ secret: "short" }, {}, /^secret must be at least 32 bytes/],
    [{}, {}, /^secret must be/],
    [
      { secret, expiresIn: "1 hour" },
      {},
      /^expiresIn must be a number of milliseconds or a text such as 30s/,
    ],
    [{ secret, expiresIn: 10 }, {}, /^expiresIn must be/],
    [{ secret }, { exp: Date.now() + 1000 }, /^claims are invalid: the claim exp is beyond the year 9999/],
    [{ secret }, { sub: 42 }, /^claims are invalid: the claim sub must be a string/],
    [{ secret }, { channels: "news" }, /^claims are invalid: the claim channels must be a list/],
  ])("refuses %j with %j", async (options, claims, message) => {
    const made = signToken(options as never, claims as never);
    await expect(made).rejects.toMatchObject({
      code: "HF_OPTION_INVALID",
      message: expect.stringMatching(message),
    });
  });
});
