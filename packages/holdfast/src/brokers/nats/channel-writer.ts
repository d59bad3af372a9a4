/**
 * Appends to one channel's log. The server takes a message only if the log's last one is the one that this writer knows, so that of
 * several nodes that write at the same time one succeeds, and the others read its message and try again: whatever was decided from the
 * state of the log holds when it is written. What comes while an append is pending goes into the next message.
 *
 * The server answers a repeat of a publication with an idempotency key by its message id. Servers before 2.11 may remember the id of a
 * message that they lost before it was stored, when the stream's leader changed, and then refuse each repeat (nats-server pull request
 * 6415). Such a publication is appended without an id, after a search of the log for the key, and its key is in the head of the messages
 * that follow, for as long as it has to be remembered. Since the append expects the log that was searched, the key has one effect.
 */
import type { PublishOptions, PublishResult, Retention } from "../../channels/log.js";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import type { Position } from "../../wire/messages.js";
import { idempotencyWindowMs } from "../idempotency.js";
import type { ChannelMessages } from "./channel-messages.js";
import { encodeFrame, type Frame, type FrameHead, type UnregisteredKey } from "./frame.js";
import { type AppendOutcome, isUnavailable, type JetStream } from "./jetstream.js";
import { type LinkedMessage, linksAfter, listsOf } from "./links.js";
import type { ChannelSubject } from "./subjects.js";

/** The log after its last message. */
export interface LogState extends Omit<FrameHead, "links" | "firstOffset" | "bytesBefore" | "keyId"> {
  /** Undefined for a log without messages. */
  readonly last: LinkedMessage | undefined;
  /** Of the last publication. */
  readonly offset: number;
  /** Size of all publications ever. */
  readonly bytes: number;
}

/** What a message without publications changes. */
export type Change = Partial<Pick<LogState, "epoch" | "removedTo" | "removedBytes">>;

export interface WriterParts {
  readonly jetStream: JetStream;
  readonly messages: ChannelMessages;
  readonly clock: Clock;
  readonly createEpoch: () => string;
  /** The epoch of a log that begins now. */
  readonly initialEpoch: (channel: string) => string;
  readonly maxMessageBytes: number;
  /** Waiting for all channels together. */
  readonly backlog: Backlog;
  readonly onAppend: (writer: ChannelWriter, state: LogState) => void;
}

interface PendingPublish {
  readonly kind: "publish";
  readonly encoded: Uint8Array;
  readonly retention: Retention;
  readonly floors: readonly Position[];
  readonly keyId: string | undefined;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: unknown) => void;
}

interface PendingChange {
  readonly kind: "change";
  /** @returns undefined if nothing needs to change */
  readonly decide: (state: LogState) => Change | undefined;
  readonly resolve: (state: LogState) => void;
  readonly reject: (error: unknown) => void;
}

const maxBatchPublications = 256;
const maxBatchBytes = 64 * 1024;
/** How long other nodes may win before a publish fails. */
const maxContentionMs = 5000;
/** Lost attempts after which a writer waits a random time. */
const maxEagerAttempts = 3;
const maxBackoffMs = 20;
/** How long keys are remembered here: clocks of nodes and servers may differ. */
export const keyMemoryMs = idempotencyWindowMs + 60_000;
/** Of a channel. Each message holds them. */
const maxUnregisteredKeys = 64;

/** Bounds what waits to be appended. */
export class Backlog {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws HF_BROKER_FULL */
  add(bytes: number): void {
    if (this.#bytes + bytes > this.#maxBytes)
      throw new HoldfastError("HF_BROKER_FULL", "too many publications wait for NATS to take them");
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
  }
}

export class ChannelWriter {
  readonly channel: string;
  readonly subject: ChannelSubject;
  readonly #parts: WriterParts;
  readonly #queue: (PendingPublish | PendingChange)[] = [];
  #state: LogState | undefined;
  #isRunning = false;
  /** Where the log was trimmed to; the next message says so. */
  #trimmed: Required<Change> = { epoch: "", removedTo: 0, removedBytes: 0 };

  constructor(channel: string, subject: ChannelSubject, parts: WriterParts) {
    this.channel = channel;
    this.subject = subject;
    this.#parts = parts;
  }

  get isIdle(): boolean {
    return !this.#isRunning;
  }

