/**
 * What one reader got in one channel, event by event: each publication next to the one before, or the reader was told
 * otherwise; nothing twice, nothing while it was not subscribed; and in the end it has come to the head of the log.
 */
import { type ChannelHistory, countAllowedEpochs, sightingsIn } from "./channel-history.js";
import type { ChannelTraits } from "./channels.js";
import {
  type ChannelLog,
  nameOf,
  type Position,
  type PublicationId,
  type ReaderEvent,
  type Reading,
} from "./history.js";
import { findMissingLive } from "./missing-live.js";
import type { PromiseName, Violation } from "./violations.js";

export function checkReadings(history: ChannelHistory): Violation[] {
  const isFiltered = history.readings.some(({ onlyUntagged }) => onlyUntagged);
  const untagged = isFiltered ? offsetsByEpoch(findUntagged(history)) : undefined;
  return history.readings.flatMap((reading) =>
    new ReadingCheck(history, reading, reading.onlyUntagged && untagged).run(),
  );
}

/** Where publications without tags stand, as far as anybody knows. */
function* findUntagged(history: ChannelHistory): Iterable<Position> {
  for (const { id, position } of sightingsIn(history))
    if (!history.publications.get(nameOf(id))?.isTagged) yield position;
}

type Subscribed = Extract<ReaderEvent, { kind: "subscribed" }>;
type Delivered = Extract<ReaderEvent, { kind: "delivered" }>;

/** The error that stands for `recovered: false` where a client asks for that. */
const unrecoverablePosition = 112;

class ReadingCheck {
  readonly #history: ChannelHistory;
  readonly #reading: Reading;
  /** Of a reader that wants these only: what else stands in the log is not for it. */
  readonly #wanted: ReadonlyMap<string, readonly number[]> | undefined;
  readonly #violations: Violation[] = [];
  /** Up to here the reader has everything, or was told that it has not. */
  #cursor: Position | undefined;
  /** The connection on which it is subscribed. */
  #connection: number | undefined;
  /** Offset behind which everything is for the reader, since it began or was told of a loss. */
  #start = 0;
  /** The server has answered that it can't go on, and is now asked for no recovery. */
  #wasRefused = false;
  /** Epoch and offset, or for what has none the publication itself, of all that was delivered. */
  readonly #delivered = new Set<string>();
  /** Per publisher, what came furthest. */
  readonly #newest = new Map<number, PublicationId>();

  constructor(
    history: ChannelHistory,
    reading: Reading,
    wanted: ReadonlyMap<string, readonly number[]> | undefined,
  ) {
    this.#history = history;
    this.#reading = reading;
    this.#wanted = wanted;
  }

