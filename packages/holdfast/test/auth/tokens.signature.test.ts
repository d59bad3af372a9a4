import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import type { JWK } from "jose";
import { describe, expect, it } from "vitest";
import {
  type PublicKeyAlgorithm,
  publicKeyAlgorithms,
  type TokenOptions,
} from "../../src/auth/jwt-options.js";
import {
  ed25519,
  invalidToken,
  jwk,
  nowSeconds,
  openTokens,
  otherRsa,
  otherSecret,
  p256,
  p384,
  p521,
  pem,
  rsa,
  secret,
  unsigned,
  withHmac,
  withKeyPair,
} from "./support/hand-made.js";

const claims = { sub: "ann", exp: nowSeconds + 60 };
const accepted = { isAccepted: true, identity: { user: "ann", expiresAt: (nowSeconds + 60) * 1000 } };

function verify(token: string, options: Partial<TokenOptions> = {}) {
  return openTokens(options).tokens.verifyConnection(token);
}

const pairs: Readonly<Record<PublicKeyAlgorithm, typeof rsa>> = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  ES256: p256,
  ES384: p384,
  ES512: p521,
  EdDSA: ed25519,
  Ed25519: ed25519,
};

describe("tokens with an HMAC", () => {
  it.each(["HS256", "HS384", "HS512"])("are accepted with %s", async (alg) => {
    expect(await verify(withHmac(claims, secret, { alg }))).toEqual(accepted);
    expect(await verify(withHmac(claims, secret, { typ: "JWT", kid: "x", alg }))).toEqual(accepted);
    expect(await verify(withHmac(claims, otherSecret, { alg }))).toEqual(
      invalidToken(`the token was not signed with any of this server's keys for ${alg}`),
    );
  });

  it.each([
    [32, ["HS256"]],
    [47, ["HS256"]],
    [48, ["HS256", "HS384"]],
    [63, ["HS256", "HS384"]],
    [64, ["HS256", "HS384", "HS512"]],
  ])(
    "are accepted with what a secret of %i bytes is long enough for (RFC 7518 §3.2)",
    async (length, accepted) => {
      const key = "x".repeat(length);
      for (const alg of ["HS256", "HS384", "HS512"])
        expect(await verify(withHmac(claims, key, { alg }), { secret: key })).toMatchObject({
          isAccepted: accepted.includes(alg),
        });
    },
  );

  it("are not accepted with one of several secrets that is too short for the algorithm", async () => {
    const [long, short] = ["x".repeat(64), "y".repeat(40)];
    const both = { secret: [long, short] };
    expect(await verify(withHmac(claims, long, { alg: "HS512" }), both)).toEqual(accepted);
    expect(await verify(withHmac(claims, short, { alg: "HS512" }), both)).toMatchObject({
      isAccepted: false,
    });
    expect(await verify(withHmac(claims, short), both)).toEqual(accepted);
  });

  it("are accepted with any of several secrets, but not with a removed one", async () => {
    const both = { secret: [otherSecret, secret] };
    for (const key of both.secret) expect(await verify(withHmac(claims, key), both)).toEqual(accepted);
    expect(await verify(withHmac(claims), { secret: [otherSecret] })).toMatchObject({
      disconnect: "invalidToken",
    });
  });

  it("are refused with a single bit changed, wherever it is", async () => {
    const token = withHmac(claims);
    const { tokens } = openTokens();
    for (let place = 0; place < token.length; place++) {
      const changed = token[place] === "A" ? "B" : "A";
      const forged = `${token.slice(0, place)}${changed}${token.slice(place + 1)}`;
      // The last character of 32 bytes in base64url has two bits that mean nothing.
      const isSame = Buffer.from(forged.split(".")[2] ?? "", "base64url").equals(
        Buffer.from(token.split(".")[2] as string, "base64url"),
      );
      if (place === token.length - 1 && isSame) continue;
      expect(await tokens.verifyConnection(forged), `character ${place}`).toMatchObject({
        isAccepted: false,
      });
    }
  });

  it("are refused with claims of one and the signature of another", async () => {
    const [header, payload] = withHmac({ sub: "admin" }).split(".");
    const [, , signature] = withHmac(claims).split(".");
    expect(await verify(`${header}.${payload}.${signature}`)).toMatchObject({ disconnect: "invalidToken" });
  });
});

