/** Rules of a channel: its kind, how long its log is kept, and what clients may do with it. */
import { HoldfastError } from "../errors.js";
import type { MapType } from "../wire/messages.js";
import type { BrokerNeeds } from "./broker.js";
import type { Durability, Retention } from "./log.js";

/**
 * How a channel is read:
 * - `stream`: a log with history and recovery; every reader gets everything, or is told what it missed.
 * - `live`: only the node's ring, for data that is worthless a moment later. No history, no recovery. A reader that lags
 *   behind the ring is told.
 * - `latest`: a reader that lags gets only the newest publication; with keys, the newest of each key.
 * - `map`: each key has a value until it is removed or expires. Readers get all values, and then each change. If the log keeps
 *   publications, readers that resume get what has changed since, otherwise all values again.
 */
export type ChannelKind = "stream" | "live" | "latest" | "map";

/**
 * What the publications of a channel carry: `json`, which every client can read, or `binary`, bytes that nothing here looks into. In
 * JSON, bytes are a string in base64.
 */
export type PayloadKind = "json" | "binary";

export interface ChannelRules {
  /** @default "stream" */
  readonly kind?: ChannelKind;
  /** What its publications carry. @default "json" */
  readonly payload?: PayloadKind;
  /** What a publish waits for. @default "process" */
  readonly durability?: Durability;
  readonly retention: Retention;
  /** In channels of kind `map`. */
  readonly map?: MapRules;
  /** Whether its values are asked for by key, and not published. Of kind `live` then. @default false */
  readonly isPolled?: boolean;
  /** Whether the channel has presence: who is subscribed. */
  readonly hasPresence: boolean;
  /** Whether subscribers that ask for them get joins and leaves. */
  readonly hasJoinLeave: boolean;
  /** Whether all subscribers get joins and leaves, asked for or not. @default false */
  readonly isJoinLeaveForced?: boolean;
  /**
   * Which clients recover after a reconnect: `force` all, `allow` those that ask for it, `off` none.
   * @default "force"
   */
  readonly recovery?: RecoveryRule;
  /** What a recovering client gets: everything it missed, or only the newest publication. @default "stream" */
  readonly recoveryMode?: RecoveryMode;
  /** Whether subscribers may filter publications by tags. @default true */
  readonly allowsTagsFilter?: boolean;
  /** Whether subscribers may get payloads as patches of the ones before. Not with kind `latest`. @default true */
  readonly allowsDelta?: boolean;
  /** How long SDKs gather publications of their application, of which they then send the last of each key. @default not at all */
  readonly publishDebounceMs?: number;
}

export interface MapRules {
  /** The type of map that subscriptions must ask for. @default "keys" */
  readonly type?: MapType;
  /** Keys of clients' publications: chosen by them, or always the id of their connection or of their user. @default "any" */
  readonly keysOf?: "any" | "client" | "user";
  /** Whether pages of the state come by score, the highest first. @default false, which is by key */
  readonly isOrdered?: boolean;
}

export type RecoveryRule = "force" | "allow" | "off";
export type RecoveryMode = "stream" | "cache";

const choices: readonly (readonly [keyof ChannelRules, readonly string[]])[] = [
  ["kind", ["stream", "live", "latest", "map"]],
  ["payload", ["json", "binary"]],
  ["durability", ["memory", "process", "disk"]],
  ["recovery", ["force", "allow", "off"]],
  ["recoveryMode", ["stream", "cache"]],
];
/** Rules that were checked before: most channels share a few. */
const checked = new WeakSet<ChannelRules>();

/**
 * Rules as an application gives them.
 * @throws HF_OPTION_INVALID naming the channel, what came and what is accepted
 */
export function checkRules(channel: string, rules: ChannelRules | undefined): ChannelRules | undefined {
  if (rules === undefined || checked.has(rules)) return rules;
  const fault = findChoiceFault(rules) ?? findRetentionFault(rules.retention) ?? findMapFault(rules);
  if (fault)
    throw new HoldfastError("HF_OPTION_INVALID", `rulesFor(${JSON.stringify(channel)}): ${fault}`, {
      details: { option: "rulesFor", channel },
    });
  checked.add(rules);
  return rules;
}

function findChoiceFault(rules: ChannelRules): string | undefined {
  for (const [name, accepted] of choices) {
    const value: unknown = rules[name];
    if (value !== undefined && !accepted.includes(value as string))
      return `${name} must be one of ${accepted.join(", ")}, not ${String(value)}`;
  }
  return undefined;
}

function findMapFault({ kind, retention: { keys } }: ChannelRules): string | undefined {
  if ((kind === "map") === (keys !== undefined)) return undefined;
  return keys ? 'retention.keys requires kind "map"' : 'kind "map" requires retention.keys';
}

/** @returns what is wrong with it, or undefined */
export function findRetentionFault(retention: Partial<Retention> | undefined): string | undefined {
  for (const name of ["maxEntries", "maxBytes", "ttlMs"] as const) {
    const value = retention?.[name];
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      return `retention.${name} must be an integer from 0 to ${Number.MAX_SAFE_INTEGER}, not ${String(value)}`;
  }
  return retention?.keys && findKeysFault(retention.keys);
}

function findKeysFault(keys: NonNullable<Retention["keys"]>): string | undefined {
  for (const name of ["maxKeys", "maxBytes", "ttlMs", "maxUserKeys"] as const) {
    const value = keys[name];
    if ((name === "ttlMs" || name === "maxUserKeys") && value === undefined) continue;
    if (!Number.isSafeInteger(value) || (value as number) < 1)
      return `retention.keys.${name} must be an integer from 1 to ${Number.MAX_SAFE_INTEGER}, not ${String(value)}`;
  }
  return undefined;
}

const keepsNothing: Retention = Object.freeze({ maxEntries: 0, maxBytes: 0, ttlMs: 0 });

/** What a broker must support for channels with these rules. */
export function needsOf(rules: readonly ChannelRules[]): BrokerNeeds {
  const asked = rules.map((each) => storageOf(each).durability);
  return {
    hasMaps: rules.some(({ kind }) => kind === "map"),
    durability: asked.includes("disk") ? "disk" : "process",
  };
}

/** The part of a channel's rules that is passed to the broker with each publication. */
export function storageOf({ kind, retention, durability }: ChannelRules): {
  readonly retention: Retention;
  readonly durability: Durability;
} {
  if (kind === "live") return { retention: keepsNothing, durability: "memory" };
  return { retention, durability: durability ?? "process" };
}

/** @returns the rules of a channel, or undefined if there is no such channel */
export type RulesFor = (channel: string) => ChannelRules | undefined;

const dayMs = 24 * 60 * 60 * 1000;

/** The rules of every channel of a server without configuration. */
export const openRules: ChannelRules = Object.freeze({
  retention: Object.freeze({ maxEntries: 1000, maxBytes: 4 * 1024 * 1024, ttlMs: dayMs }),
  hasPresence: true,
  hasJoinLeave: true,
});
