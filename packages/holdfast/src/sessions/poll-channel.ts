/**
 * One polled channel of this node: what its readers track, the newest values, and who lacks which. Nothing waits for a slow client: it
 * gets the newest value once it takes more.
 */
import { type Encoding, type Framed, toFull, toPatch } from "../channels/batches.js";
import type { Owner, Quota } from "../channels/quota.js";
import { hasCode, messageOf } from "../errors.js";
import type { Clock } from "../time/clock.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import type { Publication, SubRefreshParams, SubRefreshResult } from "../wire/messages.js";
import { nullPayload, type Payload, payloadMemory, payloadSize } from "../wire/payload.js";
import type { PolledItem, PollPolicy } from "./application.js";
import { secondsUntil } from "./keepalive.js";
import type { Session } from "./session.js";

/** A session that tracks keys. */
export type PollReader = Pick<Session, "encoding" | "isReady" | "push" | "client">;

export interface PollChannelOptions {
  readonly clock: Clock;
  /** Longest time to deliver before other work gets its turn. */
  readonly sliceMs: number;
  /** Resolves after other work has had its turn. */
  readonly nextTurn: () => Promise<void>;
  /** Eight characters. */
  readonly createEpoch: () => string;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Shared by all channels. A value is charged to the first who tracks its key, until nobody does. */
export interface PollRoom {
  readonly keys: Quota;
  readonly bytes: Quota;
}

export type PollParams = NonNullable<SubRefreshParams["poll"]>;

/** A key that somebody tracks. */
interface Value {
  readonly key: string;
  /** 0 as long as the value is unknown. */
  version: number;
  data: Payload | undefined;
  isRemoved: boolean;
  /** Who is charged. */
  readonly owner: Owner;
  /** What it counts for. */
  bytes: number;
  /** The value before, which may be the base of a patch. */
  before: { readonly version: number; readonly data: Payload } | undefined;
  readonly trackers: Set<Tracker>;
  /** By encoding and form. */
  readonly framed: Map<Encoding, Map<Form, Framed>>;
}

/** Whole for readers of JSON or bytes as they are, and for readers of patches whole or a patch. */
type Form = "plain" | "full" | "patch";

/** One reader's interest in one key. */
interface Tracker {
  readonly value: Value;
  readonly reader: PollReader;
  readonly isDelta: boolean;
  /** Of the value that it has. */
  version: number;
  /** Whether that value came from here, so that a patch of it can be applied. */
  hasBase: boolean;
  /** Of its signature, Unix milliseconds. */
  expiresAt: number;
}

interface Tracking {
  readonly owner: Owner;
  readonly isDelta: boolean;
  readonly keys: Map<string, Tracker>;
}

/** For clients to come with a new signature. */
const signatureGraceMs = 25_000;
/** Characters or bytes of values in one reply; others follow as pushes. */
const maxReplySize = 64 * 1024;
const trackersPerCheck = 32;
/** Estimated memory of a value besides its key and its data. */
const overheadBytes = 200;

export class PollChannel {
  readonly epoch: string;
  readonly #name: string;
  readonly #policy: PollPolicy;
  readonly #options: PollChannelOptions;
  readonly #room: PollRoom;
  readonly #values = new Map<string, Value>();
  readonly #readers = new Map<PollReader, Tracking>();
  /** Values that nobody has asked for yet. */
  #unknown = new Set<Value>();
  /** Those who lack a newer value, or the news of its removal. */
  readonly #behind = new Set<Tracker>();
  #bytes = 0;
  /** The last version that was made up. */
  #lastVersion = 0;
  #isAsking = false;
  #isDelivering = false;
  #isDeliveringAgain = false;
  #cancel: (() => void) | undefined;

  constructor(name: string, policy: PollPolicy, options: PollChannelOptions, room: PollRoom) {
    this.#name = name;
    this.#policy = policy;
    this.#options = options;
    this.#room = room;
    this.epoch = options.createEpoch();
  }

  get isUnused(): boolean {
    return this.#readers.size === 0;
  }

  get keyCount(): number {
    return this.#values.size;
  }

