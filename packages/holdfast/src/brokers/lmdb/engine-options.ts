/** What the logs of an open store are given by the broker. */
import type { LogEvents } from "../../channels/log.js";
import type { Clock } from "../../time/clock.js";

export interface EngineOptions {
  readonly clock: Clock;
  readonly createEpoch: () => string;
  readonly schedule: (run: () => void) => void;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  readonly maxChannels: number;
  readonly maxBytes: number;
  readonly maxPendingBytes: number;
  readonly maxIdempotencyKeys: number;
  readonly metaTtlMs: number;
  readonly checkpointDelayMs: number;
  readonly maxJournalBytes: number;
  readonly onPublication: LogEvents["onPublication"];
  /** The epoch that the channel's log has, or will have; undefined where nobody is subscribed. */
  readonly subscribedEpoch: (channel: string) => string | undefined;
  readonly userPercent: number;
}
