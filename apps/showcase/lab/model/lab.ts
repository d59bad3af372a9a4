/** The lab as the page has it: what is requestSchema for, what goes on, and what came of it. */
import type { LabResult, LabSample, LabSettings, LabTransport } from "@holdfast/lab/report";
import type { Bench, LabUpdate, LineUsage } from "../server/protocol.js";
import { BrowserRun, type BrowserRunParts, runEndedMessage } from "./browser-run.js";
import { type Tally, toSettings } from "./tally.js";

export type LabRequest = Pick<
  LabSettings,
  | "transports"
  | "users"
  | "intervalMs"
  | "ratePerSecond"
  | "sizeBytes"
  | "durationMs"
  | "delayMs"
  | "jitterMs"
  | "cutEveryMs"
  | "maxLatencyMs"
  | "isTwoWay"
>;

/** Who reads: this browser over all transports side by side, or users played by the server, one transport after the other. */
export type ReaderKind = "browser" | "users";

export interface LiveRow {
  readonly transport: LabTransport;
  readonly tally: Tally;
  readonly isOpen: boolean;
  readonly use: LineUsage | undefined;
}

export type LabState =
  | { readonly state: "idle" }
  | { readonly state: "opening"; readonly kind: ReaderKind }
  | { readonly state: "reading"; readonly share: number; readonly published: number }
  | {
      readonly state: "measuring";
      readonly index: number;
      readonly count: number;
      readonly sample: LabSample | undefined;
    };

/** The server's side of it. */
export interface LabLink {
  open(request: LabRequest): Promise<Bench>;
  start(run: string): Promise<unknown>;
  read(run: string): Promise<LabUpdate | null>;
  end(run: string): Promise<unknown>;
  measure(request: LabRequest): Promise<{ readonly run: string }>;
  clock(): Promise<number>;
  /** Returns what ends it. */
  follow(run: string, onUpdate: (update: LabUpdate) => void): () => void;
}

export type LabOptions = Omit<BrowserRunParts, "onChange">;

const silenceMs = 20_000;

export class Lab {
  state: LabState = { state: "idle" };
  problem: string | undefined;
  result: LabResult | undefined;
  /** Of the run in this browser, while it goes on and after. */
  rows: readonly LiveRow[] = [];
  readonly #options: LabOptions;
  readonly #listeners = new Set<() => void>();
  #running: { stop(): void } | undefined;

  constructor(options: LabOptions) {
    this.#options = options;
  }

  /** Calls a listener after every change; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get isRunning(): boolean {
    return this.state.state !== "idle";
  }

  async run(kind: ReaderKind, request: LabRequest): Promise<void> {
    if (this.isRunning) return;
    this.problem = undefined;
    this.result = undefined;
    this.rows = [];
    this.#become({ state: "opening", kind });
    try {
      this.result = kind === "browser" ? await this.#readHere(request) : await this.#measure(request);
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.#running = undefined;
    this.#become({ state: "idle" });
  }

  /** Ends what goes on; what was measured until then is shown where it is enough. */
  stop(): void {
    this.#running?.stop();
  }

  close(): void {
    this.stop();
    this.#listeners.clear();
  }

  async #readHere(request: LabRequest): Promise<LabResult | undefined> {
    const run = new BrowserRun({
      ...this.#options,
      onChange: (state, rows) => {
        this.rows = rows;
        this.#become(state);
      },
    });
    this.#running = run;
    const read = await run.run(request);
    if (read === undefined) return undefined;
    const transports = read.measurements.map(({ transport }) => transport);
    const startedAt = new Date(this.#options.now()).toISOString();
    return {
      ...read,
      startedAt,
      settings: toSettings({ ...request, users: 1, transports }),
      isByBrowser: true,
    };
  }

  async #measure(request: LabRequest): Promise<LabResult | undefined> {
    const { link } = this.#options;
    const { run } = await link.measure(request);
    const { later } = this.#options;
    return await new Promise<LabResult | undefined>((resolve, reject) => {
      let isStopping = false;
      const unfollow = link.follow(run, (update) => {
        wait();
        if (update.type === "sample") {
          const { index, count, sample } = update;
          this.#become({ state: "measuring", index, count, sample });
        } else if (update.type === "result") {
          leave();
          resolve(update.result.measurements.length > 0 ? update.result : undefined);
        } else if (update.type === "failed") {
          leave();
          if (isStopping) resolve(undefined);
          else reject(new Error(update.why));
        } else if (update.type === "ended" && !isStopping) {
          // Where this page has ended it, what was finished comes as a result.
          leave();
          reject(new Error(runEndedMessage));
        }
      });
      const leave = () => {
        cancel();
        unfollow();
      };
      // The server tells several times a second how it goes; one that has been restarted tells nothing any more.
      let cancel = () => {};
      const wait = () => {
        cancel();
        cancel = later(silenceMs, () => {
          leave();
          reject(new Error("No updates from the run: the server may have restarted. Measure again."));
        });
      };
      wait();
      this.#running = {
        stop: () => {
          isStopping = true;
          void link.end(run).catch(reject);
        },
      };
    });
  }

  #become(state: LabState): void {
    this.state = state;
    for (const listener of this.#listeners) listener();
  }
}
