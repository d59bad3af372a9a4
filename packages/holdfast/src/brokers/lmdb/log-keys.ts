/** The values of a log's keys while it is in use, and which of them the index does not have yet. */

import { KeyedState } from "../../channels/keyed-state.js";
import type { KeyRetention } from "../../channels/log.js";
import type { Publication } from "../../wire/messages.js";
import { encodeValue, type LogIndex } from "./log-index.js";
import { pageBytes, pagesPerPut } from "./store-space.js";

export class LogKeys {
  readonly state: KeyedState;
  readonly #changed = new Set<string>();

  constructor(limits: KeyRetention) {
    this.state = new KeyedState(limits);
  }

  get isDirty(): boolean {
    return this.#changed.size > 0;
  }

  /** Takes what the index has of a log that ends at an offset. */
  load(index: LogIndex, name: string, head: number, onDamage: () => void): void {
    // Those whose time began first are to expire first.
    const values = [...index.values(name, onDamage)].sort((a, b) => a.since - b.since);
    // After damage, values may be of publications that the log does not reach to any more.
    for (const { publication, since } of values)
      this.state.apply({ ...publication, offset: Math.min(publication.offset, head) }, since);
  }

  apply(publication: Publication): void {
    if (publication.key === undefined) return;
    this.state.apply(publication);
    this.#changed.add(publication.key);
  }

  /** Takes what the journal has, which the index may have, too. */
  replay(publication: Publication): void {
    const known = this.state.find(publication.key ?? "");
    if (known === undefined || known.publication.offset < publication.offset) this.apply(publication);
  }

  /** @returns whether the key was there */
  renew(key: string, now: number): boolean {
    const isThere = this.state.renew(key, now);
    if (isThere) this.#changed.add(key);
    return isThere;
  }

  clear(): void {
    for (const key of this.state.keys()) this.#changed.add(key);
    this.state.clear();
  }

  /**
   * Writes to the index what it does not have yet, or some of it.
   * @param budget pages that may be written; one key is in any case
   */
  put(
    name: string,
    index: LogIndex,
    puts: Promise<unknown>[],
    budget: number,
  ): { readonly keys: readonly string[]; readonly pages: number } {
    const keys: string[] = [];
    let pages = 0;
    for (const key of this.#changed) {
      if (pages >= budget && keys.length > 0) break;
      const value = this.state.find(key);
      const bytes = value && encodeValue(value);
      puts.push(bytes ? index.putValue(name, key, bytes) : index.removeValue(name, key));
      pages += pagesPerPut + Math.ceil((bytes?.length ?? 0) / pageBytes);
      keys.push(key);
    }
    for (const key of keys) this.#changed.delete(key);
    return { keys, pages };
  }

  /** What was put is not there. */
  putFailed(keys: readonly string[]): void {
    for (const key of keys) this.#changed.add(key);
  }
}
