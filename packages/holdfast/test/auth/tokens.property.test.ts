import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GrantResult, IdentityResult } from "../../src/sessions/identity.js";
import { openTokens, otherSecret, pem, rsa, secret, unsigned, withHmac } from "./support/hand-made.js";

const bearer = { channel: "news", user: "ann", client: "c" };
const names = [
  "sub",
  "exp",
  "iat",
  "jti",
  "aud",
  "iss",
  "nbf",
  "info",
  "b64info",
  "channels",
  "subs",
  "meta",
  "expire_at",
  "roles",
  "channel",
  "client",
  "data",
  "b64data",
  "override",
  "__proto__",
  "constructor",
];

/** Claims by the names that are looked at, with values of any kind, and ones that come close. */
const anyClaims = fc.dictionary(
  fc.constantFrom(...names),
  fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.array(fc.string(), { maxLength: 5 }),
    fc.constantFrom("news", "ann", "", 0, [], {}, { news: { override: { presence: { value: true } } } }),
    fc.dictionary(
      fc.string(),
      fc.dictionary(fc.constantFrom("info", "b64info", "data", "override"), fc.jsonValue()),
    ),
  ),
);

function outcomeOf(result: IdentityResult | GrantResult): string {
  if (result.isAccepted) return "accepted";
  return "error" in result ? result.error : result.disconnect;
}

describe("tokens of any kind", () => {
  const { tokens } = openTokens({ secret, publicKeys: [pem(rsa.publicKey)] });

  async function outcomes(token: string): Promise<readonly string[]> {
    return [
      outcomeOf(await tokens.verifyConnection(token)),
      outcomeOf(await tokens.verifySubscription(token, bearer)),
    ];
  }

  it("are refused for any string", async () => {
    const base64url = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.") });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: "binary" }), base64url), async (token) => {
        expect(await outcomes(token)).toEqual(["invalidToken", "permissionDenied"]);
      }),
    );
  });

  it("are refused with any header if the signature is wrong", async () => {
    const header = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom("alg", "kid", "crit", "b64", "jwk"), fc.jsonValue()),
      fc.record({ alg: fc.constantFrom("HS256", "RS256", "PS512", "none"), kid: fc.string() }),
    );
    await fc.assert(
      fc.asyncProperty(header, anyClaims, fc.string(), async (any, claims, signature) => {
        const text = unsigned(any as Record<string, unknown>, claims);
        const token = `${text}.${Buffer.from(signature).toString("base64url")}`;
        expect(await outcomes(token)).toEqual(["invalidToken", "permissionDenied"]);
      }),
    );
  });

  it("are judged with any claims, and never make anything throw", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(anyClaims, async (claims) => {
        const [connection = "", subscription = ""] = await outcomes(withHmac(claims));
        expect(["accepted", "tokenExpired", "invalidToken"]).toContain(connection);
        expect(["accepted", "tokenExpired", "permissionDenied", "invalidToken"]).toContain(subscription);
        seen.add(connection);
        expect(await outcomes(withHmac(claims, otherSecret))).toEqual(["invalidToken", "permissionDenied"]);
      }),
      { numRuns: 500 },
    );
    expect(seen).toContain("accepted");
    expect(seen).toContain("invalidToken");
  });

  it("give an identity whose texts are JSON on one line", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.constantFrom(undefined, 2, "\t"), async (value, space) => {
        const b64info = Buffer.from(JSON.stringify(value, null, space)).toString("base64");
        const result = await tokens.verifyConnection(withHmac({ b64info }));
        if (!result.isAccepted) throw new Error(JSON.stringify(result));
        const { info = "" } = result.identity;
        expect(info).not.toMatch(/[\r\n]/);
        expect(JSON.parse(info)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
