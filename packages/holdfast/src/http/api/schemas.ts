/** Shapes of the API's parameters and results. */
import { z } from "zod";
import { type WhyCause, whyCauses } from "../../observe/why-causes.js";
import type { DescribedChannel } from "../../sessions/control.js";
import { findChannelNameFault, findKeyFault } from "../../wire/names.js";
import type { JsonText } from "../../wire/payload.js";

const maxChannels = 10_000;
const maxTags = 64;
const maxCommands = 1000;

const channel = z.string().superRefine((name, context) => {
  const fault = findChannelNameFault(name);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});
const user = z.string().max(255).describe("user id; empty for all anonymous clients");
const client = z.string().min(1).optional().describe("one of the user's connections, instead of all of them");
const session = z
  .string()
  .min(1)
  .optional()
  .describe("the connection with this session id, instead of all; WebSockets have none: use client");
const seconds = z.int().min(0).describe("Unix time in seconds; 0 for never");
/** Parameters that hold any JSON: the schemas get their text. */
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
    .refine((tags) => Object.keys(tags).length <= maxTags, `at most ${maxTags} tags are accepted`)
    .optional(),
  key: key("key").optional(),
  idempotency_key: key("idempotency_key").optional(),
  delta: z.boolean().optional().describe("ignored: the channel's rules decide whether readers get patches"),
};
const version = {
  version: z
    .int()
    .min(1)
    .optional()
    .describe(
      "publishes only if it is greater than the version that is known: of the key, or of the channel",
    ),
  version_epoch: z.string().max(255).optional().describe("versions of another epoch start over"),
};
const skip = {
  skip_history: z.boolean().optional().describe("only for the readers of this moment: nothing is stored"),
};

