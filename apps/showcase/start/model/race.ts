/** The three ways side by side: readers of one channel for some seconds, and the same letters for all. */

import { median } from "./letters.js";
import { Line } from "./line.js";
import { type Letter, type Place, post } from "./place.js";
import { type Reader, startLongPolling, startPolling } from "./readers.js";
import type { Tally, Tap } from "./tap.js";

export type Lane = "poll" | "long" | "line";

/** Something that happened in a lane, in milliseconds from the start. */
export interface RaceMark {
  readonly at: number;
  /** Where it took time, such as a request that waited. */
  readonly from?: number;
  readonly hadNews: boolean;
}

export interface LaneResult extends Tally {
  readonly marks: readonly RaceMark[];
  readonly delays: readonly number[];
  readonly medianDelay: number | undefined;
  readonly letters: number;
}

export const raceMs = 12_000;
/** On a busy machine, letters may take longer to arrive. */
const maxRaceMs = 90_000;
const lookMs = 250;
const retryMs = 1000;
export const raceLetters = 4;
/** For what the server still has to tell. */
const settleMs = 1200;

export interface RaceOptions {
  readonly place: Place;
  readonly tap: Tap;
  readonly now: () => number;
  readonly random: () => number;
  readonly onChange: () => void;
}

export const raceLabels: Readonly<Record<Lane, string>> = { poll: "rpoll", long: "rlong", line: "rline" };

export class Race {
  readonly #options: RaceOptions;
  readonly #startedAt: number;
  readonly #before: Readonly<Record<Lane, Tally>>;
  readonly #marks: Record<Lane, RaceMark[]> = { poll: [], long: [], line: [] };
  readonly #delays: Record<Lane, number[]> = { poll: [], long: [], line: [] };
  readonly #letters: Record<Lane, number> = { poll: 0, long: 0, line: 0 };
  readonly #writtenAt = new Map<string, number>();
  readonly #stops: (() => void)[] = [];
  state: "running" | "settling" | "over" = "running";
  problem: string | undefined;

  constructor(options: RaceOptions) {
    this.#options = options;
    const { tap, now } = options;
    this.#startedAt = now();
    this.#before = { poll: tap.tallyOf("rpoll"), long: tap.tallyOf("rlong"), line: tap.tallyOf("rline") };
    this.#begin();
  }

  get elapsedMs(): number {
    return Math.min(raceMs, this.#options.now() - this.#startedAt);
  }

  resultOf(lane: Lane): LaneResult {
    return {
      ...this.#options.tap.tallySince(raceLabels[lane], this.#before[lane]),
      marks: this.#marks[lane],
      delays: this.#delays[lane],
      medianDelay: median(this.#delays[lane]),
      letters: this.#letters[lane],
    };
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    if (this.state === "running") this.state = "over";
    this.#options.onChange();
  }

  #begin(): void {
    const { place, now, random, onChange } = this.#options;
    const later = (delayMs: number, task: () => void) => {
      const timer = setTimeout(task, delayMs);
      this.#stops.push(() => clearTimeout(timer));
    };
    const at = () => now() - this.#startedAt;
    const reader = (lane: "poll" | "long", start: typeof startPolling): Reader =>
      start({
        place,
        label: raceLabels[lane],
        now,
        onLetters: (letters) => this.#arrive(lane, letters),
        onAnswer: (hadNews, tookMs) => {
          this.#marks[lane].push({ at: at(), hadNews, ...(lane === "long" && { from: at() - tookMs }) });
          onChange();
        },
        onError: (message) => {
          this.problem = message;
          onChange();
        },
      });
    const readers = [reader("poll", startPolling), reader("long", startLongPolling)];
    const line = new Line({
      url: place.webSocket(raceLabels.line),
      channel: place.channel,
      onChange,
      onLetter: (letter) => {
        this.#marks.line.push({ at: at(), hadNews: true });
        this.#arrive("line", [letter]);
      },
    });
    this.#stops.push(() => {
      for (const each of readers) each.stop();
      line.close(1000, "measured");
    });
    for (let index = 0; index < raceLetters; index++) {
      // Spread, but not to the beat of the polls.
      const slot = (raceMs - 3500) / raceLetters;
      const write = () => {
        // Each reads from when it stands somewhere; where that takes long, letters wait for it.
        const isLineReady = line.position !== undefined || line.state === "closed";
        if (isLineReady && readers.every(({ isReady }) => isReady)) this.#write(`Race letter ${index + 1}`);
        else later(lookMs, write);
      };
      later(1500 + slot * index + random() * slot * 0.8, write);
    }
    const end = () => {
      const lanes: readonly Lane[] = line.wasOpen ? ["poll", "long", "line"] : ["poll", "long"];
      const isWhole = lanes.every((lane) => this.#letters[lane] >= raceLetters);
      if (!isWhole && at() < maxRaceMs) {
        later(lookMs, end);
        return;
      }
      this.state = "settling";
      this.stop();
      setTimeout(() => {
        this.state = "over";
        onChange();
      }, settleMs);
    };
    later(raceMs, end);
  }

  #write(text: string): void {
    const { place, now, onChange } = this.#options;
    this.#writtenAt.set(text, now());
    post(place.request("rpost"), text).catch((error: unknown) => {
      this.problem = String(error);
      onChange();
      // Such as a server that is busy: it is asked again, a little later.
      const timer = setTimeout(() => this.#write(text), retryMs);
      this.#stops.push(() => clearTimeout(timer));
    });
  }

  #arrive(lane: Lane, letters: readonly Letter[]): void {
    for (const { data } of letters) {
      const writtenAt = this.#writtenAt.get(data.text);
      if (writtenAt === undefined) continue;
      this.#letters[lane]++;
      this.#delays[lane].push(this.#options.now() - writtenAt);
    }
    this.#options.onChange();
  }
}
