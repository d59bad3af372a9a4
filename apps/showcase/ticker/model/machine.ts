/** This machine's meters: their histories first, and then each second. */
import { readServerError } from "../../shared/line/server-error.js";
import { type Metric, metrics } from "../server/ticker-types.js";
import { MachineSeries } from "./series.js";
import type { TickerLink } from "./ticker.js";

export interface MachineOptions {
  readonly link: TickerLink;
  readonly later: (delayMs: number, task: () => void) => () => void;
  readonly onChange: () => void;
}

/** Meters that have said nothing for so long will not. */
const patienceMs = 6000;

export class Machine {
  readonly series: Readonly<Record<Metric, MachineSeries>> = {
    load: new MachineSeries(),
    memory: new MachineSeries(),
    network: new MachineSeries(),
  };
  readonly #options: MachineOptions;
  readonly #leave = new Map<Metric, () => void>();
  #problem: string | undefined;
  #isLate = false;
  #cancel: (() => void) | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  /** Whether a meter has had time enough to say something, and has not. */
  isSilent(metric: Metric): boolean {
    return this.#isLate && this.series[metric].length === 0;
  }

  /** To be called once there is a connection; again, where it failed. */
  async begin(): Promise<void> {
    this.#cancel ??= this.#options.later(patienceMs, () => {
      this.#isLate = true;
      this.#options.onChange();
    });
    await Promise.all(metrics.map((metric) => this.#begin(metric)));
  }

  close(): void {
    this.#cancel?.();
    for (const leave of this.#leave.values()) leave();
    this.#leave.clear();
  }

  async #begin(metric: Metric): Promise<void> {
    const { link, onChange } = this.#options;
    if (this.#leave.has(metric)) return;
    const since = await this.#fill(metric);
    if (since === undefined || this.#leave.has(metric)) return;
    const leave = link.readSamples(metric, since, {
      onSample: (sample) => {
        this.series[metric].add(sample);
        onChange();
      },
      onStatus: ({ state, wasRecovering, recovered }) => {
        // Away for longer than is kept: what there is comes anew.
        if (state === "subscribed" && wasRecovering && !recovered) void this.#fill(metric);
      },
    });
    this.#leave.set(metric, leave);
  }

  async #fill(metric: Metric) {
    const { link, onChange } = this.#options;
    try {
      const { samples, position } = await link.samplesOf(metric);
      this.series[metric].fill(samples);
      this.#problem = undefined;
      return position;
    } catch (error) {
      this.#problem = readServerError(error).message;
      return undefined;
    } finally {
      onChange();
    }
  }
}