export const publish = z.strictObject({ channel, ...content, ...version, ...skip });
export const broadcast = z.strictObject({
  channels: z.array(channel).min(1).max(maxChannels),
  ...content,
  ...version,
  ...skip,
});
export const mapPublish = z.strictObject({
  channel,
  ...content,
  key: key("key"),
  score: z.number().optional().describe("orders the keys; by default what the channel derives from the data"),
  key_mode: z.enum(["if_new", "if_exists"]).optional(),
  ...version,
  stream_data: z
    .never(
      "not supported: readers get the value that is stored, which is data, or a patch of it where delta is on",
    )
    .optional(),
});
export const sharedPollPublish = z.strictObject({
  channel,
  key: key("key"),
  data: json.optional(),
  b64data: base64.optional(),
  version: z.int().min(1).optional().describe("needed where the channel's values have versions"),
  epoch: z.never("not supported: versions of a key only grow").optional(),
});
export const mapRemove = z.strictObject({
  channel,
  key: key("key"),
  idempotency_key: key("idempotency_key").optional(),
});
export const mapReadState = z.strictObject({
  channel,
  key: key("key").optional().describe("only this key"),
  limit: z.int().min(0).max(1000).default(0).describe("0 for the server's maximum"),
  cursor: z.string().max(1024).optional().describe("of the previous page"),
  asc: z.boolean().default(false).describe("lowest score first"),
});
export const published = z.object({
  offset: z.int(),
  epoch: z.string(),
  is_duplicate: z.boolean().optional(),
  suppressed: z.boolean().optional().describe("nothing was published, for the reason in suppress_reason"),
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
  session,
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
  session,
});
export const disconnect = z.strictObject({
  user,
  client,
  session,
  whitelist: z.array(z.string()).max(1000).optional().describe("connections to keep"),
  disconnect: z.object({ code: z.int().min(3000).max(4999), reason: z.string().min(1).max(120) }).optional(),
});
export const refresh = z.strictObject({
  user,
  client,
  session,
  expired: flag,
  expire_at: seconds.optional(),
  info: json.optional(),
});
export const history = z.strictObject({
  channel,
  limit: z.int().min(-1).default(0).describe("0 for the position only, -1 for the server's maximum"),
  since: z.object({ offset: z.int().min(0).default(0), epoch: z.string().default("") }).optional(),
  reverse: z.boolean().default(false),
});
const limit = z.int().min(1).max(1000);
const after = z.string().max(255).optional().describe("the `next` of the page before");
export const channels = z.strictObject({
  pattern: z.string().max(255).optional().describe("* matches any characters, ? exactly one"),
  limit: limit.optional().describe("a page by name; without it, up to 10,000 of each node"),
  after,
  positions: flag.describe("with the position of each channel's newest publication"),
});
export const connections = z.strictObject({
  user: user.optional(),
  user_pattern: z
    .string()
    .max(255)
    .optional()
    .describe("of user ids: * matches any characters, ? exactly one"),
  client: client.describe("only this connection"),
  channel: channel.optional().describe("only those subscribed to it"),
  behind: flag.describe("only those that are behind"),
  subscriptions: flag.describe("with where each subscription stands, or only that to the given channel"),
  limit: limit.default(100),
  after,
});
export const load = z.strictObject({
  after: z.int().min(0).default(0).describe("Unix milliseconds, by each node's clock: only samples after it"),
});
export const tail = z.strictObject({
  channel,
  since: z
    .object({ offset: z.int().min(0), epoch: z.string() })
    .optional()
    .describe("of the answer before; without it, the answer comes at once and has the position only"),
  wait: z.number().min(0).max(25).default(20).describe("seconds"),
});
export const explain = z.strictObject({
  channel,
  user: user.default(""),
  roles: z.array(z.string().max(255)).max(100).optional(),
});
export const why = z.strictObject({
  channel,
  user,
  client,
  offset: z.int().min(1).optional().describe("of the publication; by default the newest"),
  epoch: z.string().max(255).optional().describe("of the publication; by default the current one"),
  idempotency_key: key("idempotency_key")
    .optional()
    .describe("that it was published with, instead of offset"),
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
    "needs user, issued_before or both, or token_id alone",
  );

export const batchParams = z.object({
  commands: z
    .array(z.record(z.string(), z.unknown()))
    .min(1)
    .max(maxCommands)
    .describe('each an object of one method and its parameters, such as {"publish": {…}}'),
  parallel: z.boolean().optional().describe("start all at once instead of one after the other"),
});

export const clientInfo = z.object({
  user: z.string(),
  client: z.string(),
  conn_info: anyJson.optional(),
  chan_info: anyJson.optional(),
});
export const publication = z.object({
  data: anyJson.optional().describe("absent for removals"),
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
const store = z.object({
  index_bytes: z.int(),
  journal_bytes: z.int(),
  pending_bytes: z.int(),
  channels: z.int().describe("with a log"),
  publications: z.int().describe("written since the start"),
  commits: z.int().describe("the writes that took them"),
  commit_seconds: z.number(),
});
const nodeHealth = z.object({
  resident_bytes: z.int(),
  heap_bytes: z.int(),
  cpu_seconds: z.number(),
  held_bytes: z.int().describe("that wait for slow connections"),
  ring_bytes: z.int(),
  errors: z.int().describe("in the background, since the start, as are the next"),
  broker: z.string(),
  broker_up: z.boolean(),
  broker_disconnects: z.int(),
  position_repairs: z.int(),
  recovered: z.int(),
  not_recovered: z.int(),
  store: store.optional().describe("of the node that has the store of its machine open"),
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
  process: z
    .object({
      cpu: z.number().describe("percent of one core since info was last asked for"),
      rss: z.int().describe("bytes"),
    })
    .optional(),
  health: nodeHealth.optional(),
  stats: z.record(z.string(), z.number()).optional().describe("of the node that answers"),
});

const loadSample = z.object({
  at: z.int().describe("Unix milliseconds, by the node's clock"),
  connections: z.int(),
  subscriptions: z.int(),
  published: z.int().describe("total since the start of the node, as are the next three"),
  delivered: z.int(),
  received_bytes: z.int(),
  sent_bytes: z.int(),
  behind: z.int().describe("slow connections"),
  loop_lag_ms: z.number().describe("the longest delay of the event loop since the sample before"),
});
export const loads = z.object({
  interval_ms: z.int(),
  nodes: z.array(node.pick({ uid: true, name: true }).extend({ samples: z.array(loadSample) })),
  silent: z.array(node.pick({ uid: true, name: true, version: true })),
});
export const subscription = z.object({
  channel: z.string(),
  epoch: z.string(),
  offset: z.int().describe("of the last publication that the client was given"),
  head: z.int().describe("of the newest publication"),
  state: z.enum(["live", "behind", "full", "reading", "ended"]),
});
export const connection = z.object({
  client: z.string(),
  user: z.string(),
  transport: z.string(),
  codec: z.string().optional(),
  address: z.string().optional(),
  name: z.string().optional().describe("of the client's software, as it says itself"),
  version: z.string().optional(),
  behind_since: z.int().optional().describe("Unix milliseconds; of a connection that lacks publications"),
  node: z.string(),
  opened_at: z.int().describe("Unix milliseconds"),
  unsent_bytes: z.int(),
  channels: z.array(z.string()).describe("at most 100"),
  num_channels: z.int(),
  subscriptions: z.array(subscription).optional().describe("at most 100"),
});
export const listedChannel = z.object({
  num_clients: z.int(),
  epoch: z.string().optional(),
  offset: z.int().optional(),
});
export const tailed = z.object({
  publications: z.array(
    publication.extend({ offset: z.int().optional().describe("absent in channels of kind live") }),
  ),
  offset: z.int(),
  epoch: z.string(),
  recovered: z.boolean().describe("false if publications between since and these are no longer kept"),
});
const describedChannel = {
  pattern: z
    .string()
    .optional()
    .describe("of the application; absent where all channels have the same rules"),
  kind: z.enum(["stream", "live", "latest", "map"]),
  durability: z.enum(["memory", "process", "disk"]),
  history: z.object({ size: z.int(), bytes: z.int(), ttl_ms: z.int() }),
  presence: z.boolean(),
  join_leave: z.boolean(),
  recovery: z.enum(["force", "allow", "off"]),
  hooks: z.array(z.string()).describe("of the application, which decide last"),
};
export const setting = z.object({
  option: z.string().describe("its path, such as store.maxBytes"),
  section: z.string(),
  value: z.unknown().describe("secrets are masked; what code has given is named"),
  is_default: z.boolean(),
  doc: z.string(),
});
export const configuration = z.object({
  version: z.string(),
  node: z.string(),
  settings: z.array(setting),
  channels: z.array(z.object({ ...describedChannel, allow: z.record(z.string(), z.string()) })),
});
export const inspected = z.object({
  ...describedChannel,
  epoch: z.string(),
  offset: z.int().describe("of the newest publication; 0 for none"),
  oldest: z.int().optional().describe("offset of the oldest publication that is kept"),
  newest_time: z.int().optional().describe("Unix milliseconds"),
  num_clients: z.int(),
});
export const explained = z.object({
  ...describedChannel,
  actions: z.array(
    z.object({
      action: z.enum(["subscribe", "publish", "presence", "history"]),
      allows: z.string().describe("who may, in words"),
      allowed: z.boolean(),
      allowed_once_subscribed: z.boolean(),
    }),
  ),
});
export const whyAnswer = z.object({
  cause: z.enum(Object.keys(whyCauses) as [WhyCause, ...WhyCause[]]),
  sentence: z.string(),
  publication: z
    .object({ epoch: z.string(), offset: z.int(), time: z.int().optional().describe("Unix milliseconds") })
    .optional(),
  evidence: z
    .array(
      z.object({
        at: z.number().optional().describe("Unix milliseconds, by the clock of the node"),
        node: z.string().optional(),
        client: z.string().optional(),
        text: z.string(),
      }),
    )
    .describe("oldest first"),
  silent: z.array(z.string()).describe("nodes that have not answered in time"),
});

/** A node that has not answered in time. */
export const silentNode = node.pick({ uid: true, name: true, version: true });

export function toDescribedChannel({ pattern, rules, hooks }: DescribedChannel): object {
  const { kind = "stream", durability = "process", recovery = "force", retention } = rules;
  const { maxEntries: size, maxBytes: bytes, ttlMs: ttl_ms } = retention;
  return {
    ...(pattern !== undefined && { pattern }),
    kind,
    durability,
    history: { size, bytes, ttl_ms },
    presence: rules.hasPresence,
    join_leave: rules.hasJoinLeave,
    recovery,
    hooks,
  };
}
