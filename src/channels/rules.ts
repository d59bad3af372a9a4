/** What holds for a channel: how long its log is kept, and what may be done with it. */
import { HoldfastError } from "../errors.js";
import type { Durability, Retention } from "./broker.js";

/**
 * How a channel is read:
 * - `stream`: a log with history and recovery; every reader gets everything, or is told that it could not.
 * - `live`: nothing is kept but what the node has at hand, for data that is worthless a moment later. No history, no
 *   recovery. A reader that lags further is told.
 * - `latest`: a reader that lags gets the newest publication only; of those with a key, the newest of each key.
 */
export type ChannelKind = "stream" | "live" | "latest";

export interface ChannelRules {
  /** @default "stream" */
  readonly kind?: ChannelKind;
  /** What a publish waits for. @default "process" */
  readonly durability?: Durability;
  readonly retention: Retention;
  /** Whether it is known who is subscribed. */
  readonly hasPresence: boolean;
  /** Whether subscribers that ask for it are told who comes and goes. */
  readonly hasJoinLeave: boolean;
}

const kinds: readonly unknown[] = ["stream", "live", "latest", undefined];
const durabilities: readonly unknown[] = ["memory", "process", "disk", undefined];
/** Rules that were looked at and are right: most channels share a few. */
const checked = new WeakSet<ChannelRules>();

/**
 * Rules as an application gives them.
 * @throws HF_OPTION_INVALID naming the channel, what came and what is accepted
 */
export function checkRules(channel: string, rules: ChannelRules | undefined): ChannelRules | undefined {
  if (rules === undefined || checked.has(rules)) return rules;
  const { kind, durability, retention } = rules;
  const fault =
    (!kinds.includes(kind) && `kind ${String(kind)}, which is none of stream, live, latest`) ||
    (!durabilities.includes(durability) &&
      `durability ${String(durability)}, which is none of memory, process, disk`) ||
    findRetentionFault(retention);
  if (fault)
    throw new HoldfastError("HF_OPTION_INVALID", `rulesFor gave the channel ${channel} ${fault}`, {
      details: { option: "rulesFor", channel },
    });
  checked.add(rules);
  return rules;
}

/** @returns what is wrong with it, or undefined */
export function findRetentionFault(retention: Partial<Retention> | undefined): string | undefined {
  for (const name of ["maxEntries", "maxBytes", "ttlMs"] as const) {
    const value = retention?.[name];
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      return `retention.${name} ${String(value)}, which is no integer from 0 to ${Number.MAX_SAFE_INTEGER}`;
  }
  return undefined;
}

const keepsNothing: Retention = Object.freeze({ maxEntries: 0, maxBytes: 0, ttlMs: 0 });

/** What a broker is told of a channel's rules with each publication. */
export function storageOf({ kind, retention, durability }: ChannelRules): {
  readonly retention: Retention;
  readonly durability: Durability;
} {
  if (kind === "live") return { retention: keepsNothing, durability: "memory" };
  return { retention, durability: durability ?? "process" };
}

/** @returns the rules of a channel, or undefined where no such channel may be used */
export type RulesFor = (channel: string) => ChannelRules | undefined;

const dayMs = 24 * 60 * 60 * 1000;

/** One rule for every channel: what a server without configuration goes by. */
export const openRules: ChannelRules = Object.freeze({
  retention: Object.freeze({ maxEntries: 1000, maxBytes: 4 * 1024 * 1024, ttlMs: dayMs }),
  hasPresence: true,
  hasJoinLeave: true,
});
