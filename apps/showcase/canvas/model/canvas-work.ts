/** What has to be painted next, for whoever paints when the screen is ready for it. Bounded, also where nobody looks. */
import type { Change, Piece } from "./drawing.js";

/** A piece, and how many of its numbers are painted already. */
export interface Stretch {
  readonly piece: Piece;
  readonly from: number;
}

const maxStretches = 500;

export class CanvasWork {
  readonly #onWork: () => void;
  #stretches: Stretch[] = [];
  #isAll = true;

  constructor(onWork: () => void) {
    this.#onWork = onWork;
  }

  add(change: Change, from = 0): void {
    if (change === "nothing") return;
    if (change === "all" || this.#stretches.length >= maxStretches) {
      this.#isAll = true;
      this.#stretches = [];
    } else if (!this.#isAll) this.#stretches.push({ piece: change, from });
    this.#onWork();
  }

  /** @returns what to paint on top of what is there, or "all" */
  take(): readonly Stretch[] | "all" {
    const work = this.#isAll ? ("all" as const) : this.#stretches;
    this.#isAll = false;
    this.#stretches = [];
    return work;
  }
}
