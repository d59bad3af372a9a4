import { describe, expect, it } from "vitest";
import { type Revocation, Revocations } from "../../src/auth/revocations.js";
import { HoldfastError } from "../../src/errors.js";
import {
  invalidToken,
  type Moment,
  nowSeconds,
  openTokens,
  otherSecret,
  permissionDenied,
  withHmac,
} from "./support/hand-made.js";

const day = 24 * 60 * 60;
const nowMs = nowSeconds * 1000;

function open(maxEntries?: number): { revocations: Revocations; moment: Moment } {
  const moment = { seconds: nowSeconds };
  const bound = maxEntries === undefined ? {} : { maxEntries };
  return { revocations: new Revocations({ now: () => moment.seconds * 1000, ...bound }), moment };
}

function codeOf(run: () => void): string | undefined {
  try {
    run();
  } catch (error) {
    return error instanceof HoldfastError ? error.code : String(error);
  }
  return undefined;
}

describe("revoked tokens", () => {
  const claims = { sub: "ann", jti: "t-1", iat: nowSeconds - 10 };
  const bearer = { channel: "news", user: "ann", client: "c" };

  it.each<[Revocation, boolean]>([
    [{ user: "ann" }, true],
    [{ user: "bob" }, false],
    [{ user: "" }, false],
    [{ tokenId: "t-1" }, true],
    [{ tokenId: "t-2" }, false],
    [{ issuedBefore: nowMs - 9999 }, true],
    [{ issuedBefore: nowMs - 10_000 }, false],
    [{ user: "ann", issuedBefore: nowMs - 9999 }, true],
    [{ user: "ann", issuedBefore: nowMs - 10_000 }, false],
    [{ user: "bob", issuedBefore: nowMs }, false],
  ])("by %j", async (revocation, isRevoked) => {
    const { tokens } = openTokens();
    const connection = withHmac(claims);
    const subscription = withHmac({ ...claims, channel: "news" });
    expect(await tokens.verifyConnection(connection)).toMatchObject({ isAccepted: true });
    tokens.revocations.add(revocation);
    expect(await tokens.verifyConnection(connection)).toMatchObject(
      isRevoked ? invalidToken("the token is revoked") : { isAccepted: true },
    );
    expect(await tokens.verifySubscription(subscription, bearer)).toMatchObject(
      isRevoked ? permissionDenied("the token is revoked") : { isAccepted: true },
    );
  });

  it("count as old without iat", async () => {
    const { tokens } = openTokens();
    tokens.revocations.add({ issuedBefore: 1 });
    expect(await tokens.verifyConnection(withHmac({ sub: "ann" }))).toEqual(
      invalidToken("the token is revoked"),
    );
    expect(await tokens.verifyConnection(withHmac({ sub: "ann", iat: 1 }))).toMatchObject({
      isAccepted: true,
    });
    const bare = { sub: "ann", channel: "news" };
    expect(await tokens.verifySubscription(withHmac(bare), bearer)).toEqual({
      ...permissionDenied("the token is revoked"),
      isRevoked: true,
    });
  });

  it("are not revealed to those who cannot sign", async () => {
    const { tokens } = openTokens();
    tokens.revocations.add({ user: "ann" });
    expect(await tokens.verifyConnection(withHmac(claims, otherSecret))).toEqual(
      invalidToken(/^the token was not signed with any/),
    );
  });

  it("make clients fetch another if they have also expired", async () => {
    const { tokens } = openTokens();
    tokens.revocations.add({ user: "ann" });
    expect(await tokens.verifyConnection(withHmac({ ...claims, exp: nowSeconds }))).toEqual({
      isAccepted: false,
      error: "tokenExpired",
      user: "ann",
    });
  });
});

