import { describe, expect, it } from "vitest";
import { invalidToken, nowSeconds, openTokens, withHmac } from "./support/hand-made.js";

function verify(claims: unknown, options: Parameters<typeof openTokens>[0] = {}) {
  return openTokens(options).tokens.verifyConnection(withHmac(claims));
}

const expired = { isAccepted: false, error: "tokenExpired" };

describe("exp (RFC 7519 §4.1.4)", () => {
  it("ends a token at its very moment", async () => {
    const { tokens, moment } = openTokens();
    const token = withHmac({ exp: nowSeconds + 1 });
    moment.seconds = nowSeconds + 0.999;
    expect(await tokens.verifyConnection(token)).toMatchObject({ isAccepted: true });
    moment.seconds = nowSeconds + 1;
    expect(await tokens.verifyConnection(token)).toEqual(expired);
  });

  it("may have fractions", async () => {
    expect(await verify({ exp: nowSeconds + 0.5 })).toMatchObject({
      identity: { expiresAt: nowSeconds * 1000 + 500 },
    });
    expect(await verify({ exp: nowSeconds - 0.5 })).toEqual(expired);
  });

  it("is later by the tolerance, and so is what it ends", async () => {
    const options = { clockToleranceSeconds: 10 };
    expect(await verify({ exp: nowSeconds - 9 }, options)).toMatchObject({
      isAccepted: true,
      identity: { expiresAt: (nowSeconds + 1) * 1000 },
    });
    expect(await verify({ exp: nowSeconds - 10 }, options)).toEqual(expired);
  });

  it("may be absent, and the connection never ends then", async () => {
    expect(await verify({ sub: "ann" })).toEqual({ isAccepted: true, identity: { user: "ann" } });
  });
});

describe("nbf (RFC 7519 §4.1.5)", () => {
  const notYet = (seconds: number) => ({
    ...expired,
    reason: `the token is not valid for another ${seconds} s (nbf)`,
  });

  it("begins a token 10 s before its moment, for clocks differ, and says how long it takes", async () => {
    expect(await verify({ nbf: nowSeconds + 10 })).toMatchObject({ isAccepted: true });
    expect(await verify({ nbf: nowSeconds + 11 })).toEqual(notYet(11));
  });

  it("is earlier by a leeway of its own, or by the tolerance where that is more", async () => {
    const options = { notBeforeLeewaySeconds: 2 };
    expect(await verify({ nbf: nowSeconds + 2 }, options)).toMatchObject({ isAccepted: true });
    expect(await verify({ nbf: nowSeconds + 3 }, options)).toEqual(notYet(3));
    expect(await verify({ nbf: nowSeconds + 1 }, { notBeforeLeewaySeconds: 0 })).toEqual(notYet(1));
    const tolerant = { notBeforeLeewaySeconds: 0, clockToleranceSeconds: 20 };
    expect(await verify({ nbf: nowSeconds + 20 }, tolerant)).toMatchObject({ isAccepted: true });
  });

  it("leaves the end of a token as it is", async () => {
    expect(await verify({ exp: nowSeconds }, { notBeforeLeewaySeconds: 60 })).toEqual(expired);
  });
});

describe("expire_at", () => {
  it("ends the connection in place of exp", async () => {
    const claims = { exp: nowSeconds + 10, expire_at: nowSeconds + 500 };
    expect(await verify(claims)).toMatchObject({ identity: { expiresAt: (nowSeconds + 500) * 1000 } });
  });

  it("lets the connection never end if it is 0, but does not accept an expired token", async () => {
    expect(await verify({ exp: nowSeconds + 10, expire_at: 0 })).toEqual({
      isAccepted: true,
      identity: { user: "" },
    });
    expect(await verify({ exp: nowSeconds, expire_at: 0 })).toEqual(expired);
    expect(await verify({ exp: nowSeconds, expire_at: nowSeconds + 500 })).toEqual(expired);
  });

  it("makes clients fetch another token once it has passed", async () => {
    expect(await verify({ exp: nowSeconds + 10, expire_at: nowSeconds })).toEqual(expired);
  });

  it("counts as absent if it is null", async () => {
    expect(await verify({ exp: nowSeconds + 10, expire_at: null })).toMatchObject({
      identity: { expiresAt: (nowSeconds + 10) * 1000 },
    });
  });
});