  enter(reader: PollReader, isDelta: boolean): void {
    this.#readers.set(reader, { owner: reader.client.owner, isDelta, keys: new Map() });
  }

  leave(reader: PollReader): void {
    const tracking = this.#readers.get(reader);
    if (tracking) for (const key of tracking.keys.keys()) this.#forget(tracking, key);
    this.#readers.delete(reader);
    if (this.isUnused) this.#stop();
  }

  /** @throws HF_BROKER_FULL */
  track(reader: PollReader, { track, untrack }: PollParams): SubRefreshResult | ReplyError | undefined {
    const tracking = this.#readers.get(reader);
    if (tracking === undefined) return undefined;
    const { clock } = this.#options;
    let expiresAt = Number.POSITIVE_INFINITY;
    const expiries: number[] = [];
    for (const batch of track) {
      const verdict = this.#policy.verify(batch, reader.client.actor);
      if ("code" in verdict) return verdict;
      expiries.push(verdict.expiresAt ?? Number.POSITIVE_INFINITY);
      expiresAt = Math.min(expiresAt, verdict.expiresAt ?? expiresAt);
    }
    const dropped = new Set(untrack);
    const fault = this.#findRoomFault(tracking, track, dropped);
    if (fault !== undefined) return replyError("limitExceeded", fault);
    const items: Publication[] = [];
    let size = 0;
    for (const [i, batch] of track.entries())
      for (const { key, version } of batch.items) {
        if (dropped.has(key)) continue;
        const tracker = this.#track(reader, tracking, key, version);
        tracker.expiresAt = expiries[i] ?? Number.POSITIVE_INFINITY;
        const { data } = tracker.value;
        if (data === undefined || tracker.value.version <= version) continue;
        this.#behind.add(tracker);
        if (size >= maxReplySize) continue;
        size += payloadSize(data);
        items.push(this.#publicationFor(tracker, tracker.isDelta ? "full" : "plain"));
        this.#sent(tracker);
      }
    for (const key of dropped) this.#forget(tracking, key);
    if (this.#unknown.size > 0) this.#askSoon();
    if (this.#behind.size > 0) this.#deliver();
    const ttl = Number.isFinite(expiresAt) ? secondsUntil(expiresAt, clock.now()) : undefined;
    return { ...(ttl !== undefined && { ttl }), ...(items.length > 0 && { items }) };
  }

  /** @throws HF_BROKER_FULL */
  #findRoomFault(
    { keys, owner }: Tracking,
    track: PollParams["track"],
    dropped: ReadonlySet<string>,
  ): string | undefined {
    const { maxClientKeys, maxKeys } = this.#policy;
    const added = new Set<string>();
    for (const { items } of track)
      for (const { key } of items) if (!keys.has(key) && !dropped.has(key)) added.add(key);
    if (keys.size + added.size > maxClientKeys)
      return `a client may track ${maxClientKeys} keys of this channel`;
    let isNew = 0;
    let bytes = 0;
    for (const key of added) {
      if (this.#values.has(key)) continue;
      isNew++;
      bytes += memoryOf(key);
    }
    if (this.#values.size + isNew > maxKeys)
      return `the clients of a node may track ${maxKeys} keys of this channel`;
    if (added.size > 0) this.#room.keys.assertRoom(owner, added.size);
    if (isNew > 0) this.#room.bytes.assertRoom(owner, bytes);
    return undefined;
  }

  #track(reader: PollReader, tracking: Tracking, key: string, version: number): Tracker {
    const { keys, isDelta, owner } = tracking;
    // The news of its removal is on its way, and what comes after it is another value.
    if (keys.get(key)?.value.isRemoved) this.#forget(tracking, key);
    let tracker = keys.get(key);
    if (tracker === undefined) {
      const value = this.#values.get(key) ?? this.#createValue(key, owner);
      this.#room.keys.add(owner);
      tracker = { value, reader, isDelta, version, hasBase: false, expiresAt: 0 };
      value.trackers.add(tracker);
      keys.set(key, tracker);
    } else if (tracker.version !== version) {
      tracker.version = version;
      tracker.hasBase = false;
    }
    return tracker;
  }

  #createValue(key: string, owner: Owner): Value {
    const value: Value = {
      key,
      version: 0,
      data: undefined,
      isRemoved: false,
      owner,
      bytes: 0,
      before: undefined,
      trackers: new Set(),
      framed: new Map(),
    };
    this.#charge(value, memoryOf(key));
    this.#values.set(key, value);
    this.#unknown.add(value);
    return value;
  }

  /** @param bytes what the value counts for from now on */
  #charge(value: Value, bytes: number): void {
    const added = bytes - value.bytes;
    value.bytes = bytes;
    this.#bytes += added;
    this.#room.bytes.add(value.owner, added);
  }

  #forget({ keys, owner }: Tracking, key: string): void {
    const tracker = keys.get(key);
    if (tracker === undefined) return;
    keys.delete(key);
    this.#room.keys.add(owner, -1);
    const { value } = tracker;
    this.#behind.delete(tracker);
    value.trackers.delete(tracker);
    if (value.trackers.size === 0) this.#drop(value);
  }

