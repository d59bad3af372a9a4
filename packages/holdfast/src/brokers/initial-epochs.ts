/**
 * The epochs that logs begin with. A channel without a log has one, too, so that all who read the empty channel, and the
 * first publication, have the same, and nothing has to be kept of the channel for that.
 *
 * Why no epoch ever stands for two logs of a channel: the epoch is a base, which is random, and a generation. While no log
 * of the channel is forgotten, they stay. When one is, its generation has to be left behind first (`retire`), as durably as
 * the log is gone. Whoever may have lost logs without knowing which has to begin with another base. Generations are counted
 * for groups of channels, so that their number has a bound; that a channel gets another epoch because of its neighbour
 * costs its readers a `recovered: false`, never a gap.
 */

const groups = 4096;

export class InitialEpochs {
  readonly #base: string;
  readonly #generations: Map<number, number>;

  /** @param generations of groups in which logs were forgotten */
  constructor(base: string, generations: Iterable<readonly [group: number, generation: number]> = []) {
    this.#base = base;
    this.#generations = new Map(generations);
  }

  /** What a log of the channel would begin with now. */
  of(channel: string): string {
    const generation = this.#generations.get(groupOf(channel));
    return generation === undefined ? this.#base : `${this.#base}-${generation.toString(36)}`;
  }

  /** A log of the channel is being forgotten. @returns what has to be remembered of that */
  retire(channel: string): { readonly group: number; readonly generation: number } {
    const group = groupOf(channel);
    const generation = (this.#generations.get(group) ?? 0) + 1;
    this.#generations.set(group, generation);
    return { group, generation };
  }
}

/** FNV-1a, which is the same in all runs. */
function groupOf(channel: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < channel.length; i++) hash = Math.imul(hash ^ channel.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & (groups - 1);
}