  get #traits(): ChannelTraits {
    return this.#history.traits;
  }

  run(): Violation[] {
    for (const event of this.#reading.events) {
      if (event.kind === "subscribed") this.#subscribed(event);
      else if (event.kind === "delivered") this.#received(event);
      else if (event.connection === this.#connection) this.#connection = undefined;
      if (event.kind === "refused") this.#wasRefused = event.code === unrecoverablePosition;
    }
    this.#checkEnd();
    return this.#violations;
  }

  #subscribed({ connection, asked, position, isRecovered }: Subscribed): void {
    this.#connection = connection;
    if (asked === undefined || !isRecovered) {
      const wanted = asked ?? (this.#wasRefused ? this.#cursor : undefined);
      if (wanted !== undefined) this.#checkNeed(wanted, position);
      this.#wasRefused = false;
      this.#start = position.offset;
      this.#cursor = position;
      return;
    }
    if (asked.epoch !== "" && asked.epoch !== position.epoch)
      this.#report("gap", `was told it had recovered, from ${asked.epoch} into ${position.epoch}`);
    this.#cursor = { epoch: position.epoch, offset: asked.offset };
  }

  /** Within an epoch, only what the log need not keep any more may be missing. */
  #checkNeed(asked: Position, position: Position): void {
    if (this.#traits.kind === "live") return;
    // Without an epoch it may have been refused in one that was ending.
    const isOther =
      asked.epoch === "" ? countAllowedEpochs(this.#history) > 1 : asked.epoch !== position.epoch;
    if (isOther) return;
    const keeps = this.#traits.maxEntries ?? Number.POSITIVE_INFINITY;
    if (position.offset - asked.offset > keeps) return;
    this.#report(
      "needless",
      `asked to go on from ${asked.offset} of epoch ${position.epoch}, was refused, and the head was ${position.offset}`,
    );
  }

  #received({ connection, position, id }: Delivered): void {
    const { epoch, offset } = position;
    const what = `${nameOf(id)} at ${offset}`;
    if (connection !== this.#connection) this.#report("outside", `${what} came without a subscription`);

    const identity = offset > 0 ? `${epoch} ${offset}` : nameOf(id);
    if (this.#delivered.has(identity)) {
      this.#report("duplicate", `${what} came again`);
      return;
    }
    this.#delivered.add(identity);
    if (this.#wanted && this.#history.publications.get(nameOf(id))?.isTagged)
      this.#report("outside", `${what} has tags that the reader does not want`);
    if (offset > 0) this.#advance(position, what);
    else this.#checkPublisherOrder(id);
  }

  #advance(position: Position, what: string): void {
    const cursor = this.#cursor;
    if (cursor !== undefined) {
      const { epoch, offset } = position;
      if (epoch !== cursor.epoch) this.#report("gap", `${what} is of epoch ${epoch}, after ${cursor.epoch}`);
      else if (offset <= cursor.offset) {
        this.#report("disorder", `${what} came after ${cursor.offset}`);
        return;
      } else if (this.#isGap(cursor, offset)) this.#report("gap", `${what} came after ${cursor.offset}`);
    }
    this.#cursor = position;
  }

  /** Whether something that is for the reader lies between two places. */
  #isGap({ epoch, offset: from }: Position, to: number): boolean {
    if (this.#traits.kind === "latest") return false;
    if (this.#wanted === undefined) return to > from + 1;
    return (this.#wanted.get(epoch) ?? []).some((offset) => offset > from && offset < to);
  }

  /** Where there are no offsets, the publishers' own numbers are all there is to go by. */
  #checkPublisherOrder(id: PublicationId): void {
    const newest = this.#newest.get(id.publisher);
    if (newest === undefined || id.n > newest.n) {
      this.#newest.set(id.publisher, id);
      return;
    }
    const { publications } = this.#history;
    const answered = Math.min(
      ...(publications.get(nameOf(id))?.attempts ?? []).map(
        ({ acknowledgement }) => acknowledgement?.at ?? Infinity,
      ),
    );
    if (answered < (publications.get(nameOf(newest))?.attempts[0]?.sentAt ?? 0))
      this.#report("disorder", `${nameOf(id)} came after ${nameOf(newest)}`);
  }

  #checkEnd(): void {
    const { log } = this.#history;
    const cursor = this.#cursor;
    if (this.#traits.kind === "live")
      for (const name of findMissingLive(this.#history, this.#reading))
        this.#report("gap", `${name} never came`);
    if (this.#traits.kind === "live" || log === undefined) return;
    if (this.#traits.kind === "latest") this.#checkSubjects(log);
    if (cursor === undefined) this.#report("behind", "was never subscribed");
    else if (cursor.epoch !== log.position.epoch)
      this.#report("behind", `ended in epoch ${cursor.epoch}, and the log has ${log.position.epoch}`);
    else if (this.#wanted ? this.#isGap(cursor, Infinity) : cursor.offset !== log.position.offset)
      this.#report("behind", `ended at ${cursor.offset}, and the log at ${log.position.offset}`);
  }

  /** Whatever a reader of the latest was not given, the newest of each key it was. */
  #checkSubjects(log: ChannelLog): void {
    const newest = new Map(log.entries.map(({ key = "", offset }) => [key, offset]));
    for (const [key, offset] of newest) {
      const isDelivered = this.#delivered.has(`${log.position.epoch} ${offset}`);
      if (offset > this.#start && !isDelivered)
        this.#report("behind", `was not given ${offset}, the newest of key ${JSON.stringify(key)}`);
    }
  }

  #report(promise: PromiseName, text: string): void {
    this.#violations.push({ promise, where: `${this.#reading.channel}, ${this.#reading.reader}`, text });
  }
}

function offsetsByEpoch(positions: Iterable<Position>): Map<string, readonly number[]> {
  const offsets = new Map<string, Set<number>>();
  for (const { epoch, offset } of positions) {
    const known = offsets.get(epoch);
    if (known) known.add(offset);
    else offsets.set(epoch, new Set([offset]));
  }
  return new Map([...offsets].map(([epoch, known]) => [epoch, [...known].sort((a, b) => a - b)]));
}
