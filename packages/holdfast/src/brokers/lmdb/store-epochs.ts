/** What logs of a store begin with: kept in it, so that an empty channel has the same epoch after a restart. */
import { InitialEpochs } from "../../channels/initial-epochs.js";
import type { HoldfastError } from "../../errors.js";
import type { EpochBase } from "./index-records.js";
import { type LogIndex, settled } from "./log-index.js";
import type { Marker } from "./store-marker.js";
import type { StoreSpace } from "./store-space.js";

export interface StoreEpochsOptions {
  readonly index: LogIndex;
  readonly marker: Marker;
  readonly space: StoreSpace;
  readonly createEpoch: () => string;
  /** Why nothing may be written, where the store is only read. */
  readonly refusal?: HoldfastError;
}

/** @throws what keeps it from being kept; epochs of that run alone serve then */
export async function openInitialEpochs(options: StoreEpochsOptions): Promise<InitialEpochs> {
  const { index, marker, space, createEpoch } = options;
  const { lostRun, repairedRun } = marker;
  const known = index.epochBase();
  // Otherwise logs may have gone without a trace.
  if (known?.lostRun === lostRun && known.repairedRun === repairedRun)
    return new InitialEpochs(known.base, index.generations());
  const base: EpochBase = { base: createEpoch(), lostRun, repairedRun };
  if (options.refusal) return new InitialEpochs(base.base);
  await space.reserve();
  await settled([index.putEpochBase(base)]);
  await index.flushed();
  return new InitialEpochs(base.base, index.generations());
}
