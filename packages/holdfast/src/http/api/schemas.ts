/** Shapes of what the server's HTTP interface takes and gives. */
import { z } from "zod";
import type { SubscriptionGrant } from "../../sessions/identity.js";
import type { PublishParams } from "../../wire/messages.js";
import { findChannelNameFault, findKeyFault } from "../../wire/names.js";
import { findDepthFault, type JsonText, wholeText } from "../../wire/payload.js";

const mostChannels = 10_000;
const mostTags = 64;

const channel = z.string().superRefine((name, context) => {
  const fault = findChannelNameFault(name);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});
const user = z.string().max(255).describe("user id; the empty one stands for all anonymous clients");
const client = z.string().min(1).optional().describe("one of the user's connections, instead of all of them");
const seconds = z.int().min(0).describe("Unix time in seconds; 0 for never");
/** Of the parameters of any method: these hold any JSON, and stand as its text in what the schemas check. */
export const jsonFields = ["data", "info", "params"] as const;
const anyJson = z.unknown().describe("any JSON value");
const json = anyJson.transform((text) => text as JsonText);
const base64 = z.string().describe("JSON in base64, instead of the field without b64");
const flag = z.boolean().optional();
const key = (name: string) =>
  z.string().superRefine((text, context) => {
    const fault = findKeyFault(name, text);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  });

const content = {
  data: json.optional(),
  b64data: base64.optional(),
  tags: z
    .record(z.string().min(1).max(256), z.string().max(256))
    .refine((tags) => Object.keys(tags).length <= mostTags, `at most ${mostTags} tags are accepted`)
    .optional(),
  key: key("key").optional(),
  idempotency_key: key("idempotency_key").optional(),
  delta: z
    .boolean()
    .optional()
    .describe("without effect: the channel's rules say whether readers get patches"),
};

export const publish = z.strictObject({ channel, ...content });
export const broadcast = z.strictObject({ channels: z.array(channel).min(1).max(mostChannels), ...content });
export const mapPublish = z.strictObject({
  channel,
  ...content,
  key: key("key"),
  score: z.number().optional().describe("what keys are ordered by; else what the channel makes of the data"),
  key_mode: z.enum(["if_new", "if_exists"]).optional(),
  version: z.int().min(1).optional().describe("only where it is greater than that of the key's value"),
  version_epoch: z.string().max(255).optional().describe("versions of another epoch begin anew"),
});
export const mapRemove = z.strictObject({
  channel,
  key: key("key"),
  idempotency_key: key("idempotency_key").optional(),
});
export const mapReadState = z.strictObject({
  channel,
  key: key("key").optional().describe("this one only"),
  limit: z.int().min(0).max(1000).default(0).describe("0 for as many as the server gives"),
  cursor: z.string().max(1024).optional().describe("where the page before ended"),
  asc: z.boolean().default(false).describe("lowest score first"),
});
export const published = z.object({
  offset: z.int(),
  epoch: z.string(),
  is_duplicate: z.boolean().optional(),
  suppressed: z.boolean().optional().describe("nothing was published"),
  suppress_reason: z.enum(["key_exists", "key_not_found", "version"]).optional(),
});
export const failed = z.object({
  error: z.object({ code: z.int(), message: z.string(), temporary: z.boolean().optional() }),
});
export const empty = z.strictObject({});
export const ofChannel = z.strictObject({ channel });

const override = z.object({ value: z.boolean() }).optional();
export const subscribe = z.strictObject({
  user,
  channel,
  client,
  info: json.optional(),
  b64info: base64.optional(),
  data: json.optional(),
  b64data: base64.optional(),
  expire_at: seconds.optional(),
  recover_since: z.object({ offset: z.int().min(0), epoch: z.string() }).optional(),
  override: z
    .object({
      presence: override,
      join_leave: override,
      force_push_join_leave: override,
      force_recovery: override,
    })
    .optional(),
});
export const unsubscribe = z.strictObject({
  user,
  channel: z
    .union([channel, z.literal("")])
    .optional()
    .describe("empty for all channels"),
  client,
});
export const disconnect = z.strictObject({
  user,
  client,
  whitelist: z.array(z.string()).max(1000).optional().describe("connections that stay"),
  disconnect: z.object({ code: z.int().min(3000).max(4999), reason: z.string().min(1).max(120) }).optional(),
});
export const refresh = z.strictObject({
  user,
  client,
  expired: flag,
  expire_at: seconds.optional(),
  info: json.optional(),
});
export const history = z.strictObject({
  channel,
  limit: z.int().min(-1).default(0).describe("0 for the position only, -1 for as many as the server gives"),
  since: z.object({ offset: z.int().min(0).default(0), epoch: z.string().default("") }).optional(),
  reverse: z.boolean().default(false),
});
export const channels = z.strictObject({
  pattern: z.string().max(255).optional().describe("* stands for any characters, ? for one"),
});
export const rpc = z.strictObject({ method: z.string().min(1).max(255), params: json.optional() });
export const send = z.strictObject({ user, client, data: json });
export const revoke = z
  .strictObject({
    user: user.optional(),
    token_id: z.string().min(1).max(255).optional(),
    issued_before: seconds.optional(),
  })
  .refine(
    ({ user: name, token_id: id, issued_before: time }) =>
      id === undefined ? name !== undefined || time !== undefined : name === undefined && time === undefined,
    "name a user, or issued_before, or both, or a token_id alone",
  );

