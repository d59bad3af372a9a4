/**
 * From which position on somebody may read a channel whose history is not for them: the head of its log when they were let
 * in. Kept in memory, by node. Bounded: where there are too many the oldest go first, and what was lost is taken for a
 * position that was never issued.
 */
import type { Position } from "../wire/messages.js";
import type { Actor } from "./application.js";
import type { TokenOrigin } from "./identity.js";

export interface ReadFloorBounds {
  /** @default 100,000 */
  readonly maxFloors: number;
  /** Of one user, or of one anonymous connection. @default 1,000 */
  readonly maxFloorsOfReader: number;
  /** Estimated memory. @default 32 MiB */
  readonly maxBytes: number;
}

export const defaultReadFloorBounds: ReadFloorBounds = Object.freeze({
  maxFloors: 100_000,
  maxFloorsOfReader: 1000,
  maxBytes: 32 * 1024 * 1024,
});

interface Floor extends Position {
  /** What the reader was let in with. */
  readonly tokens: readonly TokenOrigin[];
  readonly bytes: number;
}

export type Reader = Pick<Actor, "user" | "client">;

/** Estimated memory of a floor beyond its texts. */
const floorBytes = 300;

export class ReadFloors {
  readonly #bounds: ReadFloorBounds;
  /** By reader and channel, the oldest first. */
  readonly #readers = new Map<string, Map<string, Floor>>();
  #count = 0;
  #bytes = 0;

  constructor(bounds: ReadFloorBounds = defaultReadFloorBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  find(reader: Reader, channel: string): Position | undefined {
    return this.#readers.get(keyOf(reader))?.get(channel);
  }

  /** The reader is let in at a position. One that was let in before, in the same epoch, keeps its floor. */
  add(reader: Reader, channel: string, position: Position, tokens: readonly TokenOrigin[]): void {
    const key = keyOf(reader);
    const known = this.#readers.get(key)?.get(channel);
    const { epoch, offset } = known?.epoch === position.epoch ? known : position;
    this.#remove(key, channel);
    const floors = this.#readers.get(key) ?? new Map<string, Floor>();
    const bytes = floorBytes + 2 * (key.length + channel.length + epoch.length);
    floors.set(channel, { epoch, offset, tokens, bytes });
    // Last in order, so that those who come back stay.
    this.#readers.delete(key);
    this.#readers.set(key, floors);
    this.#count++;
    this.#bytes += bytes;
    if (floors.size > this.#bounds.maxFloorsOfReader) this.#removeOldestOf(key, floors);
    while (this.#count > this.#bounds.maxFloors || this.#bytes > this.#bounds.maxBytes) this.#removeOldest();
  }

  /** @param channel without one, all of the reader's */
  remove(reader: Reader, channel?: string): void {
    const key = keyOf(reader);
    const channels = channel === undefined ? [...(this.#readers.get(key)?.keys() ?? [])] : [channel];
    for (const name of channels) this.#remove(key, name);
  }

  removeWhere(matches: (token: TokenOrigin) => boolean): void {
    for (const [key, floors] of [...this.#readers])
      for (const [channel, { tokens }] of [...floors]) if (tokens.some(matches)) this.#remove(key, channel);
  }

  #removeOldest(): void {
    for (const [key, floors] of this.#readers) {
      this.#removeOldestOf(key, floors);
      return;
    }
  }

  #removeOldestOf(key: string, floors: Map<string, Floor>): void {
    for (const channel of floors.keys()) {
      this.#remove(key, channel);
      return;
    }
  }

  #remove(key: string, channel: string): void {
    const floors = this.#readers.get(key);
    const floor = floors?.get(channel);
    if (floors === undefined || floor === undefined) return;
    floors.delete(channel);
    this.#count--;
    this.#bytes -= floor.bytes;
    if (floors.size === 0) this.#readers.delete(key);
  }
}

/** Nobody can tell one anonymous client from another but by its connection. */
function keyOf({ user, client }: Reader): string {
  return user === "" ? `client ${client}` : `user ${user}`;
}
