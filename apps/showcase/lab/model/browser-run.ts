/** A run in this browser: opens its readers, lets the server publish, waits for what is under way, and adds it all up. */
import type { LabMeasurement, LabResult } from "@holdfast/lab/report";
import type { Bench, LabUpdate } from "../server/protocol.js";
import type { LabLink, LabRequest, LabState, LiveRow } from "./lab.js";
import type { Reader, ReaderContext } from "./reader.js";
import { createReader } from "./readers.js";
import { Tally, toMeasurement } from "./tally.js";

export interface BrowserRunParts
  extends Pick<ReaderContext, "fetch" | "EventSource" | "WebSocket" | "later" | "random"> {
  readonly link: LabLink;
  /** Unix milliseconds of this browser, with fractions. */
  readonly now: () => number;
  readonly onChange: (state: LabState, rows: readonly LiveRow[]) => void;
}

interface Place {
  readonly transport: LiveRow["transport"];
  readonly tally: Tally;
  readonly reader: Reader;
}

/** What a run has come to. */
export type BrowserReading = Pick<LabResult, "version" | "machine" | "measurements">;

type BenchUpdate = Extract<LabUpdate, { type: "bench" }>;

const openTimeoutMs = 10_000;
/** How long it is waited for messages that are published but have not come. */
const drainMs = 5000;
const checkMs = 100;

export class BrowserRun {
  readonly #parts: BrowserRunParts;
  #places: Place[] = [];
  #update: BenchUpdate | undefined;
  #isStopped = false;
  /** Not by this page. */
  #isEnded = false;
  /** All is measured. */
  #isOver = false;
  #wake = () => {};

  constructor(parts: BrowserRunParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  /** @returns undefined where it was stopped before anything was measured @throws Error with what to tell the person */
  async run(request: LabRequest): Promise<BrowserReading | undefined> {
    const { link, now } = this.#parts;
    const ahead = await measureClockAheadMs({ ask: () => link.clock(), now });
    const bench = await link.open(request);
    const leave = link.follow(bench.run, (update) => {
      if (update.type === "ended" && !this.#isOver) {
        this.#isEnded = true;
        this.stop();
      }
      if (update.type !== "bench") return;
      this.#update = update;
      this.#tell(request);
      this.#wake();
    });
    try {
      await this.#openReaders(bench, request, ahead);
      this.#assertMine();
      if (this.#isStopped) return undefined;
      const startedAt = now();
      // What opening took is not counted.
      for (const { tally } of this.#places) tally.begin();
      await link.start(bench.run);
      await this.#until(() => this.#update?.isOver === true, request.durationMs + openTimeoutMs);
      await this.#until(
        () => this.#hasAll(),
        drainMs + request.intervalMs + 4 * (request.delayMs + request.jitterMs),
      );
      this.#assertMine();
      this.#isOver = true;
      const last = (await link.read(bench.run)) as BenchUpdate | null;
      if (last) this.#update = last;
      const measurements = this.#measure(now() - startedAt);
      const { version, machine } = bench;
      return measurements && { version, machine, measurements };
    } finally {
      for (const { reader } of this.#places) reader.stop();
      leave();
      await link.end(bench.run).catch(() => {
        // It is over by itself then.
      });
    }
  }

  #assertMine(): void {
    if (this.#isEnded) throw new Error(runEndedMessage);
  }

  async #openReaders({ channel, lines }: Bench, request: LabRequest, ahead: number): Promise<void> {
    const { fetch, EventSource, WebSocket, later, random, now } = this.#parts;
    this.#places = lines.map(({ transport, port }) => {
      const tally = new Tally(now, ahead);
      const base = `http://127.0.0.1:${port}`;
      const onChange = () => this.#tell(request);
      const others = {
        intervalMs: request.intervalMs,
        fetch,
        EventSource,
        WebSocket,
        later,
        random,
        now,
        onChange,
      };
      const reader = createReader(transport, { base, channel, tally, ...others });
      return { transport, tally, reader };
    });
    for (const { reader } of this.#places) reader.start();
    await this.#until(() => this.#places.every(({ reader }) => reader.isOpen), openTimeoutMs);
    if (!this.#isStopped && this.#places.every(({ reader }) => !reader.isOpen))
      throw new Error(
        "This browser cannot reach the lab's servers. They listen on separate ports of the machine that runs Holdfast, " +
          "so open this page there, as http://localhost; or choose “Many users”.",
      );
  }

  #hasAll(): boolean {
    const published = this.#update?.published ?? 0;
    return this.#places.every(({ tally, reader }) => !reader.isOpen || tally.check.missedOf(published) <= 0);
  }

  #measure(windowMs: number): readonly LabMeasurement[] | undefined {
    const { published = 0, use = {} } = this.#update ?? {};
    if (published === 0) return undefined;
    return this.#places.flatMap(({ transport, tally, reader }) => {
      const line = use[transport];
      return line
        ? [toMeasurement({ transport, tally, use: line, published, windowMs, isOpen: reader.isOpen })]
        : [];
    });
  }

  #tell({ durationMs }: LabRequest): void {
    const { ms = 0, published = 0, use = {} } = this.#update ?? {};
    const rows = this.#places.map(({ transport, tally, reader }) => ({
      ...{ transport, tally },
      isOpen: reader.isOpen,
      use: use[transport],
    }));
    const state: LabState = this.#update
      ? { state: "reading", share: Math.min(1, ms / durationMs), published }
      : { state: "opening", kind: "browser" };
    this.#parts.onChange(state, rows);
  }

  /** Resolves when it holds, it is stopped, or the time is over. */
  #until(condition: () => boolean, timeoutMs: number): Promise<void> {
    const { now, later } = this.#parts;
    const endsAt = now() + timeoutMs;
    return new Promise((resolve) => {
      let cancel = () => {};
      const look = () => {
        cancel();
        if (this.#isStopped || condition() || now() >= endsAt) resolve();
        else cancel = later(checkMs, look);
      };
      this.#wake = look;
      look();
    });
  }
}

/** What is said of a run that somebody else has ended. */
export const runEndedMessage = "The run was ended in another window or by the server. Measure again.";

export interface ClockParts {
  /** Unix milliseconds of the server. */
  readonly ask: () => Promise<number>;
  /** Unix milliseconds of this browser, with fractions. */
  readonly now: () => number;
}

const rounds = 6;

/** @returns milliseconds, at most half the quickest round trip off */
export async function measureClockAheadMs({ ask, now }: ClockParts): Promise<number> {
  let best = { tripMs: Infinity, aheadMs: 0 };
  for (let round = 0; round < rounds; round++) {
    const sentAt = now();
    const serverNow = await ask();
    const tripMs = now() - sentAt;
    if (tripMs < best.tripMs) best = { tripMs, aheadMs: serverNow - (sentAt + tripMs / 2) };
  }
  return best.aheadMs;
}
