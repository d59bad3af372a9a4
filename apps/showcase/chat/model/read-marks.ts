/** How far each room was read, so that what came since can be counted, also after a reload. */

import type { PageStorage } from "../../shared/session/storage.js";
import { isPosition, type Position } from "./position.js";

export class ReadMarks {
  readonly #storage: PageStorage;

  constructor(storage: PageStorage) {
    this.#storage = storage;
  }

  mark(room: string, { epoch, offset }: Position): void {
    this.#storage.write(`read/${room}`, { epoch, offset });
  }

  forget(room: string): void {
    this.#storage.remove(`read/${room}`);
  }

  /** How many publications came since the room was read last; a room never read has nothing unread. */
  countSince(room: string, position: Position): number {
    const mark = this.#storage.read(`read/${room}`);
    if (!isPosition(mark)) {
      this.mark(room, position);
      return 0;
    }
    return mark.epoch === position.epoch ? Math.max(0, position.offset - mark.offset) : position.offset;
  }
}
