/**
 * This machine's own meters, once a second: from the start of the server on, so that charts are full at once, until nobody
 * has looked for some minutes.
 */

import type { Systeminformation } from "systeminformation";
import type { Repeat } from "../../server/part.js";
import { Watch } from "../../server/watch.js";
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

export type Values = Readonly<Record<string, number>>;
export type Measure = () => Promise<Partial<Record<Metric, Values>>>;

/** The part of systeminformation that is used. */
export interface Meters {
  currentLoad(): Promise<Pick<Systeminformation.CurrentLoadData, "currentLoad">>;
  mem(): Promise<Pick<Systeminformation.MemData, "total" | "available">>;
  networkStats(
    which: string,
  ): Promise<readonly Pick<Systeminformation.NetworkStatsData, "iface" | "rx_sec" | "tx_sec">[]>;
}

/** @param load brings the meters: at the first measurement, so that nobody else has to wait for them */
export function createMeasure(load: () => Promise<Meters> = loadMeters): Measure {
  let meters: Promise<Meters> | undefined;
  let isFirst = true;
  return async () => {
    meters ??= load();
    const { currentLoad, mem, networkStats } = await meters;
    const [busy, memory, network] = await Promise.all([
      orNothing(async () => toLoad((await currentLoad()).currentLoad)),
      orNothing(async () => toMemory(await mem())),
      orNothing(async () => toNetwork(await networkStats("*"))),
    ]);
    // Rates are between two measurements; the first is of all the time that the machine has run.
    const isRate = !isFirst;
    isFirst = false;
    return {
      ...(isRate && busy && { load: busy }),
      ...(memory && { memory }),
      ...(isRate && network && { network }),
    };
  };
}

async function loadMeters(): Promise<Meters> {
  return (await import("systeminformation")).default;
}

async function orNothing(read: () => Promise<Values | undefined>): Promise<Values | undefined> {
  return await read().catch(() => undefined);
}

function toLoad(busy: number): Values | undefined {
  return Number.isFinite(busy) ? { busy: Math.round(busy * 10) / 10 } : undefined;
}

function toMemory({ total, available }: { total: number; available: number }): Values | undefined {
  return total > 0 && available >= 0 ? { used: total - available, total } : undefined;
}

/** Of all interfaces but those within the machine. */
function toNetwork(
  stats: readonly {
    readonly iface: string;
    readonly rx_sec: number | null;
    readonly tx_sec: number | null;
  }[],
): Values | undefined {
  const outer = stats.filter(
    ({ iface, rx_sec, tx_sec }) => !/^lo\d*$/.test(iface) && isRate(rx_sec) && isRate(tx_sec),
  );
  if (outer.length === 0) return undefined;
  const sum = (pick: "rx_sec" | "tx_sec") =>
    Math.round(outer.reduce((total, each) => total + (each[pick] ?? 0), 0));
  return { received: sum("rx_sec"), sent: sum("tx_sec") };
}

function isRate(value: number | null): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
