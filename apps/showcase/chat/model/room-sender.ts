/**
 * Sends the outbox of one room, one message after the other. A message leaves the outbox only when it is seen in the
 * channel; one whose fate is unknown is sent again only after everything missed was read and it was not there.
 */

import type { PageStorage } from "../../shared/session/storage.js";
import type { MessageData } from "./message.js";
import { isPosition, type Position } from "./timeline.js";

/** Runs a task after a delay; returns what calls it off. */
export type Later = (delayMs: number, task: () => void) => () => void;

export interface RoomSenderOptions {
  room: string;
  outbox: Outbox;
  later: Later;
  publish: (data: MessageData) => Promise<unknown>;
  position: () => Position;
  /** Looks through the history for messages whose fate is unknown; false where there is none to look at. */
  findUncertain: () => Promise<boolean>;
  onChange: () => void;
}

const firstCheckDelayMs = 2_000;
const maxCheckDelayMs = 60_000;

export class RoomSender {
  readonly #options: RoomSenderOptions;
  #isReady = false;
  #isPublishing = false;
  /** Counts subscriptions: what comes back from an earlier one is of no account. */
  #turn = 0;
  #failures = 0;
  #cancelCheck: (() => void) | undefined;

  constructor(options: RoomSenderOptions) {
    this.#options = options;
  }

  /**
   * The room is subscribed, and what was missed has been taken in.
   * @param isCertain false when that could not be read, so that it has to be tried again before anything is sent
   */
  resume(isCertain: boolean): void {
    this.#failures = 0;
    this.#isReady = isCertain;
    if (isCertain) this.send();
    else this.#checkLater(this.#turn);
  }

  /** The room's subscription is gone: whatever is on its way may have arrived or not. */
  suspend(): void {
    this.#turn += 1;
    this.#isReady = false;
    this.#isPublishing = false;
    this.#cancelCheck?.();
    this.#cancelCheck = undefined;
    this.#options.outbox.returnUnseen(this.#options.room);
  }

  /** Sends what waits, now or as soon as that is possible. */
  send(): void {
    if (this.#isReady && !this.#isPublishing) void this.#publishAll(this.#turn);
  }

  async #publishAll(turn: number): Promise<void> {
    const { outbox, room, publish, position, onChange } = this.#options;
    this.#isPublishing = true;
    for (;;) {
      const entry = outbox.nextWaiting(room);
      if (!entry || !this.#isReady) break;
      outbox.markSending(entry.id, position());
      onChange();
      const { id, text, sentAt } = entry;
      const error = await publish({ id, text, sentAt }).then(() => undefined, readError);
      if (turn !== this.#turn) return;
      if (error?.isPermanent) outbox.markFailed(id, error.message);
      else if (error) {
        outbox.markWaiting(id);
        // The order of messages is kept: nothing is sent before this one.
        this.#isReady = false;
      }
      if (error) onChange();
    }
    this.#isPublishing = false;
    const isUnsettled = outbox.entriesOf(room).some((entry) => entry.delivery.state === "sending");
    if (isUnsettled || !this.#isReady) this.#checkLater(turn);
  }

  #checkLater(turn: number): void {
    this.#cancelCheck?.();
    const delayMs = Math.min(maxCheckDelayMs, firstCheckDelayMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#cancelCheck = this.#options.later(delayMs, () => void this.#check(turn));
  }

  /** Sends again what was sent and can't be found in the channel. */
  async #check(turn: number): Promise<void> {
    const { outbox, room, findUncertain, onChange } = this.#options;
    if (turn !== this.#turn) return;
    if (this.#isPublishing) return this.#checkLater(turn);
    if (this.#isReady && outbox.uncertainOf(room).length === 0) {
      this.#failures = 0;
      return;
    }
    this.#isReady = false;
    const found = await findUncertain().then(
      (canTell) => (canTell ? "all" : "unknown"),
      () => "failed",
    );
    if (turn !== this.#turn) return;
    if (found === "failed") return this.#checkLater(turn);
    if (found === "all") outbox.returnUnseen(room);
    this.#isReady = true;
    onChange();
    this.send();
  }
}

/** The room is in slow mode: what is refused so is sent later. */
const tooFast = 429;

/** Errors below 100 are the SDK's own, such as a timeout or a closed connection: they may pass. */
function readError(error: unknown): { isPermanent: boolean; message: string } {
  const { code, message, temporary } = (error ?? {}) as Record<string, unknown>;
  const isPermanent = typeof code === "number" && code >= 100 && code !== tooFast && temporary !== true;
  return { isPermanent, message: `${typeof message === "string" ? message : "refused"} (${code})` };
}

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