  /** @param keyId identifies the publication within the stream, for one with an idempotency key */
  publish(
    publication: Uint8Array,
    { retention, floors = [] }: PublishOptions,
    keyId?: string,
  ): Promise<PublishResult> {
    this.#parts.backlog.add(publication.length);
    return new Promise((resolve, reject) => {
      this.#queue.push({
        kind: "publish",
        encoded: publication,
        retention,
        floors,
        keyId,
        resolve,
        reject,
      });
      this.#start();
    });
  }

  /** Appends a message that says what has changed, unless nothing has. @returns the state after it */
  change(decide: PendingChange["decide"]): Promise<LogState> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ kind: "change", decide, resolve, reject });
      this.#start();
    });
  }

  /** Learns of a message that some node has appended. */
  observe(frame: Frame): void {
    // Without a state, the next append reads it.
    if (this.#state !== undefined && frame.seq > lastSeqOf(this.#state))
      this.#state = stateOf(frame, this.#state.last);
  }

  /** The log may not be what this writer knows. */
  forget(): void {
    this.#state = undefined;
  }

  /** @param frame the oldest message that is left @param epoch of the log */
  trimmed({ firstOffset, bytesBefore }: Frame, epoch: string): void {
    this.#trimmed = { epoch, removedTo: firstOffset - 1, removedBytes: bytesBefore };
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // After the calls of this turn, which fit into one message.
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (;;) {
      const [first] = this.#queue;
      if (first === undefined) break;
      if (first.kind === "change") {
        this.#queue.shift();
        await this.#append(first.decide, []).then(first.resolve, (error) => this.#fail([first], error));
      } else await this.#publish(this.#takeBatch());
    }
    this.#isRunning = false;
  }

  /** The next publications that fit into one message. One with an idempotency key goes alone. */
  #takeBatch(): readonly PendingPublish[] {
    const batch: PendingPublish[] = [];
    let bytes = 0;
    for (const next of this.#queue) {
      if (next.kind === "change" || batch.length === maxBatchPublications) break;
      const isAlone = next.keyId !== undefined || bytes + next.encoded.length > maxBatchBytes;
      if (batch.length > 0 && isAlone) break;
      batch.push(next);
      bytes += next.encoded.length;
      if (isAlone) break;
    }
    this.#queue.splice(0, batch.length);
    return batch;
  }

  async #publish(batch: readonly PendingPublish[]): Promise<void> {
    try {
      const floors = batch.flatMap((each) => each.floors);
      const outcome = await this.#append((state) => this.#epochAbove(floors, state), batch, batch[0]?.keyId);
      if ("duplicateOf" in outcome) {
        for (const { resolve } of batch) resolve({ position: outcome.duplicateOf, isDuplicate: true });
        return;
      }
      const { epoch, offset } = outcome;
      const first = offset - batch.length + 1;
      batch.forEach(({ resolve }, i) => {
        resolve({ position: { epoch, offset: first + i }, isDuplicate: false });
      });
    } catch (error) {
      this.#fail(batch, error);
    } finally {
      for (const { encoded } of batch) this.#parts.backlog.remove(encoded.length);
    }
  }

  /** If the store cannot be reached, what waits fails, too, instead of each waiting for it in turn. */
  #fail(pending: readonly (PendingPublish | PendingChange)[], error: unknown): void {
    for (const { reject } of pending) reject(error);
    if (!isUnavailable(error)) return;
    for (const each of this.#queue.splice(0)) {
      if (each.kind === "publish") this.#parts.backlog.remove(each.encoded.length);
      each.reject(error);
    }
  }

  /** A log that is behind what readers were shown starts a new epoch with what is appended. */
  #epochAbove(floors: readonly Position[], state: LogState): Change {
    const isBehind = floors.some(({ epoch, offset }) => epoch === state.epoch && offset > state.offset);
    return isBehind ? { epoch: this.#parts.createEpoch() } : {};
  }

  async #append(decide: PendingChange["decide"], batch: readonly []): Promise<LogState>;
  async #append(
    decide: PendingChange["decide"],
    batch: readonly PendingPublish[],
    keyId: string | undefined,
  ): Promise<LogState | { readonly duplicateOf: Position }>;
  async #append(
    decide: PendingChange["decide"],
    batch: readonly PendingPublish[],
    keyId?: string,
  ): Promise<LogState | { readonly duplicateOf: Position }> {
    const { clock, jetStream, messages, onAppend, maxMessageBytes } = this.#parts;
    const deadline = clock.elapsed() + maxContentionMs;
    let isUnregistered = false;
    for (let attempt = 1; ; attempt++) {
      const state = this.#state ?? (await this.#load());
      const change = decide(state);
      if (change === undefined) return state;
      const known = keyId === undefined ? undefined : await this.#findKey(state, keyId, isUnregistered);
      if (known) return { duplicateOf: known };
      const links = await linksAfter(state.last, state.removedTo, async ({ seq }) => {
        return (await messages.get(this.subject, seq))?.links;
      });
      const head = this.#headAfter(state, change, batch, isUnregistered);
      const content = encodeFrame(
        { ...head, links },
        batch.map(({ encoded }) => encoded),
      );
      if (content.length > maxMessageBytes)
        throw new HoldfastError(
          "HF_BROKER_FULL",
          `publication takes ${content.length} bytes, and NATS takes messages of up to ${maxMessageBytes} with headers: raise max_payload of the NATS server`,
        );
      let outcome: AppendOutcome;
      try {
        const id = isUnregistered ? undefined : keyId;
        outcome = await jetStream.append(this.subject.log, content, lastSeqOf(state), id);
      } catch (error) {
        // It may have been appended.
        this.forget();
        throw error;
      }
      if (outcome.kind === "duplicate") return { duplicateOf: await this.#positionOf(outcome.seq) };
      if (outcome.kind === "appended") {
        const { seq } = outcome;
        const last = { seq, offset: head.firstOffset, number: head.number };
        const next: LogState = {
          ...head,
          last: { ...last, lists: listsOf(head.number, links, state.last) },
          offset: head.firstOffset + batch.length - 1,
          bytes: batch.reduce((sum, { encoded }) => sum + encoded.length, state.bytes),
        };
        // An event may have told of later ones already.
        if (this.#state === undefined || lastSeqOf(this.#state) < seq) this.#state = next;
        onAppend(this, next);
        return next;
      }
      if (this.#state === state) this.forget();
      // The first with this key may be appended at any time, but not after what it does not expect.
      if (outcome.kind === "pending" && attempt >= maxEagerAttempts) isUnregistered = true;
      if (clock.elapsed() > deadline)
        throw new HoldfastError(
          "HF_BROKER_UNAVAILABLE",
          `other nodes publish to this channel faster than this one reaches NATS`,
        );
      if (attempt > maxEagerAttempts)
        await new Promise<void>((resolve) => {
          clock.setTimer(() => resolve(), 1 + Math.random() * maxBackoffMs);
        });
    }
  }

  /** The publication with a key, of those that the server does not know, or of all. */
  async #findKey(state: LogState, keyId: string, isAny: boolean): Promise<Position | undefined> {
    const { messages, clock } = this.#parts;
    const known = state.unregisteredKeys.find((each) => each.keyId === keyId);
    if (known) return { epoch: known.epoch, offset: known.offset };
    const head = isAny && state.last ? await messages.get(this.subject, state.last.seq) : undefined;
    return head && (await messages.findKey(this.subject, head, keyId, clock.now() - keyMemoryMs));
  }

  #headAfter(
    state: LogState,
    change: Change,
    batch: readonly PendingPublish[],
    isUnregistered: boolean,
  ): Omit<FrameHead, "links"> {
    const now = this.#parts.clock.now();
    const trimmed = this.#trimmed;
    const removed = trimmed.epoch === state.epoch && trimmed.removedTo > state.removedTo ? trimmed : state;
    const keyId = batch[0]?.keyId ?? "";
    const epoch = change.epoch ?? state.epoch;
    const firstOffset = state.offset + 1;
    return {
      epoch,
      number: state.number + 1,
      time: now,
      firstOffset,
      bytesBefore: state.bytes,
      removedTo: change.removedTo ?? removed.removedTo,
      removedBytes: change.removedBytes ?? removed.removedBytes,
      keyedAt: keyId !== "" ? now : now - state.keyedAt > 2 * keyMemoryMs ? 0 : state.keyedAt,
      retention: batch.at(-1)?.retention ?? state.retention,
      keyId,
      unregisteredKeys: rememberKeys(
        state.unregisteredKeys,
        isUnregistered ? { keyId, epoch, offset: firstOffset, time: now } : undefined,
        now,
      ),
    };
  }

  async #load(): Promise<LogState> {
    const head = await this.#parts.messages.last(this.subject);
    const state = head ? stateOf(head, undefined) : emptyState(this.#parts.initialEpoch(this.channel));
    if (this.#state === undefined || lastSeqOf(this.#state) < lastSeqOf(state)) this.#state = state;
    return this.#state;
  }

  /** Of a publication with a key that was used before. */
  async #positionOf(seq: number): Promise<Position> {
    const frame = await this.#parts.messages.get(this.subject, seq);
    if (frame) return { epoch: frame.epoch, offset: frame.firstOffset };
    // Its message is gone earlier than it should be, such as by a purge of the operator's.
    const { epoch, offset } = await this.#load();
    return { epoch, offset };
  }
}