describe("times", () => {
  for (const name of ["exp", "nbf", "iat"])
    it.each(["1", null, true, -1, {}, [nowSeconds + 10]])(
      `are refused where ${name} is %j`,
      async (value) => {
        expect(await verify({ [name]: value })).toEqual(
          invalidToken(`the claim ${name} must be a number of seconds since 1970`),
        );
      },
    );

  it.each(["1", true, -1, {}])("are refused where expire_at is %j", async (expire_at) => {
    expect(await verify({ expire_at })).toEqual(
      invalidToken("the claim expire_at must be a number of seconds since 1970"),
    );
  });

  for (const name of ["exp", "nbf", "iat", "expire_at"])
    it(`are refused where ${name} counts milliseconds, and taken up to the year 9999`, async () => {
      expect(await verify({ [name]: nowSeconds * 1000 })).toEqual(
        invalidToken(`the claim ${name} is beyond the year 9999; it must be in seconds, not milliseconds`),
      );
      if (name === "nbf") return;
      expect(await verify({ [name]: 253_402_300_799 })).toMatchObject({ isAccepted: true });
    });

  it("are refused beyond the range of numbers", async () => {
    expect(await verify('{"exp":1e999}')).toEqual(invalidToken(/^the claim exp must be/));
  });
});

describe("aud (RFC 7519 §4.1.3)", () => {
  const refused = invalidToken("the claim aud does not name this server");

  it("has to name this server, alone or among others", async () => {
    for (const audience of ["holdfast", ["holdfast"], ["else", "holdfast"]])
      for (const aud of ["holdfast", ["holdfast"], ["x", "holdfast"]])
        expect(await verify({ aud }, { audience })).toMatchObject({ isAccepted: true });
    for (const aud of ["Holdfast", "", null, 5, [], ["x"], {}, { holdfast: true }, [["holdfast"]], undefined])
      expect(await verify({ aud }, { audience: "holdfast" })).toEqual(refused);
  });

  it("may be anything where nothing is asked of it", async () => {
    expect(await verify({ aud: ["x"] })).toMatchObject({ isAccepted: true });
  });

  it("is looked at before the times, since another's token is not to be renewed", async () => {
    expect(await verify({ aud: "x", exp: 1 }, { audience: "holdfast" })).toEqual(refused);
  });
});

describe("iss (RFC 7519 §4.1.1)", () => {
  it("must be an accepted one", async () => {
    for (const issuer of ["https://a.example", ["https://b.example", "https://a.example"]])
      expect(await verify({ iss: "https://a.example" }, { issuer })).toMatchObject({ isAccepted: true });
    for (const iss of ["https://a.example/", "", null, 5, ["https://a.example"], undefined])
      expect(await verify({ iss }, { issuer: "https://a.example" })).toEqual(
        invalidToken("the claim iss does not name an issuer that this server accepts"),
      );
  });

  it("may be anything where nothing is asked of it", async () => {
    expect(await verify({ iss: "x" })).toMatchObject({ isAccepted: true });
  });
});

describe("strictTokens", () => {
  const whole = { sub: "ann", aud: "chat", exp: nowSeconds + 10 };
  const strict = { strictTokens: true };

  it("takes a token that has exp, aud and sub", async () => {
    expect(await verify(whole, strict)).toMatchObject({ isAccepted: true, identity: { user: "ann" } });
  });

  for (const name of ["exp", "aud", "sub"])
    it.each([undefined, null, ""])(`refuses a token whose ${name} is %j`, async (value) => {
      const given = { ...whole, [name]: value };
      const fault =
        name === "exp" && value !== undefined
          ? /^the claim exp (?:must be a number|is missing)/
          : new RegExp(`^the claim ${name} is missing, but required by strictTokens$`);
      expect(await verify(given, strict)).toEqual(invalidToken(fault));
    });

  it("refuses an empty list of audiences", async () => {
    expect(await verify({ ...whole, aud: [] }, strict)).toEqual(invalidToken(/^the claim aud is missing/));
  });

  it("holds for tokens of subscriptions as well", async () => {
    const { tokens } = openTokens(strict);
    const bearer = { channel: "news", user: "ann", client: "c" };
    const token = (claims: object) => withHmac({ ...whole, channel: "news", ...claims });
    expect(await tokens.verifySubscription(token({}), bearer)).toMatchObject({ isAccepted: true });
    expect(await tokens.verifySubscription(token({ exp: undefined }), bearer)).toMatchObject({
      isAccepted: false,
      error: "permissionDenied",
      reason: "the claim exp is missing, but required by strictTokens",
    });
  });
});