  #drop(value: Value): void {
    if (this.#values.get(value.key) === value) this.#values.delete(value.key);
    this.#unknown.delete(value);
    this.#charge(value, 0);
    value.data = undefined;
  }

  /** Gathers what is tracked in the same turn. */
  #askSoon(): void {
    if (!this.#isAsking) void this.#ask(() => this.#unknown);
  }

  /** One question at a time. Afterwards, what has been tracked meanwhile is asked for; then the next question comes with the interval. */
  async #ask(choose: () => Iterable<Value>): Promise<void> {
    const { onError } = this.#options;
    this.#isAsking = true;
    this.#cancel?.();
    await Promise.resolve();
    let values: readonly Value[] = [...choose()];
    while (values.length > 0) {
      for (const value of values) this.#unknown.delete(value);
      try {
        this.receive(await this.#policy.ask(values.map(({ key, version }) => ({ key, version }))));
      } catch (error) {
        onError(error, { stage: `polling ${this.#name}` });
      }
      values = [...this.#unknown];
    }
    this.#isAsking = false;
    if (!this.isUnused && this.#values.size > 0)
      this.#cancel = this.#options.clock.setTimer(() => this.#tick(), this.#policy.intervalMs);
  }

  #tick(): void {
    this.#dropExpired();
    this.#deliver();
    if (!this.#isAsking) void this.#ask(() => this.#values.values());
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #dropExpired(): void {
    const before = this.#options.clock.now() - signatureGraceMs;
    for (const tracking of this.#readers.values())
      for (const [key, { expiresAt }] of tracking.keys) if (expiresAt < before) this.#forget(tracking, key);
  }

  /** Values from the application. */
  receive(items: readonly PolledItem[]): void {
    const faults = new Map<string, string[]>();
    for (const item of items) {
      const value = this.#values.get(item.key);
      if (value === undefined) continue;
      const fault = item.isRemoved ? this.#remove(value) : this.#update(value, item);
      if (fault === undefined) continue;
      const keys = faults.get(fault);
      if (keys) keys.push(item.key);
      else faults.set(fault, [item.key]);
    }
    this.#report(faults);
    this.#deliver();
  }

  #remove(value: Value): undefined {
    this.#drop(value);
    value.isRemoved = true;
    value.framed.clear();
    for (const tracker of value.trackers) this.#behind.add(tracker);
  }

  /** @returns why the value is not taken */
  #update(value: Value, { data, version }: PolledItem): string | undefined {
    const next = this.#policy.hasVersions ? version : this.#madeUpVersion(value, data);
    if (!Number.isSafeInteger(next) || (next as number) < 1)
      return "no version, which must be an integer of at least 1";
    if ((next as number) <= value.version) return undefined;
    const bytes = memoryOf(value.key, data);
    const fault = this.#findBytesFault(value, bytes - value.bytes);
    if (fault !== undefined) return fault;
    this.#charge(value, bytes);
    value.before = value.data === undefined ? undefined : { version: value.version, data: value.data };
    value.version = next as number;
    value.data = data;
    value.framed.clear();
    for (const tracker of value.trackers) if (tracker.version < value.version) this.#behind.add(tracker);
    return undefined;
  }

  #findBytesFault({ owner }: Value, added: number): string | undefined {
    if (added <= 0) return undefined;
    const { maxBytes } = this.#policy;
    if (this.#bytes + added > maxBytes) return `not taken, since it does not fit into maxBytes, ${maxBytes}`;
    try {
      this.#room.bytes.assertRoom(owner, added);
      return undefined;
    } catch (error) {
      if (!hasCode(error, "HF_BROKER_FULL")) throw error;
      return `not taken, since ${messageOf(error)}`;
    }
  }

  #madeUpVersion({ data: known, version }: Value, data: Payload): number {
    return known !== undefined && isSame(known, data) ? version : ++this.#lastVersion;
  }

