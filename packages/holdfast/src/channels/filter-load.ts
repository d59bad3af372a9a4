/**
 * What the tags filters of one channel's readers may cost together. Each publication is put through every filter that
 * differs from the others, so their weight is what a publication costs, and it is bounded; no one reader's user may have
 * more than a part of it, so that nobody takes the room of all others.
 */
import type { TagsFilter } from "../wire/tags-filter.js";

/** About two milliseconds for each publication. */
export const maxFilterWeight = 10_000;
export const maxOwnerWeight = maxFilterWeight / 2;

export class FilterLoad {
  #weight = 0;
  /** Readers of each filter, by its key. */
  readonly #readers = new Map<string, number>();
  readonly #ofOwners = new Map<string, number>();

  get weight(): number {
    return this.#weight;
  }

  /** Owners that have a filter. */
  get owners(): number {
    return this.#ofOwners.size;
  }

  /** @returns why the filter is one too many */
  findFault({ key, weight }: TagsFilter, owner: string): string | undefined {
    if (this.#readers.has(key)) return undefined;
    if (this.#weight + weight > maxFilterWeight)
      return `the filters of this channel's readers may compare ${maxFilterWeight} values, and would be more`;
    if ((this.#ofOwners.get(owner) ?? 0) + weight > maxOwnerWeight)
      return `the filters of a user's connections may compare ${maxOwnerWeight} values in one channel, and would be more`;
    return undefined;
  }

  add({ key, weight }: TagsFilter, owner: string): void {
    const readers = this.#readers.get(key) ?? 0;
    if (readers === 0) this.#weight += weight;
    this.#readers.set(key, readers + 1);
    this.#ofOwners.set(owner, (this.#ofOwners.get(owner) ?? 0) + weight);
  }

  remove({ key, weight }: TagsFilter, owner: string): void {
    const readers = (this.#readers.get(key) ?? 0) - 1;
    if (readers > 0) this.#readers.set(key, readers);
    else {
      this.#readers.delete(key);
      this.#weight -= weight;
    }
    const left = (this.#ofOwners.get(owner) ?? 0) - weight;
    if (left > 0) this.#ofOwners.set(owner, left);
    else this.#ofOwners.delete(owner);
  }
}
