/**
 * Has rows drawn that have changed and can be seen: once a frame, however often they have changed meanwhile. What cannot be
 * seen is drawn when it comes into view.
 */
export type NextFrame = (task: () => void) => () => void;

export class RowPainter {
  readonly #nextFrame: NextFrame;
  readonly #paints = new Map<string, () => void>();
  readonly #visible = new Set<string>();
  readonly #changed = new Set<string>();
  /** Told once a frame, after the rows. */
  readonly #afterwards: () => void;
  #cancel: (() => void) | undefined;
  #painted = 0;

  constructor(nextFrame: NextFrame, afterwards: () => void = () => {}) {
    this.#nextFrame = nextFrame;
    this.#afterwards = afterwards;
  }

  /** Rows drawn since the beginning. */
  get painted(): number {
    return this.#painted;
  }

  /** @returns what ends it */
  listen(symbol: string, paint: () => void): () => void {
    this.#paints.set(symbol, paint);
    return () => {
      if (this.#paints.get(symbol) === paint) this.#paints.delete(symbol);
    };
  }

  setVisible(symbol: string, isVisible: boolean): void {
    if (!isVisible) this.#visible.delete(symbol);
    else {
      this.#visible.add(symbol);
      if (this.#changed.has(symbol)) this.#schedule();
    }
  }

  change(symbol: string): void {
    this.#changed.add(symbol);
    this.#schedule();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#paints.clear();
  }

  #schedule(): void {
    this.#cancel ??= this.#nextFrame(() => this.#frame());
  }

  #frame(): void {
    this.#cancel = undefined;
    for (const symbol of this.#changed) {
      if (!this.#visible.has(symbol)) continue;
      this.#changed.delete(symbol);
      const paint = this.#paints.get(symbol);
      if (!paint) continue;
      this.#painted++;
      paint();
    }
    this.#afterwards();
  }
}
