/**
 * The messages of one room in the order of the channel's log, merged from live publications, recovery and pages of
 * history. The same publication may come by several ways and counts once; so does a message that was published twice.
 */
import { type Message, type ReceivedPublication, type RoomEvent, readEvent, readMessage } from "./message.js";

export interface TimelineEntry {
  /** Unique within the timeline. */
  key: string;
  message: Message;
  /** Of publications that are no message. */
  event: RoomEvent | undefined;
  /** A moderator has taken it out: its text is not to be shown. */
  isDeleted: boolean;
  /** Undefined where the channel keeps no log. */
  offset: number | undefined;
  /** How many times the log had started afresh before this entry, as far as this page has seen. */
  epochIndex: number;
}

/** What lies between an entry and the one before it. */
export type Break = "none" | "gap" | "new-log";

export class Timeline {
  #entries: TimelineEntry[] = [];
  #epoch = "";
  #epochIndex = 0;
  /** Positions that were seen, also of publications that added nothing. */
  readonly #seen = new Set<string>();
  readonly #keys = new Set<string>();
  /** Places of messages that are deleted, whether they have been seen or not. */
  readonly #deleted = new Set<string>();
  /** Everything in the present epoch before this offset is gone. */
  #clearedBefore = 0;
  #arrivals = 0;

  get entries(): readonly TimelineEntry[] {
    return this.#entries;
  }

  /** The epoch that publications belong to now; empty before one is known. */
  get epoch(): string {
    return this.#epoch;
  }

  /** The lowest offset of the present epoch that was seen; undefined before there is one. */
  get oldestOffset(): number | undefined {
    const first = this.#entries.find((entry) => entry.epochIndex === this.#epochIndex);
    return first?.offset;
  }

  /** Whether the oldest entry belongs to the present epoch: history of an earlier one can't be asked for. */
  get startsInPresentEpoch(): boolean {
    return (this.#entries[0]?.epochIndex ?? this.#epochIndex) === this.#epochIndex;
  }

  /** Tells the epoch of the publications that follow. An empty one is a log that does not exist yet. */
  enterEpoch(epoch: string): void {
    if (epoch === "" || epoch === this.#epoch) return;
    if (this.#epoch !== "") this.#epochIndex += 1;
    this.#epoch = epoch;
    this.#clearedBefore = 0;
  }

  /** Takes in a publication of the present epoch. Returns its entry, or undefined when it adds nothing. */
  add(publication: ReceivedPublication): TimelineEntry | undefined {
    const { offset } = publication;
    if (offset !== undefined) this.#seen.add(placeKey(this.#epochIndex, offset));
    const message = readMessage(publication);
    const key = this.#keyOf(message, offset);
    if (this.#keys.has(key) || (offset ?? this.#clearedBefore) < this.#clearedBefore) return undefined;
    this.#keys.add(key);
    const event = readEvent(publication);
    const isDeleted = offset !== undefined && this.#deleted.has(placeKey(this.#epochIndex, offset));
    const entry: TimelineEntry = { key, message, event, isDeleted, offset, epochIndex: this.#epochIndex };
    this.#entries.splice(this.#placeOf(entry), 0, entry);
    if (event) this.#obey(event, offset ?? 0);
    return entry;
  }

  #obey(event: RoomEvent, at: number): void {
    if (event.event === "cleared") {
      this.#clearedBefore = Math.max(at, this.#clearedBefore);
      this.#entries = this.#entries.filter(
        ({ epochIndex, offset }) => epochIndex === this.#epochIndex && (offset ?? at) >= at,
      );
    } else if (event.epoch === this.#epoch) {
      this.#deleted.add(placeKey(this.#epochIndex, event.offset));
      this.#entries = this.#entries.map((entry) =>
        entry.offset === event.offset && entry.epochIndex === this.#epochIndex
          ? { ...entry, isDeleted: true }
          : entry,
      );
    }
  }

  /** Whether a message of this author was seen in the channel. */
  hasMessage(user: string, id: string): boolean {
    return this.#keys.has(messageKey(user, id));
  }

  /** Says what lies between the entry at an index and the one before it. */
  breakBefore(index: number): Break {
    const entry = this.#entries[index];
    const previous = this.#entries[index - 1];
    if (!entry || !previous) return "none";
    if (previous.epochIndex !== entry.epochIndex) return "new-log";
    if (entry.offset === undefined) return "none";
    return this.#seen.has(placeKey(entry.epochIndex, entry.offset - 1)) ? "none" : "gap";
  }

  /** Whether history around an entry can still be asked for. */
  isInPresentEpoch(entry: TimelineEntry): boolean {
    return entry.epochIndex === this.#epochIndex;
  }

  /** Lets go of the oldest entries beyond `keep`, so that a page open for weeks stays light. */
  trim(keep: number): void {
    for (const entry of this.#entries.splice(0, Math.max(0, this.#entries.length - keep))) {
      this.#keys.delete(entry.key);
      if (entry.offset !== undefined) this.#seen.delete(placeKey(entry.epochIndex, entry.offset));
    }
  }

  /** Ids are unique per author. Without an author there is nothing to hold an id to, and the offset decides. */
  #keyOf(message: Message, offset: number | undefined): string {
    if (message.id !== undefined && message.author.user !== "")
      return messageKey(message.author.user, message.id);
    return offset === undefined ? `arrival ${++this.#arrivals}` : placeKey(this.#epochIndex, offset);
  }

  #placeOf({ offset, epochIndex }: TimelineEntry): number {
    let place = this.#entries.length;
    while (place > 0) {
      const before = this.#entries[place - 1] as TimelineEntry;
      if (before.epochIndex < epochIndex) break;
      if (offset === undefined || before.offset === undefined || before.offset < offset) break;
      place -= 1;
    }
    return place;
  }
}

function placeKey(epochIndex: number, offset: number): string {
  return `offset ${epochIndex}:${offset}`;
}

function messageKey(user: string, id: string): string {
  return `message ${user} ${id}`;
}

/** A place in a channel's log: the offset of a publication within an epoch. */
export interface Position {
  epoch: string;
  offset: number;
}

export function isPosition(value: unknown): value is Position {
  if (typeof value !== "object" || value === null) return false;
  const { epoch, offset } = value as Partial<Position>;
  return typeof epoch === "string" && typeof offset === "number";
}