function rememberKeys(
  keys: readonly UnregisteredKey[],
  added: UnregisteredKey | undefined,
  now: number,
): readonly UnregisteredKey[] {
  if (keys.length === 0 && added === undefined) return keys;
  const kept = keys.filter(({ time }) => now - time < keyMemoryMs);
  if (added === undefined) return kept;
  if (kept.length >= maxUnregisteredKeys)
    throw new HoldfastError(
      "HF_BROKER_UNAVAILABLE",
      "NATS has lost too many publications with idempotency keys: try again in some minutes",
    );
  return [...kept, added];
}

/** 0 for a log without messages. */
function lastSeqOf({ last }: LogState): number {
  return last?.seq ?? 0;
}

function stateOf(frame: Frame, last: LinkedMessage | undefined): LogState {
  const { epoch, number, time, removedTo, removedBytes, keyedAt, retention, links, seq, firstOffset } = frame;
  return {
    epoch,
    number,
    time,
    removedTo,
    removedBytes,
    keyedAt,
    retention,
    offset: frame.lastOffset,
    bytes: frame.totalBytes,
    unregisteredKeys: frame.unregisteredKeys,
    last: { seq, number, offset: firstOffset, lists: listsOf(number, links, last) },
  };
}

function emptyState(epoch: string): LogState {
  return {
    epoch,
    number: 0,
    time: 0,
    removedTo: 0,
    removedBytes: 0,
    keyedAt: 0,
    retention: { maxEntries: 0, maxBytes: 0, ttlMs: 0 },
    offset: 0,
    bytes: 0,
    unregisteredKeys: [],
    last: undefined,
  };
}
