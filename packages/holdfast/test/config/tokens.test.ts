import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { TokenOptions } from "../../src/auth/jwt-options.js";
import {
  type ClaimChoices,
  checkToken,
  findTokenKeys,
  makeToken,
  toClaims,
} from "../../src/config/tokens.js";
import { type App, defineApp, jwt } from "../../src/index.js";
import { goodSecret } from "./config-folder.js";

const now = 1_700_000_000_000;
const seconds = now / 1000;
const appWith = (options: Omit<TokenOptions, "now">): App =>
  defineApp({ authenticate: jwt(options), channels: {} });

async function make(
  choices: Partial<ClaimChoices>,
  app = appWith({ secret: goodSecret }),
  given = {},
  signing = {},
) {
  const keys = findTokenKeys(app, given);
  const claims = toClaims({ user: "ann", expires: "1h", ...choices }, keys.options, now);
  return { keys, claims, token: await makeToken(keys, claims, signing) };
}

describe("making a token", () => {
  it("says who, and until when", async () => {
    const { claims, keys, token } = await make({});
    expect(claims).toEqual({ sub: "ann", iat: seconds, exp: seconds + 3600 });
    expect(await checkToken(token, keys, now)).toEqual({
      isAccepted: true,
      kind: "connection",
      header: { alg: "HS256", typ: "JWT" },
      claims,
      faults: [],
      expiresInSeconds: 3600,
    });
  });

  it("has all that is asked for, and what the configuration asks of tokens", async () => {
    const app = appWith({ secret: goodSecret, audience: ["chat", "other"], issuer: "us", roles: "groups" });
    const { claims, keys, token } = await make(
      {
        channels: ["a", "b"],
        roles: ["admin"],
        info: '{"name":"Ann"}',
        meta: "[1]",
        id: "t1",
        expires: "never",
      },
      app,
    );
    expect(claims).toEqual({
      sub: "ann",
      iat: seconds,
      aud: "chat",
      iss: "us",
      jti: "t1",
      channels: ["a", "b"],
      groups: ["admin"],
      info: { name: "Ann" },
      meta: [1],
    });
    const report = await checkToken(token, keys, now);
    expect(report.isAccepted).toBe(true);
    expect(report).not.toHaveProperty("expiresInSeconds");
  });

  it("is for one subscription with a channel", async () => {
    const { keys, token } = await make({ channel: "chat:1" });
    const report = await checkToken(token, keys, now);
    expect(report).toMatchObject({ isAccepted: true, kind: "subscription", claims: { channel: "chat:1" } });
    expect(() => toClaims({ user: "a", expires: "1h", channel: "a", roles: ["b"] }, {}, now)).toThrow(
      /cannot have --channels/,
    );
  });

  it.each([
    [{ expires: "soon" }, /--expires must be a time such as 30s/],
    [{ expires: "0s" }, /--expires must be/],
    [{ info: "{" }, /--info must be JSON, but is \{/],
    [{ meta: "x" }, /--meta must be JSON/],
  ])("refuses %j", (choices, message) => {
    expect(() => toClaims({ user: "ann", expires: "1h", ...choices }, {}, now)).toThrow(message);
  });

  it("signs with the algorithm that is asked for, or the first that is accepted", async () => {
    const header = async (app: App, signing: object) => {
      const { keys, token } = await make({}, app, {}, signing);
      return (await checkToken(token, keys, now)).header;
    };
    const plain = appWith({ secret: goodSecret });
    const long = `${goodSecret} and as long again, ${goodSecret}`;
    expect(await header(appWith({ secret: long }), { algorithm: "HS512" })).toMatchObject({ alg: "HS512" });
    expect(await header(appWith({ secret: long, algorithms: ["HS384"] }), {})).toMatchObject({
      alg: "HS384",
    });
    await expect(make({}, plain, {}, { algorithm: "RS256" })).rejects.toThrow(
      /algorithm must be one of HS256/,
    );
  });

  it("takes a secret that is given over that of the configuration", async () => {
    const other = goodSecret.split("").reverse().join("");
    const { token, keys } = await make({}, appWith({ secret: goodSecret, audience: "chat" }), {
      secret: other,
    });
    expect((await checkToken(token, keys, now)).claims).toMatchObject({ aud: "chat" });
    expect((await checkToken(token, keys, now)).isAccepted).toBe(true);
    const ofConfig = findTokenKeys(appWith({ secret: goodSecret, audience: "chat" }), {});
    expect(await checkToken(token, ofConfig, now)).toMatchObject({
      isAccepted: false,
      faults: [expect.stringMatching(/not signed with any of this server's keys/)],
    });
  });

  it.each([
    ["rsa", { modulusLength: 2048 }, "RS256"],
    ["ec", { namedCurve: "P-384" }, "ES384"],
    ["ed25519", {}, "EdDSA"],
  ] as const)("signs with a private key of the type %s", async (type, options, algorithm) => {
    const { privateKey, publicKey } = generateKeyPairSync(
      type as "rsa",
      options as { modulusLength: number },
    );
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const { token, keys } = await make({}, undefined, { pem }, { keyId: "k1" });
    expect(await checkToken(token, keys, now)).toMatchObject({
      isAccepted: true,
      header: { alg: algorithm, kid: "k1" },
    });
    const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
    expect((await checkToken(token, findTokenKeys(undefined, { pem: publicPem }), now)).isAccepted).toBe(
      true,
    );
    await expect(make({}, undefined, { pem }, { algorithm: "HS256" })).rejects.toThrow(
      /algorithm must be one of/,
    );
    await expect(make({}, undefined, { pem: publicPem })).rejects.toThrow(
      /key must be an unencrypted private key in PEM/,
    );
  });

  it("says that there is no key, or none to sign with", async () => {
    expect(() => findTokenKeys(undefined, {})).toThrow(/no key: pass --secret, HOLDFAST_SECRET or --key/);
    const { publicKey } = generateKeyPairSync("ed25519");
    const publicKeys = [publicKey.export({ type: "spki", format: "pem" }).toString()];
    await expect(make({}, appWith({ publicKeys }))).rejects.toThrow(/has only public keys/);
  });
});

describe("checking a token", () => {
  it("says for how long it is still good, and when it has been", async () => {
    const { token, keys } = await make({ expires: "10m" });
    expect((await checkToken(token, keys, now + 60_000)).expiresInSeconds).toBe(540);
    expect(await checkToken(token, keys, now + 660_000)).toMatchObject({
      isAccepted: false,
      faults: ["the token expired 60 s ago (exp)"],
    });
  });

  it.each([
    ["nonsense", /three base64url parts/],
    ["", /three base64url parts/],
  ])("says what is wrong with %j", async (token, fault) => {
    const report = await checkToken(token, findTokenKeys(appWith({ secret: goodSecret }), {}), now);
    expect(report).toMatchObject({ isAccepted: false });
    expect(report.faults.join()).toMatch(fault);
  });

  it("refuses what is for somebody else", async () => {
    const { token } = await make({}, appWith({ secret: goodSecret, audience: "them" }));
    const report = await checkToken(
      token,
      findTokenKeys(appWith({ secret: goodSecret, audience: "us" }), {}),
      now,
    );
    expect(report.isAccepted).toBe(false);
    expect(report.faults.join()).toMatch(/aud/);
  });
});