describe("revocations", () => {
  it("end after 30 days, or when they say", () => {
    const { revocations, moment } = open();
    revocations.add({ user: "ann" });
    revocations.add({ tokenId: "t", untilMs: nowMs + 1000 });
    revocations.add({ user: "bob", issuedBefore: nowMs, untilMs: nowMs + 1000 });
    revocations.add({ issuedBefore: 5, untilMs: nowMs + 1000 });
    const other = { user: "x", issuedAt: nowMs };
    moment.seconds = nowSeconds + 0.999;
    expect(revocations.isRevoked({ ...other, tokenId: "t" })).toBe(true);
    expect(revocations.isRevoked({ user: "bob", issuedAt: 5 })).toBe(true);
    expect(revocations.isRevoked({ user: "x" })).toBe(true);
    moment.seconds = nowSeconds + 1;
    expect(revocations.isRevoked({ ...other, tokenId: "t" })).toBe(false);
    expect(revocations.isRevoked({ user: "bob", issuedAt: 5 })).toBe(false);
    expect(revocations.isRevoked({ user: "x" })).toBe(false);
    moment.seconds = nowSeconds + 30 * day - 1;
    expect(revocations.isRevoked({ user: "ann", issuedAt: nowMs })).toBe(true);
    moment.seconds = nowSeconds + 30 * day;
    expect(revocations.isRevoked({ user: "ann", issuedAt: nowMs })).toBe(false);
  });

  it("have no effect if they have already ended", () => {
    const { revocations } = open();
    revocations.add({ user: "ann", untilMs: nowMs });
    expect(revocations.size).toBe(0);
  });

  it("for the same come together, and none becomes weaker by it", () => {
    const { revocations, moment } = open();
    revocations.add({ user: "ann", untilMs: nowMs + 9000 });
    revocations.add({ user: "ann", untilMs: nowMs + 1000 });
    revocations.add({ tokenId: "t", untilMs: nowMs + 9000 });
    revocations.add({ tokenId: "t", untilMs: nowMs + 1000 });
    revocations.add({ user: "bob", issuedBefore: 9000, untilMs: nowMs + 1000 });
    revocations.add({ user: "bob", issuedBefore: 1000, untilMs: nowMs + 9000 });
    revocations.add({ issuedBefore: 900, untilMs: nowMs + 1000 });
    revocations.add({ issuedBefore: 100, untilMs: nowMs + 9000 });
    expect(revocations.size).toBe(3);
    moment.seconds += 5;
    expect(revocations.isRevoked({ user: "ann", issuedAt: nowMs })).toBe(true);
    expect(revocations.isRevoked({ user: "x", issuedAt: nowMs, tokenId: "t" })).toBe(true);
    expect(revocations.isRevoked({ user: "bob", issuedAt: 8999 })).toBe(true);
    expect(revocations.isRevoked({ user: "x", issuedAt: 899 })).toBe(true);
    expect(revocations.isRevoked({ user: "x", issuedAt: 900 })).toBe(false);
  });

  it("of a user do not shorten a later moment", () => {
    const { revocations, moment } = open();
    revocations.add({ user: "ann", untilMs: nowMs + 1000 });
    revocations.add({ user: "ann", issuedBefore: 500 });
    moment.seconds += 1;
    expect(revocations.isRevoked({ user: "ann", issuedAt: 500 })).toBe(false);
    expect(revocations.isRevoked({ user: "ann", issuedAt: 499 })).toBe(true);
  });

  it("are refused beyond the bound, and none is forgotten for another", () => {
    const { revocations, moment } = open(3);
    revocations.add({ user: "ann", untilMs: nowMs + 1000 });
    revocations.add({ user: "ann", issuedBefore: 5 });
    revocations.add({ tokenId: "t" });
    expect(codeOf(() => revocations.add({ user: "bob" }))).toBe("HF_REVOCATIONS_FULL");
    expect(codeOf(() => revocations.add({ user: "bob", issuedBefore: 5 }))).toBe("HF_REVOCATIONS_FULL");
    expect(codeOf(() => revocations.add({ tokenId: "u" }))).toBe("HF_REVOCATIONS_FULL");
    expect(revocations.isRevoked({ user: "ann", issuedAt: nowMs })).toBe(true);
    expect(revocations.isRevoked({ user: "x", tokenId: "t", issuedAt: nowMs })).toBe(true);
    expect(revocations.isRevoked({ user: "bob", issuedAt: nowMs })).toBe(false);
    // Those that are known, and the moment that holds for everybody, need no room.
    revocations.add({ tokenId: "t" });
    revocations.add({ issuedBefore: 9 });
    expect(revocations.isRevoked({ user: "bob", issuedAt: 8 })).toBe(true);
    moment.seconds += 1;
    revocations.add({ user: "bob" });
    expect(revocations.size).toBe(3);
  });

  it("are 100,000 by default", () => {
    const { revocations } = open();
    for (let index = 0; index < 100_000; index++) revocations.add({ tokenId: `t${index}` });
    expect(codeOf(() => revocations.add({ tokenId: "one more" }))).toBe("HF_REVOCATIONS_FULL");
  });

  it("are pruned when they have ended", () => {
    const { revocations, moment } = open();
    revocations.add({ user: "ann", untilMs: nowMs + 1000 });
    revocations.add({ user: "ann", issuedBefore: 1, untilMs: nowMs + 1000 });
    revocations.add({ tokenId: "t", untilMs: nowMs + 1000 });
    revocations.add({ issuedBefore: 1, untilMs: nowMs + 1000 });
    revocations.add({ tokenId: "u", untilMs: nowMs + 2000 });
    revocations.prune();
    expect([...revocations]).toHaveLength(5);
    moment.seconds += 1;
    revocations.prune();
    expect([...revocations]).toEqual([{ tokenId: "u", untilMs: nowMs + 2000 }]);
    revocations.prune(nowMs + 2000);
    expect(revocations.size).toBe(0);
  });

  it("can be stored and added again", () => {
    const { revocations } = open();
    const added: Revocation[] = [
      { issuedBefore: 7, untilMs: nowMs + 1 },
      { user: "ann", untilMs: nowMs + 2 },
      { user: "ann", issuedBefore: 8, untilMs: nowMs + 3 },
      { tokenId: "t", untilMs: nowMs + 4 },
    ];
    for (const revocation of added) revocations.add(revocation);
    expect([...revocations]).toEqual(added);
    const restored = open().revocations;
    for (const revocation of JSON.parse(JSON.stringify([...revocations])) as Revocation[])
      restored.add(revocation);
    expect([...restored]).toEqual(added);
  });

  for (const [revocation, message] of [
    [{}, "revocation must be one of {user}, {tokenId}"],
    [{ untilMs: 5 }, "revocation must be one of {user}, {tokenId}"],
    [{ user: "ann", tokenId: "t" }, "revocation must be one of {user}, {tokenId}"],
    [{ tokenId: "t", issuedBefore: 5 }, "revocation must be one of {user}, {tokenId}"],
    [{ user: 5 }, "revocation.user must be a string"],
    [{ user: "x".repeat(8193) }, "revocation.user must be a string of up to 8192 characters"],
    [{ tokenId: null }, "revocation.tokenId must be a string"],
    [{ tokenId: "" }, "revocation.tokenId must be a non-empty string"],
    [{ issuedBefore: "5" }, "revocation.issuedBefore must be Unix milliseconds"],
    [{ issuedBefore: Number.NaN }, "revocation.issuedBefore must be Unix milliseconds"],
    [{ user: "ann", untilMs: Number.POSITIVE_INFINITY }, "revocation.untilMs must be Unix milliseconds"],
  ] as [object, string][])
    it(`of another form are refused: ${message}`, () => {
      const { revocations } = open();
      const add = () => revocations.add(revocation as unknown as Revocation);
      expect(codeOf(add)).toBe("HF_OPTION_INVALID");
      expect(add).toThrow(message);
    });
});
