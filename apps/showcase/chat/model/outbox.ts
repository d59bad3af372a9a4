/**
 * Messages that this person wrote and that were not yet seen in their channel. Each is kept on its own, so that two
 * windows of one person don't overwrite each other's. Sending is left to RoomSender.
 */

import type { PageStorage } from "../../shared/session/storage.js";
import type { MessageData } from "./message.js";
import { isPosition, type Position } from "./position.js";

export type Delivery = { state: "waiting" } | { state: "sending" } | { state: "failed"; reason: string };

export interface OutboxEntry extends MessageData {
  room: string;
  delivery: Delivery;
  /** Where the channel stood when sending was first tried. From then on nobody knows whether it arrived. */
  firstTriedAt: Position | undefined;
}

export class Outbox {
  readonly #storage: PageStorage;
  readonly #clock: () => number;
  readonly #newId: () => string;
  readonly #entries = new Map<string, OutboxEntry>();

  constructor(storage: PageStorage, clock: () => number, newId: () => string) {
    this.#storage = storage;
    this.#clock = clock;
    this.#newId = newId;
    const kept = storage.keys("outbox/").map((key) => readEntry(storage.read(key)));
    const usable = kept.filter((entry) => entry !== undefined);
    for (const entry of usable.sort((a, b) => a.sentAt - b.sentAt)) this.#entries.set(entry.id, entry);
  }

  /** The messages of one room, in the order in which they were written. */
  entriesOf(room: string): OutboxEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.room === room);
  }

  get rooms(): string[] {
    return [...new Set([...this.#entries.values()].map((entry) => entry.room))];
  }

  add(room: string, text: string): OutboxEntry {
    const newest = Math.max(0, ...[...this.#entries.values()].map((entry) => entry.sentAt));
    // Later than every other, so that the order survives a reload.
    const sentAt = Math.max(this.#clock(), newest + 1);
    const entry = { id: this.#newId(), room, text, sentAt, firstTriedAt: undefined };
    return this.#keep({ ...entry, delivery: { state: "waiting" } });
  }

  nextWaiting(room: string): OutboxEntry | undefined {
    return this.entriesOf(room).find((entry) => entry.delivery.state === "waiting");
  }

  /** Messages that may be in the channel already, although nobody saw them there. */
  uncertainOf(room: string): OutboxEntry[] {
    return this.entriesOf(room).filter((entry) => entry.firstTriedAt && entry.delivery.state !== "failed");
  }

  markSending(id: string, position: Position): void {
    this.#change(id, (entry) => ({
      delivery: { state: "sending" },
      firstTriedAt: entry.firstTriedAt ?? position,
    }));
  }

  markWaiting(id: string): void {
    this.#change(id, () => ({ delivery: { state: "waiting" } }));
  }

  markFailed(id: string, reason: string): void {
    this.#change(id, () => ({ delivery: { state: "failed", reason } }));
  }

  /** What was being sent when the connection broke has to be looked for, and else sent again. */
  returnUnseen(room: string): void {
    for (const entry of this.entriesOf(room))
      if (entry.delivery.state === "sending") this.markWaiting(entry.id);
  }

  /** Lets go of a message: it was seen in its channel, or its author deleted it. */
  remove(id: string): void {
    this.#entries.delete(id);
    this.#storage.remove(`outbox/${id}`);
  }

  #change(id: string, change: (entry: OutboxEntry) => Partial<OutboxEntry>): void {
    const entry = this.#entries.get(id);
    if (entry) this.#keep({ ...entry, ...change(entry) });
  }

  #keep(entry: OutboxEntry): OutboxEntry {
    this.#entries.set(entry.id, entry);
    this.#storage.write(`outbox/${entry.id}`, entry);
    return entry;
  }
}

/** An entry as it was kept; what was being sent then waits now. */
function readEntry(value: unknown): OutboxEntry | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { id, room, text, sentAt, delivery, firstTriedAt } = value as Partial<OutboxEntry>;
  if (typeof id !== "string" || typeof room !== "string") return undefined;
  if (typeof text !== "string" || typeof sentAt !== "number") return undefined;
  return {
    ...{ id, room, text, sentAt },
    delivery: delivery?.state === "failed" ? delivery : { state: "waiting" },
    firstTriedAt: isPosition(firstTriedAt) ? firstTriedAt : undefined,
  };
}
