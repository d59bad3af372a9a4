/** Tells the others where this window's pointer is: the newest place, at most so many times a second, one at a time. */
import { type CursorEvent, updatesPerSecond } from "../server/board.js";
import type { Time } from "./links.js";

export interface PointerOptions extends Time {
  readonly publish: (event: CursorEvent) => Promise<unknown>;
  /** Nothing waits for a line: by then the pointer is elsewhere. */
  readonly isLive: () => boolean;
}

const pauseMs = 1000 / updatesPerSecond;

export class Pointer {
  readonly #options: PointerOptions;
  #next: CursorEvent | undefined;
  #isBusy = false;
  #isClosed = false;
  #callOff: (() => void) | undefined;

  constructor(options: PointerOptions) {
    this.#options = options;
  }

  tell(event: CursorEvent): void {
    this.#next = event;
    if (!this.#isBusy) void this.#send();
  }

  close(): void {
    this.#isClosed = true;
    this.#callOff?.();
  }

  async #send(): Promise<void> {
    const { clock, later, publish, isLive } = this.#options;
    const event = this.#next;
    this.#next = undefined;
    if (!event || this.#isClosed || !isLive()) {
      this.#isBusy = false;
      return;
    }
    this.#isBusy = true;
    const sentAt = clock();
    // Whatever went wrong, the next place is told anew.
    await publish(event).catch(() => {});
    if (this.#isClosed) return;
    this.#callOff = later(Math.max(0, sentAt + pauseMs - clock()), () => void this.#send());
  }
}
