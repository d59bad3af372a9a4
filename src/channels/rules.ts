/** What holds for a channel: how long its log is kept, and what may be done with it. */
import type { Retention } from "./broker.js";

export interface ChannelRules {
  readonly retention: Retention;
  /** Whether it is known who is subscribed. */
  readonly hasPresence: boolean;
  /** Whether subscribers that ask for it are told who comes and goes. */
  readonly hasJoinLeave: boolean;
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