describe("tokens with the signature of a key pair", () => {
  it.each(publicKeyAlgorithms)("are accepted with %s, the key in PEM and as JWK", async (algorithm) => {
    const { publicKey, privateKey } = pairs[algorithm];
    const token = withKeyPair(claims, privateKey, algorithm);
    expect(await verify(token, { publicKeys: [pem(publicKey)] })).toEqual(accepted);
    expect(await verify(token, { publicKeys: [jwk(publicKey) as JWK] })).toEqual(accepted);
    const named = { publicKeys: [jwk(publicKey, { alg: algorithm, use: "sig", kid: "k" }) as JWK] };
    expect(await verify(token, named)).toEqual(accepted);
    expect(await verify(token, { publicKeys: [pem(otherRsa.publicKey)] })).toMatchObject({
      disconnect: "invalidToken",
    });
    const [header, , signature] = token.split(".");
    const forged = `${header}.${unsigned({}, { sub: "admin" }).split(".")[1]}.${signature}`;
    expect(await verify(forged, named)).toEqual(invalidToken(/^the token was not signed with any/));
  });

  it("are tried with every suitable key if the token or the key has no id", async () => {
    const publicKeys = [
      pem(otherRsa.publicKey),
      pem(p256.publicKey),
      jwk(rsa.publicKey, { kid: "k" }) as JWK,
    ];
    expect(await verify(withKeyPair(claims, rsa.privateKey, "RS256"), { publicKeys })).toEqual(accepted);
    expect(await verify(withKeyPair(claims, rsa.privateKey, "RS256", { kid: "k" }), { publicKeys })).toEqual(
      accepted,
    );
    expect(
      await verify(withKeyPair(claims, otherRsa.privateKey, "RS256", { kid: "z" }), { publicKeys }),
    ).toEqual(accepted);
    expect(
      await verify(withKeyPair(claims, rsa.privateKey, "RS256", { kid: "other" }), { publicKeys }),
    ).toEqual(
      invalidToken('the token was not signed with any of this server\'s keys for RS256 with the kid "other"'),
    );
  });

  it("are refused with an algorithm that their JWK is not for", async () => {
    const publicKeys = [jwk(rsa.publicKey, { alg: "PS256" }) as JWK];
    expect(await verify(withKeyPair(claims, rsa.privateKey, "PS256"), { publicKeys })).toEqual(accepted);
    expect(await verify(withKeyPair(claims, rsa.privateKey, "RS256"), { publicKeys })).toEqual(
      invalidToken(`the token's algorithm is "RS256", but PS256 are accepted`),
    );
  });

  it("are refused with a signature in DER, where RFC 7518 §3.4 has two numbers", async () => {
    const text = unsigned({ alg: "ES256" }, claims);
    const der = sign("sha256", Buffer.from(text), p256.privateKey).toString("base64url");
    expect(await verify(`${text}.${der}`, { publicKeys: [pem(p256.publicKey)] })).toMatchObject({
      disconnect: "invalidToken",
    });
  });
});

