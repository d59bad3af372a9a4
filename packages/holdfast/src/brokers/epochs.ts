/**
 * Epochs, for every broker: random ids, and the epochs that logs begin with (`InitialEpochs`). A channel without a log has one, too,
 * so that readers of the empty channel and its first publication agree on it, without any state for the channel.
 *
 * Why two logs of a channel never have the same epoch: an epoch is a random base and a generation. Both stay the same until a log of
 * the channel is forgotten; before that its generation must be retired (`retire`), as durably as the log is removed. A broker that
 * may have lost logs without knowing which must start with a new base. Generations are counted for groups of channels, so that their
 * number is bounded; a channel that gets a new epoch because of its group costs its readers a `recovered: false`, never a gap.
 */
import { randomBytes } from "node:crypto";

/** With 96 bits, the chance that two of a billion epochs are equal is one in 10¹¹. */
const epochBytes = 12;

/** A random id, long enough never to repeat. */
export function createEpoch(): string {
  return randomBytes(epochBytes).toString("base64url");
}

const groups = 4096;

export class InitialEpochs {
  readonly #base: string;
  readonly #generations: Map<number, number>;

  /** @param generations of groups in which logs were forgotten */
  constructor(base: string, generations: Iterable<readonly [group: number, generation: number]> = []) {
    this.#base = base;
    this.#generations = new Map(generations);
  }

  /** The epoch that a log of the channel would begin with now. */
  of(channel: string): string {
    const generation = this.#generations.get(groupOf(channel));
    return generation === undefined ? this.#base : `${this.#base}-${generation.toString(36)}`;
  }

  /** Moves on to the next generation, before a log of the channel is forgotten. @returns what must be stored */
  retire(channel: string): { readonly group: number; readonly generation: number } {
    const group = groupOf(channel);
    const generation = (this.#generations.get(group) ?? 0) + 1;
    this.#generations.set(group, generation);
    return { group, generation };
  }
}

/** FNV-1a, which is stable across restarts. */
function groupOf(channel: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < channel.length; i++) hash = Math.imul(hash ^ channel.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & (groups - 1);
}
