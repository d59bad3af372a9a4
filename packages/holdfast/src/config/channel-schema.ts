/** What a description may say of a channel: every option of `channel` that is no code. A new one has its one place here. */
import { z } from "zod";
import { durationAdvice } from "../app/duration.js";
import { choice, fields, flag, integer } from "./shapes.js";

const durationError = { error: durationAdvice };

const duration = z.union(
  [z.int().min(0, durationError), z.string().regex(/^\d{1,12}(?:ms|s|m|h|d)$/, durationError)],
  durationError,
);

const accessError = {
  error: 'true, false, "all", "users", "subscribers", "role:NAME", or a list of these words',
};
const listedError = { error: '"all", "users", "subscribers" or "role:NAME"' };

/** A union gives the message of its only shape that fits but for its value, so each has to have the whole of it. */
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

export const channelSchema = fields({
  kind: choice(["stream", "live", "latest", "map"]).optional(),
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
  allow: fields({
    subscribe: access.optional(),
    publish: access.optional(),
    presence: access.optional(),
    history: access.optional(),
  }).optional(),
});
