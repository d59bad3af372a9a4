/**
 * The shape of configurations: options of the server, from their descriptions, and what describes an application. The JSON Schema
 * for editors is the same. Each message continues "must be".
 */
import { z } from "zod";
import { App } from "../app/define-app.js";
import { hmacAlgorithms, publicKeyAlgorithms } from "../auth/jwt-options.js";
import { type Entry, type Schema, withoutLinks } from "../options/option.js";
import { acceptedBrokerUrl, configOnlyOptions, serverOptions } from "../options/schema.js";
import { durationAdvice } from "../time/clock.js";

/** An object of these fields and no other. */
function fields<T extends z.ZodRawShape>(shape: T) {
  const names = Object.keys(shape);
  return z.strictObject(shape, { error: `an object of ${names.join(", ")}` });
}

function choice<const T extends readonly string[]>(words: T) {
  return z.enum(words, { error: `one of ${words.map((word) => JSON.stringify(word)).join(", ")}` });
}

const flag = z.boolean({ error: "true or false" });

function integer(min: number) {
  const error = `an integer of at least ${min}`;
  return z.int({ error }).min(min, { error });
}

function text(error = "a non-empty string") {
  return z.string({ error }).min(1, { error });
}

const advice = "a string, { env: NAME } or { file: PATH }";

/** Where a secret is: in a variable or a file. */
const secretReference = z.union([fields({ env: text() }), fields({ file: text() })], {
  error: "{ env: NAME } or { file: PATH }",
});

const secret = z.union([text(), ...secretReference.options], { error: advice });

const textsError = { error: "a string, or a list of strings" };
const texts = z.union([text(), z.array(text()).min(1, textsError)], textsError);

const publicKey = z.union([...secretReference.options, z.looseObject({ kty: z.string() }), text()], {
  error: "a PEM string, a JWK object, { env: NAME } or { file: PATH }",
});

const secretsError = { error: "a string, { env: NAME } or { file: PATH }, or a list of these" };
const keysError = { error: "a list of keys" };

/** What `jwt` takes, but for code. */
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
  allowWeakSecret: flag.optional(),
  maxTokenBytes: integer(1).optional(),
  roles: text().optional(),
  maxRevocations: integer(1).optional(),
  jwksTimeoutMs: integer(1).optional(),
  jwksCooldownMs: integer(1).optional(),
  jwksMaxAgeMs: integer(1).optional(),
});

const durationError = { error: durationAdvice };

const duration = z.union(
  [z.int().min(0, durationError), z.string().regex(/^\d{1,12}(?:ms|s|m|h|d)$/, durationError)],
  durationError,
);

const accessError = {
  error: 'true, false, "all", "users", "subscribers", "role:NAME", or a list of these words',
};
const listedError = { error: '"all", "users", "subscribers" or "role:NAME"' };

/** A union shows the message of its only branch of the right type, so each branch has the whole of it. */
const word = (error: { readonly error: string }) =>
  z.union([z.enum(["all", "users", "subscribers"]), z.string().regex(/^role:.+$/, error)], error);

const access = z.union(
  [z.boolean(), word(accessError), z.array(word(listedError)).min(1, accessError)],
  accessError,
);

const history = fields({
  size: integer(0).optional(),
  ttl: duration.optional(),
  bytes: integer(0).optional(),
});

const map = fields({
  keys: choice(["any", "client", "user"]).optional(),
  ttl: duration.optional(),
  maxKeys: integer(1).optional(),
  maxUserKeys: integer(1).optional(),
  maxBytes: integer(1).optional(),
  score: z.string().min(1).optional(),
  subscribersOf: z.string().min(1).optional(),
  by: choice(["client", "user"]).optional(),
});

/** Where the values of a polled channel come from. */
const poll = fields({
  url: text("an http or https address"),
  headers: z.record(z.string(), z.string(), { error: "an object of strings" }).optional(),
  interval: duration.optional(),
  secret: text("a string of at least 16 bytes").optional(),
  versions: flag.optional(),
  maxKeys: integer(1).optional(),
  maxClientKeys: integer(1).optional(),
  maxBytes: integer(1).optional(),
});

