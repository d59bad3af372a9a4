/**
 * What goes over the line, as it goes: the latest frames, where each channel stands, and what came back after a break. Fed
 * with the texts of frames; all it says is read from them.
 */
import { readFrame } from "./read-frame.js";

export type Direction = "up" | "down";

/** One frame of a WebSocket: one or more lines of JSON. */
export interface Frame {
  readonly id: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly direction: Direction;
  /** What is in it, such as "publication" or "ping". */
  readonly kind: string;
  /** Of the first line that has one. */
  readonly channel: string | undefined;
  readonly bytes: number;
  /** Its beginning, where it is long. */
  readonly text: string;
}

/** Where a channel's cursor stands. */
export interface CursorPosition {
  readonly epoch: string;
  readonly offset: number;
}

/** A subscription that came back and said what it had missed. */
export interface Recovery {
  readonly at: number;
  readonly channel: string;
  /** Where the page had been; undefined where it did not say. */
  readonly since: CursorPosition | undefined;
  readonly isRecovered: boolean;
  /** Publications that came with the answer. */
  readonly count: number;
}

export interface Totals {
  readonly frames: number;
  readonly bytes: number;
}

const maxFrames = 200;
const maxTextLength = 2000;
const maxChannels = 300;
const maxRecoveries = 50;

const encoder = new TextEncoder();

export class FrameLog {
  readonly #clock: () => number;
  readonly #onRecovery: (recovery: Recovery) => void;
  /** A subscription that is there without having been away. */
  readonly #onFresh: (channel: string) => void;
  readonly #frames: Frame[] = [];
  readonly #positions = new Map<string, CursorPosition>();
  readonly #recoveries: Recovery[] = [];
  readonly #totals = { up: { frames: 0, bytes: 0 }, down: { frames: 0, bytes: 0 } };
  /** Channels and positions of subscribe commands that have no answer yet, by their ids. */
  readonly #asked = new Map<number, { channel: string; since: CursorPosition | undefined }>();
  #nextId = 1;

  constructor(
    clock: () => number,
    onRecovery: (recovery: Recovery) => void = () => {},
    onFresh: (channel: string) => void = () => {},
  ) {
    this.#clock = clock;
    this.#onRecovery = onRecovery;
    this.#onFresh = onFresh;
  }

  /** Newest last. */
  get frames(): readonly Frame[] {
    return this.#frames;
  }

  get positions(): ReadonlyMap<string, CursorPosition> {
    return this.#positions;
  }

  /** Newest last. */
  get recoveries(): readonly Recovery[] {
    return this.#recoveries;
  }

  get totals(): Readonly<Record<Direction, Totals>> {
    return this.#totals;
  }

  /** Ids of commands begin anew with each connection. */
  receiveOpen(): void {
    this.#asked.clear();
  }

  receive(direction: Direction, text: string): void {
    const at = this.#clock();
    const bytes = encoder.encode(text).length;
    const total = this.#totals[direction];
    total.frames += 1;
    total.bytes += bytes;
    const { kind, channel, subscribes, replies, publications, left } = readFrame(direction, text);
    const shown = text.length > maxTextLength ? `${text.slice(0, maxTextLength)} …` : text;
    this.#frames.push({ id: this.#nextId++, at, direction, kind, channel, bytes, text: shown });
    if (this.#frames.length > maxFrames) this.#frames.shift();
    for (const { id, ...asked } of subscribes) keep(this.#asked, id, asked, maxChannels);
    for (const reply of replies) {
      const asked = this.#asked.get(reply.id);
      if (!asked) continue;
      this.#asked.delete(reply.id);
      const wasHere = this.#positions.has(asked.channel);
      if (reply.position) keep(this.#positions, asked.channel, reply.position, maxChannels);
      if (!reply.wasRecovering) {
        this.#onFresh(asked.channel);
        continue;
      }
      const { isRecovered, count } = reply;
      const recovery = { at, ...asked, isRecovered, count };
      this.#recoveries.push(recovery);
      if (this.#recoveries.length > maxRecoveries) this.#recoveries.shift();
      // A page that begins from a position it was given has not been away.
      if (wasHere) this.#onRecovery(recovery);
      else this.#onFresh(asked.channel);
    }
    for (const { channel: name, offset } of publications) {
      const epoch = this.#positions.get(name)?.epoch ?? "";
      keep(this.#positions, name, { epoch, offset }, maxChannels);
    }
    for (const name of left) this.#positions.delete(name);
  }
}

function keep<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, most: number): void {
  if (!map.has(key) && map.size >= most) map.delete(map.keys().next().value as Key);
  map.set(key, value);
}
