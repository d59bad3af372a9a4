/**
 * This machine's own meters, once a second: from the start of the server on, so that charts are full at once, until nobody
 * has looked for some minutes.
 */

import type { Repeat } from "../../server/timers.js";
import { Watch } from "../../server/watch.js";
import type { Measure } from "./measure.js";
import { type MachineSample, type Metric, metrics } from "./ticker-types.js";

export interface MachineFeedOptions {
  readonly publish: (metric: Metric, sample: MachineSample) => Promise<unknown>;
  readonly measure: Measure;
  /** How many are subscribed to any of the channels. */
  readonly count: () => Promise<number>;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly repeat: Repeat;
  readonly onError: (error: unknown) => void;
}

const everyMs = 1000;
export const machineLingerMs = 10 * 60_000;

export class MachineFeed {
  readonly #options: MachineFeedOptions;
  readonly #watch: Watch;
  #endTimer: (() => void) | undefined;
  #isMeasuring = false;

  constructor(options: MachineFeedOptions) {
    const { count, now, repeat, onError } = options;
    this.#options = options;
    this.#watch = new Watch({
      ...{ count, now, repeat, onError, lingerMs: machineLingerMs },
      begin: () => {
        this.#endTimer = repeat(everyMs, () => void this.#measure());
      },
      end: () => this.#endTimer?.(),
    });
  }

  get isRunning(): boolean {
    return this.#watch.isRunning;
  }

  start(): void {
    this.#watch.open();
    this.#watch.arrive();
  }

  stop(): void {
    this.#watch.close();
  }

  arrive(): void {
    this.#watch.arrive();
  }

  async #measure(): Promise<void> {
    if (this.#isMeasuring) return;
    const { measure, publish, now, onError } = this.#options;
    this.#isMeasuring = true;
    try {
      const found = await measure();
      if (!this.isRunning) return;
      const at = now();
      await Promise.all(
        metrics.map(async (metric) => {
          const values = found[metric];
          if (values) await publish(metric, { at, values });
        }),
      );
    } catch (error) {
      // It would be the same again each second: whoever comes next begins it anew.
      if (this.isRunning) onError(error);
      this.#watch.rest();
    } finally {
      this.#isMeasuring = false;
    }
  }
}
