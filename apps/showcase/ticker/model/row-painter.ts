/**
 * Has rows drawn that have changed and can be seen: once a frame, however often they have changed meanwhile. What cannot be
 * seen is drawn when it comes into view. A row that was drawn for a change is lit for a moment.
 */
export type NextFrame = (task: () => void) => () => void;

export interface RowPainterOptions {
  readonly nextFrame: NextFrame;
  readonly clock: () => number;
  /** Runs a task after a time; returns what prevents that. */
  readonly later: (delayMs: number, task: () => void) => () => void;
  /** Told once a frame, after the rows. */
  readonly afterwards?: () => void;
}

const litMs = 450;

export class RowPainter {
  readonly #options: RowPainterOptions;
  readonly #paints = new Map<string, () => void>();
  readonly #visible = new Set<string>();
  readonly #changed = new Set<string>();
  /** Until when rows are lit, the first to go out first. */
  readonly #lit = new Map<string, number>();
  #cancelFrame: (() => void) | undefined;
  #cancelLook: (() => void) | undefined;
  #painted = 0;

  constructor(options: RowPainterOptions) {
    this.#options = options;
  }

  /** Rows drawn since the beginning. */
  get painted(): number {
    return this.#painted;
  }

  isLit(symbol: string): boolean {
    return this.#lit.has(symbol);
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
    this.#cancelFrame?.();
    this.#cancelLook?.();
    this.#paints.clear();
    this.#lit.clear();
  }

  #schedule(): void {
    this.#cancelFrame ??= this.#options.nextFrame(() => this.#frame());
  }

  #frame(): void {
    const { clock, later, afterwards } = this.#options;
    this.#cancelFrame = undefined;
    const now = clock();
    const toPaint = new Set<string>();
    for (const [symbol, until] of this.#lit) {
      if (until > now) break;
      this.#lit.delete(symbol);
      toPaint.add(symbol);
    }
    for (const symbol of this.#changed) {
      if (!this.#visible.has(symbol)) continue;
      this.#changed.delete(symbol);
      this.#lit.delete(symbol);
      this.#lit.set(symbol, now + litMs);
      toPaint.add(symbol);
    }
    for (const symbol of toPaint) this.#paint(symbol);
    // Also where nothing changes any more.
    if (this.#lit.size > 0)
      this.#cancelLook ??= later(litMs, () => {
        this.#cancelLook = undefined;
        this.#schedule();
      });
    afterwards?.();
  }

  #paint(symbol: string): void {
    const paint = this.#paints.get(symbol);
    if (!paint || !this.#visible.has(symbol)) return;
    this.#painted++;
    paint();
  }
}
