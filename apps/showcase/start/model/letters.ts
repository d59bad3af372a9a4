/** The visitor's letters: what was written when, and what became of each offset of their channel on this page. */
import type { Letter } from "./place.js";

/** How a reader heard of something. */
export type Way = "poll" | "long" | "line";

export type LetterState = "live" | "missed" | "recovered";

const maxOffsets = 60;
const maxWritten = 60;
const maxDelays = 40;

export class Letters {
  readonly #writtenAt = new Map<string, number>();
  readonly #offsets = new Map<number, { state: LetterState; text: string }>();
  readonly #delays: Record<Way, number[]> = { poll: [], long: [], line: [] };
  #count = 0;

  /** A text that no other letter has. */
  next(now: number): string {
    const text = `Letter ${++this.#count}`;
    this.wrote(text, now);
    return text;
  }

  wrote(text: string, now: number): void {
    this.#writtenAt.set(text, now);
    if (this.#writtenAt.size > maxWritten)
      this.#writtenAt.delete(this.#writtenAt.keys().next().value as string);
  }

  /** @returns milliseconds from the press to here; undefined for those that this page did not write */
  arrived(way: Way, { data }: Letter, now: number): number | undefined {
    const writtenAt = this.#writtenAt.get(data.text);
    if (writtenAt === undefined || data.from !== "you") return undefined;
    const delay = now - writtenAt;
    this.#delays[way] = [...this.#delays[way], delay].slice(-maxDelays);
    return delay;
  }

  delaysOf(way: Way): readonly number[] {
    return this.#delays[way];
  }

  mark(offset: number, text: string, state: LetterState): void {
    this.#offsets.set(offset, { state, text });
    if (this.#offsets.size > maxOffsets) this.#offsets.delete(this.#offsets.keys().next().value as number);
  }

  stateOf(offset: number): LetterState | undefined {
    return this.#offsets.get(offset)?.state;
  }

  /** In the order of offsets. */
  get offsets(): readonly { offset: number; state: LetterState; text: string }[] {
    return [...this.#offsets]
      .map(([offset, { state, text }]) => ({ offset, state, text }))
      .sort((a, b) => a.offset - b.offset);
  }
}

export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
