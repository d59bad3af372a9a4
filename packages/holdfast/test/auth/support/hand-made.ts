/** Tokens put together by hand with node:crypto, so that what is checked was not made by the library that checks it. */
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { expect } from "vitest";
import type { PublicKeyAlgorithm, TokenOptions } from "../../../src/auth/jwt-options.js";
import { createTokens, type Tokens } from "../../../src/auth/tokens.js";

export const secret = "a secret of sixty-four bytes, at least, as HS512 wants them to be";
export const otherSecret = "another secret of sixty-four bytes, as well, as HS512 wants them too";
/** 2023-11-14T22:13:20Z */
export const nowSeconds = 1_700_000_000;

export interface Moment {
  seconds: number;
}

/** Tokens with the secret, at a time that stands still until the moment is changed. */
export function openTokens(options: Partial<TokenOptions> = {}): { tokens: Tokens; moment: Moment } {
  const moment = { seconds: nowSeconds };
  const keys = options.publicKeys || options.jwksUrl ? {} : { secret };
  return { tokens: createTokens({ ...keys, now: () => moment.seconds * 1000, ...options }), moment };
}

type Header = Readonly<Record<string, unknown>>;

function encode(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

/** @param payload claims, or a text that stands where claims should */
export function unsigned(header: Header, payload: unknown): string {
  return `${encode(header)}.${encode(payload)}`;
}

/** A token with an HMAC by the algorithm of its header, or of SHA-256. */
export function withHmac(
  payload: unknown,
  key: string | Buffer = secret,
  header: Header = { alg: "HS256" },
): string {
  const text = unsigned(header, payload);
  const hash = /^HS(?:256|384|512)$/.test(String(header.alg))
    ? `sha${String(header.alg).slice(2)}`
    : "sha256";
  return `${text}.${createHmac(hash, key).update(text).digest("base64url")}`;
}

export function withKeyPair(
  payload: unknown,
  key: KeyObject,
  algorithm: PublicKeyAlgorithm,
  header: Header = {},
): string {
  const text = unsigned({ alg: algorithm, ...header }, payload);
  return `${text}.${signatureOf(text, key, algorithm).toString("base64url")}`;
}

function signatureOf(text: string, key: KeyObject, algorithm: PublicKeyAlgorithm): Buffer {
  const data = Buffer.from(text);
  const hash = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith("Ed")) return sign(null, data, key);
  // RFC 7518 §3.4: R and S next to each other, where OpenSSL would have DER.
  if (algorithm.startsWith("ES")) return sign(hash, data, { key, dsaEncoding: "ieee-p1363" });
  if (algorithm.startsWith("RS")) return sign(hash, data, key);
  // RFC 7518 §3.5: the salt is as long as the hash.
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return sign(hash, data, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
}

export const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
export const otherRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
export const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
export const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
export const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
export const ed25519 = generateKeyPairSync("ed25519");

export function pem(key: KeyObject): string {
  return key.export({ format: "pem", type: "spki" }).toString();
}

export function jwk(key: KeyObject, fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { ...key.export({ format: "jwk" }), ...fields };
}

/** `tokens.verifyConnection` refuses, with a reason that matches, and that has nothing of the token or a key in it. */
export function invalidToken(reason: string | RegExp): object {
  return { isAccepted: false, disconnect: "invalidToken", reason: matching(reason) };
}

export function permissionDenied(reason: string | RegExp): object {
  return { isAccepted: false, error: "permissionDenied", reason: matching(reason) };
}

function matching(reason: string | RegExp): unknown {
  return typeof reason === "string" ? reason : expect.stringMatching(reason);
}