  /** Each fault once, however many keys have it. */
  #report(faults: ReadonlyMap<string, readonly string[]>): void {
    for (const [fault, keys] of faults) {
      const first = JSON.stringify(keys[0]);
      const which =
        keys.length === 1 ? `the value of ${first}` : `the values of ${keys.length} keys such as ${first}`;
      const error = new Error(`${which} in ${this.#name}: ${fault}`);
      this.#options.onError(error, { stage: `polling ${this.#name}` });
    }
  }

  #deliver(): void {
    if (this.#isDelivering) {
      this.#isDeliveringAgain = true;
      return;
    }
    this.#isDelivering = true;
    void this.#deliverInSlices();
  }

  async #deliverInSlices(): Promise<void> {
    const { clock, sliceMs, nextTurn, onError } = this.#options;
    let end = clock.elapsed() + sliceMs;
    let count = 0;
    do {
      this.#isDeliveringAgain = false;
      for (const tracker of [...this.#behind]) {
        if (!this.#behind.has(tracker) || !tracker.reader.isReady) continue;
        try {
          this.#send(tracker);
        } catch (error) {
          this.#behind.delete(tracker);
          onError(error, { stage: `delivering ${this.#name}` });
        }
        if (++count % trackersPerCheck > 0 || clock.elapsed() < end) continue;
        await nextTurn();
        end = clock.elapsed() + sliceMs;
      }
    } while (this.#isDeliveringAgain);
    this.#isDelivering = false;
  }

  #send(tracker: Tracker): void {
    const { reader, value, isDelta, hasBase, version } = tracker;
    const isPatch = hasBase && value.before?.version === version;
    reader.push(this.#frame(tracker, isDelta ? (isPatch ? "patch" : "full") : "plain"));
    this.#sent(tracker);
    const tracking = this.#readers.get(reader);
    if (value.isRemoved && tracking) this.#forget(tracking, value.key);
  }

  #sent(tracker: Tracker): void {
    this.#behind.delete(tracker);
    tracker.version = tracker.value.version;
    tracker.hasBase = tracker.isDelta;
  }

  #frame(tracker: Tracker, form: Form): Framed {
    const { value, reader } = tracker;
    let ofEncoding = value.framed.get(reader.encoding);
    if (ofEncoding === undefined) {
      ofEncoding = new Map();
      value.framed.set(reader.encoding, ofEncoding);
    }
    const known = ofEncoding.get(form);
    if (known) return known;
    const { codec, frame } = reader.encoding;
    const publication = this.#publicationFor(tracker, form);
    const message = codec.encodePush({ kind: "pub", channel: this.#name, publication, epoch: "" });
    const framed = { bytes: frame(message), count: 1, payload: () => message };
    ofEncoding.set(form, framed);
    return framed;
  }

  #publicationFor({ value }: Tracker, form: Form): Publication {
    const { key, version: shownVersion, data = nullPayload, isRemoved, before } = value;
    const shown = { key, data, offset: 0, time: 0 };
    const publication = isRemoved ? { ...shown, isRemoved } : { ...shown, shownVersion };
    if (form === "plain") return publication;
    return form === "patch" && before && !isRemoved ? toPatch(publication, before.data) : toFull(publication);
  }
}

/** Estimated. @param data undefined as long as it is unknown */
function memoryOf(key: string, data: Payload = ""): number {
  return payloadMemory(data) + 2 * key.length + overheadBytes;
}

function isSame(a: Payload, b: Payload): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
