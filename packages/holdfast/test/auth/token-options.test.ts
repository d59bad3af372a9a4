import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { TokenOptions } from "../../src/auth/jwt-options.js";
import { createTokens } from "../../src/auth/tokens.js";
import { HoldfastError } from "../../src/errors.js";
import { ed25519, jwk, p256, pem, rsa, secret } from "./support/hand-made.js";

const now = () => 0;

function faultOf(options: object): HoldfastError {
  try {
    createTokens({ now, ...options } as TokenOptions);
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
  throw new Error("the options are accepted");
}

const pkcs8 = rsa.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
const shortRsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
const secp256k1 = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey;
const ed448 = generateKeyPairSync("ed448").publicKey;
const x25519 = generateKeyPairSync("x25519").publicKey;

describe("options of tokens", () => {
  for (const [options, option, message] of [
    [{}, "secret", "secret must be set if neither publicKeys nor jwksUrl is, but is missing"],
    [
      { secret: "x".repeat(31) },
      "secret",
      "secret must be at least 32 bytes long for HS256, but is 31 bytes long",
    ],
    [{ secret: "" }, "secret", "secret must be at least 32 bytes long for HS256, but is 0 bytes long"],
    [
      { secret: [secret, "short"] },
      "secret",
      "secret must be at least 32 bytes long for HS256, but is 5 bytes long at index 1",
    ],
    [
      { secret: "x".repeat(47), algorithms: ["HS256", "HS384"] },
      "secret",
      "secret must be at least 48 bytes long for HS384, but is 47 bytes long",
    ],
    [
      { secret: [secret, "x".repeat(63)], algorithms: ["HS512"] },
      "secret",
      "secret must be at least 64 bytes long for HS512, but is 63 bytes long at index 1",
    ],
    [
      { secret, notBeforeLeewaySeconds: -1 },
      "notBeforeLeewaySeconds",
      "notBeforeLeewaySeconds must be an integer from 0 to 3600, but is -1",
    ],
    [{ secret, strictTokens: "yes" }, "strictTokens", 'strictTokens must be true or false, but is "yes"'],
    [
      { secret: [] },
      "secret",
      "secret must be a string or a non-empty list of strings, but is an empty list",
    ],
    [{ secret: 5 }, "secret", "secret must be a string or a list of strings, but is of type number"],
    [
      { secret: [secret, null] },
      "secret",
      "secret must be a string or a list of strings, but is of type object at index 1",
    ],
    [
      { secret: pem(rsa.publicKey) },
      "secret",
      "secret must be a shared secret, but is a key or certificate in PEM",
    ],
    [
      { secret: ` \n${pem(p256.publicKey)}` },
      "secret",
      "secret must be a shared secret, but is a key or certificate in PEM",
    ],
    [{ publicKeys: [] }, "publicKeys", "publicKeys must be a non-empty list of PEM strings and JWK objects"],
    [
      { publicKeys: pem(rsa.publicKey) },
      "publicKeys",
      "publicKeys must be a non-empty list of PEM strings and JWK objects",
    ],
    [{ publicKeys: [pkcs8] }, "publicKeys[0]", "not PEM of the kind BEGIN PUBLIC KEY"],
    [{ publicKeys: [pem(rsa.publicKey), "x"] }, "publicKeys[1]", "not PEM of the kind BEGIN PUBLIC KEY"],
    [{ publicKeys: [pem(rsa.publicKey) + pem(p256.publicKey)] }, "publicKeys[0]", "not PEM of the kind"],
    [
      { publicKeys: ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] },
      "publicKeys[0]",
      "not readable as a public key",
    ],
    [{ publicKeys: [jwk(rsa.privateKey)] }, "publicKeys[0]", "but is a private key"],
    [{ publicKeys: [jwk(ed25519.privateKey)] }, "publicKeys[0]", "but is a private key"],
    [
      { publicKeys: [{ kty: "oct", k: "x".repeat(43) }] },
      "publicKeys[0]",
      "a secret, which belongs to the option secret",
    ],
    [{ publicKeys: [{ kty: "RSA" }] }, "publicKeys[0]", "not readable as a public key"],
    [{ publicKeys: [{}] }, "publicKeys[0]", "not readable as a public key"],
    [{ publicKeys: [5] }, "publicKeys[0]", "neither PEM nor a JWK object"],
    [{ publicKeys: [null] }, "publicKeys[0]", "neither PEM nor a JWK object"],
    [{ publicKeys: [jwk(rsa.publicKey, { use: "enc" })] }, "publicKeys[0]", "not for signatures (use)"],
    [
      { publicKeys: [jwk(rsa.publicKey, { key_ops: ["sign"] })] },
      "publicKeys[0]",
      "not for verifying (key_ops)",
    ],
    [
      { publicKeys: [jwk(rsa.publicKey, { kid: 5 })] },
      "publicKeys[0]",
      "named by a kid that is not a string",
    ],
    [
      { publicKeys: [jwk(rsa.publicKey, { alg: "HS256" })] },
      "publicKeys[0]",
      "not suitable for its algorithm (alg)",
    ],
    [
      { publicKeys: [jwk(rsa.publicKey, { alg: "none" })] },
      "publicKeys[0]",
      "not suitable for its algorithm (alg)",
    ],
    [
      { publicKeys: [jwk(p256.publicKey, { alg: "ES384" })] },
      "publicKeys[0]",
      "not suitable for its algorithm (alg)",
    ],
    [{ publicKeys: [pem(shortRsa)] }, "publicKeys[0]", "of 1024 bits, but RSA needs 2048"],
    [{ publicKeys: [pem(secp256k1)] }, "publicKeys[0]", "not on curve P-256, P-384 or P-521"],
    [{ publicKeys: [pem(ed448)] }, "publicKeys[0]", "not of type RSA, EC or Ed25519"],
    [{ publicKeys: [pem(x25519)] }, "publicKeys[0]", "not of type RSA, EC or Ed25519"],
    [{ jwksUrl: "keys" }, "jwksUrl", "jwksUrl must be an https URL, or an http URL of this machine"],
    [{ jwksUrl: "http://example.com/keys" }, "jwksUrl", "jwksUrl must be an https URL"],
    [{ jwksUrl: "http://127.0.0.1.example.com/keys" }, "jwksUrl", "jwksUrl must be an https URL"],
    [{ jwksUrl: "http://localhost.example.com/keys" }, "jwksUrl", "jwksUrl must be an https URL"],
    [{ jwksUrl: "file:///etc/keys" }, "jwksUrl", "jwksUrl must be an https URL"],
    [
      { jwksUrl: "https://me:pass@example.com" },
      "jwksUrl",
      "jwksUrl must be a URL without user and password",
    ],
    [{ jwksUrl: 5 }, "jwksUrl", "jwksUrl must be an https URL"],
    [
      { secret, audience: "" },
      "audience",
      'audience must be a non-empty string or a list of them, but is ""',
    ],
    [
      { secret, audience: [] },
      "audience",
      "audience must be a non-empty string or a list of them, but is []",
    ],
    [{ secret, issuer: [5] }, "issuer", "issuer must be a non-empty string or a list of them, but is [5]"],
    [{ secret, algorithms: [] }, "algorithms", "algorithms must be a list of some of HS256, HS384, HS512"],
    [
      { secret, algorithms: "HS256" },
      "algorithms",
      "algorithms must be a list of some of HS256, HS384, HS512",
    ],
    [{ secret, algorithms: ["none"] }, "algorithms", 'of HS256, HS384, HS512, but is "none"'],
    [{ secret, algorithms: ["HS256", "RS256"] }, "algorithms", '"RS256", for which there is no key'],
    [
      { publicKeys: [pem(p256.publicKey)], algorithms: ["HS256"] },
      "algorithms",
      'of ES256, but is "HS256", for which',
    ],
    [{ secret, clockToleranceSeconds: -1 }, "clockToleranceSeconds", "an integer from 0 to 3600, but is -1"],
    [
      { secret, clockToleranceSeconds: "5" },
      "clockToleranceSeconds",
      'an integer from 0 to 3600, but is "5"',
    ],
    [
      { secret, maxTokenBytes: 0 },
      "maxTokenBytes",
      "maxTokenBytes must be an integer of at least 1, but is 0",
    ],
    [{ secret, maxRevocations: 1.5 }, "maxRevocations", "an integer of at least 1, but is 1.5"],
    [{ secret, jwksTimeoutMs: 2 ** 31 }, "jwksTimeoutMs", "an integer from 1 to 2147483647"],
    [{ secret, jwksCooldownMs: 0 }, "jwksCooldownMs", "an integer of at least 1, but is 0"],
    [{ secret, jwksMaxAgeMs: "1" }, "jwksMaxAgeMs", 'an integer of at least 1, but is "1"'],
    [{ secret, roles: "" }, "roles", "roles must be the name of a claim"],
    [{ secret, roles: ["admin"] }, "roles", "roles must be the name of a claim"],
    [{ secret, now: 5 }, "now", "now must be a function, but is of type number"],
    [{ secret, fetch: "x" }, "fetch", "fetch must be a function, but is of type string"],
    [{ secret, onError: 5 }, "onError", "onError must be a function, but is of type number"],
  ] as [object, string, string][])
    it(`are refused: ${message}`, () => {
      const fault = faultOf(options);
      expect(fault.code).toBe("HF_OPTION_INVALID");
      expect(fault.details).toEqual({ option });
      expect(fault.message).toContain(message);
      expect(fault.message.startsWith(`${option} must be `)).toBe(true);
    });

  it("never tell of a secret or a private key", () => {
    const marks = ["hunter2", "MII", pkcs8.slice(60, 90), String(jwk(rsa.privateKey).d).slice(0, 20)];
    for (const options of [
      { secret: "hunter2" },
      { secret: [secret, "hunter2"] },
      { publicKeys: ["hunter2"] },
      { publicKeys: [pkcs8] },
      { publicKeys: [jwk(rsa.privateKey)] },
      { secret: pkcs8 },
      { jwksUrl: "https://me:hunter2@example.com/" },
      { jwksUrl: "http://example.com/?key=hunter2" },
    ]) {
      const fault = faultOf(options);
      const told = `${fault.message} ${JSON.stringify(fault.details)} ${String(fault.cause)}`;
      for (const mark of marks) expect(told).not.toContain(mark);
    }
  });

  it.each([
    "https://issuer.example/keys",
    "http://localhost:8080/keys",
    "http://127.0.0.1/keys",
    "http://127.9.9.9/keys",
    "http://[::1]:80/keys",
  ])("may fetch keys from %s", (jwksUrl) => {
    expect(createTokens({ jwksUrl, now }).canSign).toBe(false);
  });

  it("say whether tokens can be signed", () => {
    expect(createTokens({ secret, now }).canSign).toBe(true);
    expect(createTokens({ publicKeys: [pem(rsa.publicKey)], now }).canSign).toBe(false);
  });

  it("count the bytes of a secret, not its characters", () => {
    expect(createTokens({ secret: "ü".repeat(16), now }).canSign).toBe(true);
  });

  it("take a JWK that says what it may do", () => {
    const fields = { key_ops: ["verify"], use: "sig", kid: "k", alg: "RS256" };
    expect(() => createTokens({ publicKeys: [jwk(rsa.publicKey, fields)], now })).not.toThrow();
  });
});

describe("unknown options of tokens", () => {
  it("are refused, so that no bound is misspelt and missing", () => {
    const fault = faultOf({ secret, audiance: "shop" });
    expect(fault.code).toBe("HF_OPTION_INVALID");
    expect(fault.message).toContain(
      "unknown option audiance (did you mean audience?); known options: algorithms, allowWeakSecret, audience,",
    );
  });
});
