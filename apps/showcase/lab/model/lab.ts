/** The lab as the page has it: what is wished for, what goes on, and what came of it. */
import type { LabResult, LabSample, LabSettings, LabTransport } from "@holdfast/lab/report";
import type { Bench, LabNews, LineUse } from "../server/protocol.js";
import { BrowserRun, type BrowserRunParts } from "./browser-run.js";
import { endedText } from "./ended-text.js";
import { settingsOf } from "./measurement.js";
import type { Tally } from "./tally.js";

export type Wish = Pick<
  LabSettings,
  | "transports"
  | "users"
  | "intervalMs"
  | "perSecond"
  | "bytes"
  | "durationMs"
  | "delayMs"
  | "jitterMs"
  | "cutEveryMs"
  | "tolerableMs"
  | "isTwoWay"
>;

/** Who reads: this browser over all transports side by side, or users played by the server, one transport after the other. */
export type ReaderKind = "browser" | "users";

export interface LiveRow {
  readonly transport: LabTransport;
  readonly tally: Tally;
  readonly isOpen: boolean;
  readonly use: LineUse | undefined;
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
  open(wish: Wish): Promise<Bench>;
  start(run: string): Promise<unknown>;
  read(run: string): Promise<LabNews | null>;
  end(run: string): Promise<unknown>;
  measure(wish: Wish): Promise<{ readonly run: string }>;
  clock(): Promise<number>;
  /** Returns what ends it. */
  follow(run: string, onNews: (news: LabNews) => void): () => void;
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

  async run(kind: ReaderKind, wish: Wish): Promise<void> {
    if (this.isRunning) return;
    this.problem = undefined;
    this.result = undefined;
    this.rows = [];
    this.#become({ state: "opening", kind });
    try {
      this.result = kind === "browser" ? await this.#readHere(wish) : await this.#measure(wish);
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

  async #readHere(wish: Wish): Promise<LabResult | undefined> {
    const run = new BrowserRun({
      ...this.#options,
      onChange: (state, rows) => {
        this.rows = rows;
        this.#become(state);
      },
    });
    this.#running = run;
    const read = await run.run(wish);
    if (read === undefined) return undefined;
    const transports = read.measurements.map(({ transport }) => transport);
    const startedAt = new Date(this.#options.now()).toISOString();
    return { ...read, startedAt, settings: settingsOf({ ...wish, users: 1, transports }), isByBrowser: true };
  }

  async #measure(wish: Wish): Promise<LabResult | undefined> {
    const { link } = this.#options;
    const { run } = await link.measure(wish);
    const { later } = this.#options;
    return await new Promise<LabResult | undefined>((resolve, reject) => {
      let isStopping = false;
      const unfollow = link.follow(run, (news) => {
        wait();
        if (news.news === "sample") {
          const { index, count, sample } = news;
          this.#become({ state: "measuring", index, count, sample });
        } else if (news.news === "result") {
          leave();
          resolve(news.result.measurements.length > 0 ? news.result : undefined);
        } else if (news.news === "failed") {
          leave();
          if (isStopping) resolve(undefined);
          else reject(new Error(news.why));
        } else if (news.news === "ended" && !isStopping) {
          // Where this page has ended it, what was finished comes as a result.
          leave();
          reject(new Error(endedText));
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
          reject(
            new Error(
              "Nothing is heard of the run any more: the server may have been restarted. Measure again.",
            ),
          );
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