describe("algorithms (RFC 8725 §2.1)", () => {
  const publicKeys = [pem(rsa.publicKey), jwk(p256.publicKey) as JWK];

  it.each(["none", "None", "NONE", "nOnE", ""])("have no %j among them", async (alg) => {
    const text = unsigned({ alg, typ: "JWT" }, claims);
    const hmac = createHmac("sha256", "").update(text).digest("base64url");
    const tails = ["", hmac, withHmac(claims).split(".")[2] as string];
    for (const options of [{}, { publicKeys }, { secret, publicKeys }])
      for (const tail of tails)
        expect(await verify(`${text}.${tail}`, options)).toEqual(invalidToken(/^the token's algorithm is/));
  });

  it("take no public key for a secret, in none of its texts", async () => {
    const { publicKey } = rsa;
    const texts = [
      pem(publicKey),
      pem(publicKey).trim(),
      pem(publicKey).replaceAll("\n", "\r\n"),
      publicKey.export({ format: "der", type: "spki" }),
      publicKey.export({ format: "pem", type: "pkcs1" }).toString(),
      publicKey.export({ format: "der", type: "pkcs1" }),
      JSON.stringify(jwk(publicKey)),
    ];
    for (const options of [{ publicKeys }, { secret, publicKeys }])
      for (const text of texts)
        for (const alg of ["HS256", "HS384", "HS512"])
          expect(await verify(withHmac(claims, text, { alg }), options)).toMatchObject({
            isAccepted: false,
            disconnect: "invalidToken",
          });
  });

  it("take no secret for a key pair's", async () => {
    for (const alg of publicKeyAlgorithms)
      expect(await verify(withHmac(claims, secret, { alg }), { secret, publicKeys })).toMatchObject({
        disconnect: "invalidToken",
      });
    expect(await verify(withHmac(claims, secret, { alg: "RS256" }))).toEqual(
      invalidToken(`the token's algorithm is "RS256", but HS256, HS384, HS512 are accepted`),
    );
  });

  it("work side by side, each with its own keys", async () => {
    const options = { secret, publicKeys };
    expect(await verify(withHmac(claims), options)).toEqual(accepted);
    expect(await verify(withKeyPair(claims, rsa.privateKey, "RS512"), options)).toEqual(accepted);
    expect(await verify(withKeyPair(claims, p256.privateKey, "ES256"), options)).toEqual(accepted);
  });

  it("can be fewer than the keys would allow", async () => {
    const options = { secret, publicKeys, algorithms: ["HS512", "PS256"] as const };
    expect(await verify(withHmac(claims, secret, { alg: "HS512" }), options)).toEqual(accepted);
    expect(await verify(withHmac(claims), options)).toEqual(
      invalidToken(/"HS256", but HS512, PS256 are accepted$/),
    );
    expect(await verify(withKeyPair(claims, rsa.privateKey, "RS256"), options)).toMatchObject({
      isAccepted: false,
    });
  });
});

describe("headers of tokens", () => {
  it.each([
    [{ alg: "HS256", crit: ["b64"], b64: true }, "the token's header has unknown critical extensions (crit)"],
    [{ alg: "HS256", crit: ["exp"], exp: 1 }, "the token's header has unknown critical extensions (crit)"],
    [{ alg: "HS256", crit: [] }, "the token's header has unknown critical extensions (crit)"],
    [{ alg: "HS256", crit: null }, "the token's header has unknown critical extensions (crit)"],
    [{ alg: "HS256", b64: false }, "the token's header has b64, which is not supported"],
    [{ alg: "HS256", b64: null }, "the token's header has b64, which is not supported"],
    [{ alg: "HS256", kid: 5 }, "the token's kid must be a string"],
    [{ alg: "HS256", kid: null }, "the token's kid must be a string"],
    [{ alg: ["HS256"] }, "the token's header has no algorithm (alg)"],
    [{ alg: null }, "the token's header has no algorithm (alg)"],
    [{}, "the token's header has no algorithm (alg)"],
    [[], "the token's header is not a JSON object"],
  ])("are refused where they are %j", async (header, reason) => {
    expect(await verify(withHmac(claims, secret, header as Record<string, unknown>))).toEqual(
      invalidToken(reason),
    );
  });

  it("are refused with b64 false and a payload that is not encoded (RFC 7797)", async () => {
    const header = Buffer.from('{"alg":"HS256","b64":false,"crit":["b64"]}').toString("base64url");
    const payload = JSON.stringify({ sub: "admin" }).replaceAll(".", "");
    const hmac = createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url");
    expect(await verify(`${header}.${payload}.${hmac}`)).toMatchObject({ disconnect: "invalidToken" });
  });

  it("bring no key of their own, and name no place to fetch one from", async () => {
    const own = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const calls: string[] = [];
    const options = {
      publicKeys: [pem(rsa.publicKey)],
      jwksUrl: "https://issuer.example/keys",
      fetch: async (url: string) => {
        calls.push(url);
        return Response.json({ keys: [jwk(otherRsa.publicKey, { kid: "theirs" })] });
      },
    };
    const headers = [
      { jwk: jwk(own.publicKey) },
      { jwk: jwk(own.publicKey, { kid: "mine" }), kid: "mine" },
      { jku: "https://evil.example/keys" },
      { x5u: "https://evil.example/certificate" },
      { x5c: [own.publicKey.export({ format: "der", type: "spki" }).toString("base64")] },
    ];
    for (const header of headers)
      expect(await verify(withKeyPair(claims, own.privateKey, "RS256", header), options)).toMatchObject({
        isAccepted: false,
      });
    expect(new Set(calls)).toEqual(new Set(["https://issuer.example/keys"]));
    expect(
      await verify(withKeyPair(claims, rsa.privateKey, "RS256", { jku: "https://evil.example" }), options),
    ).toEqual(accepted);
  });
});

describe("the form of tokens", () => {
  it.each([
    "",
    ".",
    "../test",
    "...",
    "a.b",
    "a.b.c.d",
    "a.b.c.d.e",
    "not a token",
    ` ${withHmac(claims)}`,
    `${withHmac(claims)}\n`,
    `${withHmac(claims)}=`,
    `${withHmac(claims)}.`,
    withHmac(claims).replaceAll(".", "+"),
    "ä.ö.ü",
    "\0.\0.\0",
  ])("is refused where it is %j", async (token) => {
    expect(await verify(token)).toMatchObject({ isAccepted: false, disconnect: "invalidToken" });
  });

  it.each([["[]"], ["null"], ["5"], ['"a"'], [""], ["{"], ["{} x"]])(
    "is refused with the payload %j",
    async (payload) => {
      expect(await verify(withHmac(payload))).toEqual(invalidToken(/^the token's payload is n/));
    },
  );

  it("is refused with a payload that is no UTF-8", async () => {
    const text = `${unsigned({ alg: "HS256" }, "").slice(0, -1)}.${Buffer.from([0x22, 0xff, 0x22]).toString("base64url")}`;
    const hmac = createHmac("sha256", secret).update(text).digest("base64url");
    expect(await verify(`${text}.${hmac}`)).toEqual(invalidToken("the token's payload is not JSON"));
  });

  it("is bounded in its length", async () => {
    const token = withHmac(claims);
    expect(await verify(token, { maxTokenBytes: token.length })).toEqual(accepted);
    expect(await verify(token, { maxTokenBytes: token.length - 1 })).toEqual(
      invalidToken(`the token has more than ${token.length - 1} bytes`),
    );
    expect(await verify(withHmac({ ...claims, x: "x".repeat(8192) }))).toEqual(
      invalidToken("the token has more than 8192 bytes"),
    );
    expect(await verify("ü".repeat(4097))).toEqual(invalidToken("the token has more than 8192 bytes"));
  });

  it("is never part of a message, and neither is a key", async () => {
    const marks = ["s3cr3t-part", secret, pem(rsa.publicKey).slice(40, 80)];
    const refused = [
      withHmac({ sub: 5, info: "s3cr3t-part" }),
      withHmac({ sub: "s3cr3t-part".repeat(30) }),
      withHmac({ channels: ["s3cr3t-part\n"] }),
      withHmac({ aud: "s3cr3t-part" }, otherSecret),
      withHmac(claims, secret, { alg: "xxxxxxxxxxxxxxxxs3cr3t-part" }),
      `s3cr3t-part.${withHmac(claims)}`,
    ];
    for (const token of refused) {
      const result = JSON.stringify(await verify(token, { secret, publicKeys: [pem(rsa.publicKey)] }));
      for (const mark of [...marks, token.split(".")[1] as string]) expect(result).not.toContain(mark);
    }
  });
});
