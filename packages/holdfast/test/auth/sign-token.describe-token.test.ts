import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeToken } from "../../src/auth/sign-token.js";
import { nowSeconds, otherSecret, rsa, unsigned, withHmac, withKeyPair } from "./support/hand-made.js";

const now = nowSeconds * 1000;

describe("describing tokens", () => {
  it("shows the content of a token, whoever signed it", () => {
    const claims = { sub: "ann", exp: nowSeconds + 60, iat: nowSeconds, nbf: nowSeconds };
    expect(describeToken(withHmac(claims, otherSecret, { alg: "HS256", kid: "k" }), { now })).toEqual({
      kind: "connection",
      header: { alg: "HS256", kid: "k" },
      claims,
      faults: [],
    });
    const subscription = { sub: "ann", channel: "news" };
    expect(describeToken(withKeyPair(subscription, rsa.privateKey, "RS256"), { now })).toEqual({
      kind: "subscription",
      header: { alg: "RS256" },
      claims: subscription,
      faults: [],
    });
  });

  for (const [claims, fault] of [
    [{ exp: nowSeconds - 5 }, "the token expired 5 s ago (exp)"],
    [{ exp: nowSeconds }, "the token expired 0 s ago (exp)"],
    [{ expire_at: nowSeconds - 5 }, "the token expired 5 s ago (expire_at)"],
    [{ nbf: nowSeconds + 5 }, "the token is not valid for another 5 s (nbf)"],
    [{ iat: nowSeconds + 5 }, "the token was issued 5 s in the future (iat)"],
    [
      { exp: nowSeconds * 1000 },
      "the claim exp is beyond the year 9999; it must be in seconds, not milliseconds",
    ],
    [{ exp: "soon" }, "the claim exp must be a number of seconds since 1970"],
    [{ sub: 5 }, "the claim sub must be a string"],
    [{ channels: "news" }, "the claim channels must be a list of channel names"],
    [{ groups: "admin" }, "the claim groups must be a list of roles"],
    [{ channel: "" }, "the claim channel is invalid: a channel name must not be empty"],
    [
      { channel: "news", info: "x".repeat(5000) },
      "the claim info has 5002 characters of JSON; at most 4096 are allowed",
    ],
  ] as [object, string][])
    it(`says that ${fault}`, () => {
      expect(describeToken(withHmac(claims), { now, roles: "groups" }).faults).toEqual([fault]);
    });

  it("judges no times without a clock", () => {
    expect(describeToken(withHmac({ exp: 1, nbf: 1e9, iat: 1e9, expire_at: 0 })).faults).toEqual([]);
    expect(describeToken(withHmac({ expire_at: 0 }), { now }).faults).toEqual([]);
  });

  it("says everything that is wrong with a header and a form", () => {
    expect(describeToken(`${unsigned({ alg: "none" }, {})}.`).faults).toEqual([
      expect.stringMatching(/^the token's algorithm is "none", but HS256, .*Ed25519 are accepted$/),
      "the token is not signed",
    ]);
    expect(describeToken("Bearer x")).toEqual({
      faults: ["the token must be three base64url parts separated by dots"],
    });
    expect(describeToken("e30.W10.x")).toEqual({
      header: {},
      faults: ["the token's header has no algorithm (alg)", "the token's payload is not a JSON object"],
    });
    const long = withHmac({ x: "x".repeat(9000) });
    expect(describeToken(long).faults).toEqual([
      `the token has ${long.length} bytes; at most 8192 are allowed`,
    ]);
    expect(describeToken(long, { maxTokenBytes: 20_000 }).faults).toEqual([]);
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (token) => void describeToken(token, { now })));
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (header, payload) => {
        describeToken(`${unsigned(header as Record<string, unknown>, payload)}.x`, { now });
      }),
    );
  });
});