/** Every option of `channel` that is no code. */
export const channelSchema = fields({
  kind: choice(["stream", "live", "latest", "map"]).optional(),
  payload: choice(["json", "binary"]).optional(),
  map: map.optional(),
  history: z
    .union([z.literal(false), history], { error: "an object of size, ttl, bytes, or false" })
    .optional(),
  durability: choice(["memory", "process", "disk"]).optional(),
  presence: flag.optional(),
  joinLeave: z.union([z.boolean(), z.literal("force")], { error: 'true, false or "force"' }).optional(),
  recovery: choice(["force", "allow", "off"]).optional(),
  recoveryMode: choice(["stream", "cache"]).optional(),
  tagsFilter: flag.optional(),
  delta: flag.optional(),
  publishDebounce: duration.optional(),
  userLimited: flag.optional(),
  poll: poll.optional(),
  allow: fields({
    subscribe: access.optional(),
    publish: access.optional(),
    presence: access.optional(),
    history: access.optional(),
  }).optional(),
});

const namedKey = fields({
  key: secret,
  scope: choice(["read", "publish", "admin"]),
  name: text().max(64, { error: "a name of up to 64 characters" }).optional(),
});
const apiKey = z.union([secret, namedKey], {
  error: "a string, { env: NAME }, { file: PATH }, or { key, scope, name }",
});

const { broker, logger } = serverOptions;
const urlError = {
  error: `${acceptedBrokerUrl}, or { env: NAME } or { file: PATH }`,
};
const brokerUrl = z.union(
  [
    z
      .custom((value) => typeof value === "string" && broker.isValid(value), urlError)
      .meta({ ...broker.jsonSchema }),
    ...secretReference.options,
  ],
  urlError,
);

const authenticate = z.union([z.literal("none"), fields({ jwt: jwtSchema })], {
  error: '"none", or { jwt: { … } }',
});

const tlsFiles = z.union([z.null(), fields({ cert: text("a file"), key: text("a file") })], {
  error: "{ cert: FILE, key: FILE }, or null",
});

/** What describes an application, beside the options of the server. */
const description = {
  authenticate: authenticate.optional(),
  anonymous: flag.optional(),
  personalChannel: text("a pattern such as inbox:{user}").optional(),
  channels: z
    .record(z.string(), channelSchema, {
      error: "an object of channels by their patterns, such as chat:{room}",
    })
    .optional(),
};

/** Of files that are data. */
export const dataSchema = fields({
  $schema: z.string().optional().describe("URL of the JSON Schema, for editors"),
  ...fieldsOf({ ...serverOptions, ...configOnlyOptions }),
  ...description,
});

const isFunction = (value: unknown): boolean => typeof value === "function";

/** Of files that are code. */
export const codeSchema = fields({
  ...dataSchema.shape,
  broker: z.custom(broker.isValid, { error: broker.accepts }).optional(),
  app: z.custom((value) => value instanceof App, { error: "an application made by defineApp" }).optional(),
  onError: z.custom(isFunction, { error: "a function" }).optional(),
  logger: z.custom(logger.isValid, { error: logger.accepts }).optional(),
});

/** JSON Schema (draft 2020-12) of configurations that are data. */
export function configJsonSchema(): object {
  return z.toJSONSchema(dataSchema, { io: "input", unrepresentable: "any" });
}

function fieldsOf(schema: Schema): Record<string, z.ZodOptional> {
  const shapes = Object.entries(schema).flatMap(([name, each]): [string, z.ZodType][] => {
    if (each.kind !== "group" && each.kind !== "switched")
      return each.kind === "code" ? [] : [[name, shapeOf(name, each)]];
    // A certificate without a key would serve nothing.
    if (name === "tls") return [[name, tlsFiles]];
    const group = fields(fieldsOf(each.entries));
    if (each.kind === "group") return [[name, group]];
    return [[name, z.union([z.boolean(), group], { error: "true, false, or an object of options" })]];
  });
  return Object.fromEntries(shapes.map(([name, shape]) => [name, shape.optional()]));
}

/** One option as written in files: with relative paths, single list items, and references to secrets. */
function shapeOf(name: string, { kind, accepts, isValid, jsonSchema, doc, nullWord }: Entry): z.ZodType {
  const shape =
    name === "apiKeys"
      ? z.array(apiKey, { error: "a list of keys" })
      : name === "broker"
        ? brokerUrl
        : kind === "list"
          ? z.union([z.string(), z.array(z.string())], { error: "a string, or a list of strings" })
          : kind === "path"
            ? z.union([text(), z.null()], { error: `a path, or null (${nullWord})` })
            : z.custom(isValid, { error: accepts }).meta({ ...jsonSchema });
  return shape.describe(withoutLinks(doc));
}
