/** The few that have just come, for some seconds each; for as long as somebody looks at one, all stay. */
import type { Received } from "./notices.js";

export interface ToastsOptions {
  /** Runs a task after a time; returns what prevents that. */
  readonly later: (delayMs: number, task: () => void) => () => void;
  readonly onChange: () => void;
}

const shownMs = 7000;
const maxShown = 3;

export class Toasts {
  readonly #options: ToastsOptions;
  #shown: readonly Received[] = [];
  readonly #timers = new Map<number, () => void>();
  #isHeld = false;

  constructor(options: ToastsOptions) {
    this.#options = options;
  }

  /** Oldest first. */
  get shown(): readonly Received[] {
    return this.#shown;
  }

  add(received: Received): void {
    this.#shown = [...this.#shown, received];
    for (const { offset } of this.#shown.slice(0, -maxShown)) this.remove(offset);
    if (!this.#isHeld) this.#start(received.offset);
    this.#options.onChange();
  }

  remove(offset: number): void {
    this.#timers.get(offset)?.();
    this.#timers.delete(offset);
    if (!this.#shown.some((each) => each.offset === offset)) return;
    this.#shown = this.#shown.filter((each) => each.offset !== offset);
    if (this.#shown.length === 0) this.#isHeld = false;
    this.#options.onChange();
  }

  hold(): void {
    this.#isHeld = true;
    this.#stop();
  }

  release(): void {
    this.#isHeld = false;
    for (const { offset } of this.#shown) this.#start(offset);
  }

  close(): void {
    this.#stop();
    this.#shown = [];
  }

  #start(offset: number): void {
    this.#timers.get(offset)?.();
    this.#timers.set(
      offset,
      this.#options.later(shownMs, () => this.remove(offset)),
    );
  }

  #stop(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }
}
