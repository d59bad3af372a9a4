/** The list of entries, newest first. Rows that were opened stay open, since only new entries become new rows. */
import type { LogEntry } from "./connection-log.js";
import { describeEntry } from "./describe.js";
import { createEntryRow } from "./entry-row.js";

const maxRows = 150;

export class Timeline {
  readonly #list: HTMLElement;
  readonly #rows = new Map<number, HTMLLIElement>();
  #lastId = 0;
  #filter = "";

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  /** Shows entries whose text contains it, in any case; "" shows all. */
  filter(text: string, entries: readonly LogEntry[]): void {
    this.#filter = text.trim().toLowerCase();
    this.clear();
    this.#lastId = 0;
    this.show(entries);
  }

  show(entries: readonly LogEntry[]): void {
    const added = entries.filter((entry) => entry.id > this.#lastId && this.#matches(entry)).slice(-maxRows);
    this.#lastId = Math.max(this.#lastId, entries.at(-1)?.id ?? 0);
    for (const entry of added) {
      const row = createEntryRow(entry);
      this.#rows.set(entry.id, row);
      this.#list.prepend(row);
    }
    for (const [id, row] of this.#rows) {
      if (this.#rows.size <= maxRows) break;
      row.remove();
      this.#rows.delete(id);
    }
  }

  clear(): void {
    this.#list.replaceChildren();
    this.#rows.clear();
  }

  #matches(entry: LogEntry): boolean {
    return this.#filter === "" || describeEntry(entry).toLowerCase().includes(this.#filter);
  }
}