export const clientInfo = z.object({
  user: z.string(),
  client: z.string(),
  conn_info: anyJson.optional(),
  chan_info: anyJson.optional(),
});
export const publication = z.object({
  data: anyJson.optional().describe("not of removals"),
  removed: z.boolean().optional(),
  score: z.number().optional(),
  info: clientInfo.optional(),
  offset: z.int(),
  tags: z.record(z.string(), z.string()).optional(),
  key: z.string().optional(),
  time: z.int().describe("Unix milliseconds"),
});
export const historyPage = z.object({
  publications: z.array(publication),
  offset: z.int(),
  epoch: z.string(),
});
export const mapState = z.object({
  entries: z.array(publication),
  offset: z.int(),
  epoch: z.string(),
  cursor: z.string().optional().describe("for the next page"),
});
export const node = z.object({
  uid: z.string(),
  name: z.string(),
  version: z.string(),
  num_clients: z.int(),
  num_users: z.int(),
  num_subs: z.int(),
  num_channels: z.int(),
  uptime: z.int().describe("seconds"),
  stats: z.record(z.string(), z.number()),
});

/** What is wrong with content, where two fields depend on each other. */
export class ContentFault extends Error {}

/** @throws ContentFault where there is no data, or it is no JSON */
export function toPublication(content: {
  readonly data?: JsonText | undefined;
  readonly b64data?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly key?: string | undefined;
  readonly idempotency_key?: string | undefined;
}): Omit<PublishParams, "channel"> {
  const { tags, key: publicationKey, idempotency_key } = content;
  const data = jsonOf(content.data, content.b64data, "data");
  if (data === undefined) throw new ContentFault("data is missing: any JSON value is accepted");
  return {
    data,
    ...(tags && { tags }),
    ...(publicationKey !== undefined && { key: publicationKey }),
    ...(idempotency_key !== undefined && { idempotencyKey: idempotency_key }),
  };
}

/** @throws ContentFault where there is no data, or it is no JSON */
export function toMapPublication(
  params: Omit<z.output<typeof mapPublish>, "channel">,
): Omit<PublishParams, "channel"> {
  const { score, key_mode: keyMode, version, version_epoch: epoch = "" } = params;
  return {
    ...toPublication(params),
    isForMap: true,
    ...(score !== undefined && { score }),
    ...(keyMode && { keyMode }),
    ...(version !== undefined && { keyVersion: { number: version, epoch } }),
  };
}

/** @throws ContentFault where something is no JSON */
export function toGrant(params: Omit<z.output<typeof subscribe>, "channel">): SubscriptionGrant {
  const info = jsonOf(params.info, params.b64info, "info");
  const data = jsonOf(params.data, params.b64data, "data");
  const { presence, join_leave, force_push_join_leave, force_recovery } = params.override ?? {};
  return {
    ...(info !== undefined && { info }),
    ...(data !== undefined && { data }),
    ...(params.expire_at && { expiresAt: params.expire_at * 1000 }),
    overrides: {
      ...(presence && { hasPresence: presence.value }),
      ...(join_leave && { hasJoinLeave: join_leave.value }),
      ...(force_push_join_leave && { isJoinLeaveForced: force_push_join_leave.value }),
      ...(force_recovery && { isRecoveryForced: force_recovery.value }),
    },
  };
}

function jsonOf(text: JsonText | undefined, encoded: string | undefined, name: string): JsonText | undefined {
  if (text !== undefined || encoded === undefined) return text;
  try {
    return decodeJson(Buffer.from(encoded, "base64").toString("utf8"));
  } catch {
    throw new ContentFault(`b64${name} must be JSON in base64`);
  }
}

/** @throws SyntaxError where the text is no JSON, RangeError where it is nested too deeply */
function decodeJson(text: string): JsonText | undefined {
  const fault = findDepthFault(text, JSON.parse(text));
  if (fault !== undefined) throw new RangeError(fault);
  return wholeText(text);
}
