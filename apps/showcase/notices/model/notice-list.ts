/** The notifications of one log, each once, the newest first, and never more than are kept. */
import { keptNotices } from "../server/limits.js";
import type { Place, Received } from "./link.js";

export class NoticeList {
  #epoch = "";
  #head = 0;
  #items: readonly Received[] = [];

  get items(): readonly Received[] {
    return this.#items;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** The position of the newest there has been. */
  get head(): number {
    return this.#head;
  }

  /** What the history has; of another log, nothing of what was there stays. */
  fill(received: readonly Received[], { epoch, offset }: Place): void {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#head = 0;
      this.#items = [];
    }
    this.#head = Math.max(this.#head, offset);
    this.#merge(received);
  }

  /** @returns whether it is one that was not there */
  add(received: Received): boolean {
    if (this.#items.some(({ offset }) => offset === received.offset)) return false;
    this.#head = Math.max(this.#head, received.offset);
    this.#merge([received]);
    return true;
  }

  #merge(received: readonly Received[]): void {
    const byOffset = new Map([...this.#items, ...received].map((each) => [each.offset, each]));
    this.#items = [...byOffset.values()].sort((a, b) => b.offset - a.offset).slice(0, keptNotices);
  }
}
