import { describe, expect, it } from "vitest";
import type { GrantResult, TokenBearer } from "../../src/sessions/identity.js";
import {
  invalidToken,
  nowSeconds,
  openTokens,
  otherSecret,
  permissionDenied,
  withHmac,
} from "./support/hand-made.js";

const bearer: TokenBearer = { channel: "news", user: "ann", client: "c-1" };
const fitting = { sub: "ann", channel: "news" };
/** What the token can be revoked by. */
const origin = { user: "ann" };

function verify(
  claims: unknown,
  options: Parameters<typeof openTokens>[0] = {},
  given: TokenBearer = bearer,
): Promise<GrantResult> {
  return openTokens(options).tokens.verifySubscription(withHmac(claims), given);
}

describe("claims of a subscription's token", () => {
  it("give a grant with everything in it", async () => {
    const claims = {
      ...fitting,
      client: "c-1",
      exp: nowSeconds + 60,
      info: { a: 1 },
      b64data: Buffer.from("[ 2 ]").toString("base64"),
      override: { presence: { value: true } },
    };
    expect(await verify(claims)).toEqual({
      isAccepted: true,
      grant: {
        origin,
        info: '{"a":1}',
        data: "[ 2 ]",
        expiresAt: (nowSeconds + 60) * 1000,
        overrides: { hasPresence: true },
      },
    });
    expect(await verify(fitting)).toEqual({ isAccepted: true, grant: { origin } });
  });

  it("may leave out the client", async () => {
    for (const client of [null, ""])
      expect(await verify({ ...fitting, client })).toMatchObject({ isAccepted: true });
  });

  it("may leave out the user of an anonymous connection", async () => {
    for (const claims of [{ channel: "news" }, { channel: "news", sub: "" }])
      expect(await verify(claims, {}, { ...bearer, user: "" })).toMatchObject({ isAccepted: true });
  });

  it.each([
    ["channel", { ...fitting, channel: "new" }, bearer],
    ["channel", { ...fitting, channel: "News" }, bearer],
    ["user", { ...fitting, sub: "bob" }, bearer],
    ["user", { channel: "news" }, bearer],
    ["user", fitting, { ...bearer, user: "" }],
    ["connection", { ...fitting, client: "c-2" }, bearer],
  ])("end the connection where they are for another %s", async (what, claims, given) => {
    expect(await verify(claims, {}, given)).toEqual(invalidToken(`the token is for another ${what}`));
  });

  for (const [claims, reason] of [
    [{ sub: "ann" }, "channel is missing, but required in a subscription token"],
    [{ ...fitting, channel: null }, "channel must be a string"],
    [{ ...fitting, channel: ["news"] }, "channel must be a string"],
    [{ ...fitting, channel: "" }, "channel is invalid: a channel name must not be empty"],
    [{ ...fitting, sub: 5 }, "sub must be a string"],
    [{ ...fitting, sub: null }, "sub must be a string"],
    [{ ...fitting, client: 5 }, "client must be a string"],
    [{ ...fitting, info: "x".repeat(4095) }, "info has 4097 characters of JSON; at most 4096 are allowed"],
    [{ ...fitting, b64info: "%" }, "b64info must be a base64 string"],
    [{ ...fitting, b64data: "%" }, "b64data must be a base64 string"],
    [{ ...fitting, override: [] }, "override must be an object"],
    [
      { ...fitting, override: { join_leave: { value: "yes" } } },
      "override.join_leave.value must be true or false",
    ],
    [{ ...fitting, exp: "soon" }, "exp must be a number of seconds since 1970"],
    [{ ...fitting, jti: 5 }, "jti must be a string"],
    [{ ...fitting, iat: "then" }, "iat must be a number of seconds since 1970"],
  ] as [object, string][])
    it(`are denied: the claim ${reason}`, async () => {
      expect(await verify(claims)).toEqual(permissionDenied(`the claim ${reason}`));
    });

  it("are denied if the token is not for this server", async () => {
    expect(await verify(fitting, { audience: "holdfast" })).toEqual(permissionDenied(/^the claim aud/));
    expect(await verify(fitting, { issuer: "holdfast" })).toEqual(permissionDenied(/^the claim iss/));
  });

  it("tell of a token that is out of its time", async () => {
    const expired = { isAccepted: false, error: "tokenExpired" };
    expect(await verify({ ...fitting, exp: nowSeconds })).toEqual(expired);
    expect(await verify({ ...fitting, nbf: nowSeconds + 11 })).toEqual({
      ...expired,
      reason: "the token is not valid for another 11 s (nbf)",
    });
    expect(await verify({ ...fitting, expire_at: nowSeconds })).toEqual(expired);
    expect(await verify({ ...fitting, exp: nowSeconds }, { clockToleranceSeconds: 1 })).toEqual({
      isAccepted: true,
      grant: { expiresAt: (nowSeconds + 1) * 1000, origin },
    });
  });

  it("end in time by expire_at, or never", async () => {
    expect(await verify({ ...fitting, exp: nowSeconds + 1, expire_at: nowSeconds + 9 })).toMatchObject({
      grant: { expiresAt: (nowSeconds + 9) * 1000, origin },
    });
    expect(await verify({ ...fitting, exp: nowSeconds + 1, expire_at: 0 })).toEqual({
      isAccepted: true,
      grant: { origin },
    });
  });

  it("are not looked at without a signature that is right", async () => {
    const { tokens } = openTokens();
    for (const token of [
      withHmac(fitting, otherSecret),
      withHmac({ ...fitting, channel: "x" }, otherSecret),
      "",
      "a.b.c",
    ])
      expect(await tokens.verifySubscription(token, bearer)).toEqual(permissionDenied(/^the token/));
  });
});
