/** What a description may say of tokens: what `jwt` takes, but for code. */
import { z } from "zod";
import { hmacAlgorithms, publicKeyAlgorithms } from "../auth/jwt-options.js";
import { choice, fields, flag, integer, secret, secretReference, text } from "./shapes.js";

const textsError = { error: "a text, or a list of texts" };
const texts = z.union([text(), z.array(text()).min(1, textsError)], textsError);

const publicKey = z.union([...secretReference.options, z.looseObject({ kty: z.string() }), text()], {
  error: "a PEM text, a JWK object, { env: NAME } or { file: PATH }",
});

const secretsError = { error: "a text, { env: NAME } or { file: PATH }, or a list of these" };
const keysError = { error: "a list of keys" };

export const jwtSchema = fields({
  secret: z.union([...secret.options, z.array(secret).min(1, secretsError)], secretsError).optional(),
  publicKeys: z.array(publicKey, keysError).min(1, keysError).optional(),
  jwksUrl: text("an https address").optional(),
  audience: texts.optional(),
  issuer: texts.optional(),
  algorithms: z
    .array(choice([...hmacAlgorithms, ...publicKeyAlgorithms]), { error: "a list of algorithms" })
    .optional(),
  clockToleranceSeconds: integer(0).optional(),
  notBeforeLeewaySeconds: integer(0).optional(),
  strictTokens: flag.optional(),
  maxTokenBytes: integer(1).optional(),
  roles: text().optional(),
  maxRevocations: integer(1).optional(),
  jwksTimeoutMs: integer(1).optional(),
  jwksCooldownMs: integer(1).optional(),
  jwksMaxAgeMs: integer(1).optional(),
});
