/** The logs of all channels in Redis: each call is one script (scripts.ts), and events come over pub/sub. */
import { randomBytes } from "node:crypto";
import type {
  HistoryPage,
  HistoryQuery,
  KeysPage,
  KeysQuery,
  LogEvents,
  NewPublication,
  PublishOptions,
  PublishResult,
  SuppressReason,
} from "../../channels/log.js";
import { HoldfastError, hasCode } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import type { Position, Publication } from "../../wire/messages.js";
import { nameOfKey } from "../idempotency.js";
import { charactersOf, sizeOfValue } from "../keyed-state.js";
import type { NodeLog } from "../nodes/node-broker.js";
import { PageBuilder } from "../publication-format.js";
import type { Argument } from "./connection.js";
import { decodeEntry, decodeEvent, decodeValue, encodeEntry } from "./entry-format.js";
import { flushAfter } from "./flusher.js";
import { KeySweeper } from "./key-sweeper.js";
import type { RedisStore } from "./redis-store.js";
import { holdIntervalMs, type ScriptName, type Scripts } from "./scripts.js";
import type { Subscriptions } from "./subscriptions.js";

export interface RedisLogOptions {
  readonly store: RedisStore;
  readonly scripts: Scripts;
  readonly subscriptions: Subscriptions;
  readonly clock: Pick<Clock, "elapsed" | "setTimer">;
  readonly hash: (text: string) => string;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

const headsPerCall = 100;
/** Two hundred years, which no server takes for forever. */
const maxTtlMs = 200 * 365 * 24 * 3_600_000;

export class RedisLog implements NodeLog {
  readonly canGoBack = true;
  readonly #options: RedisLogOptions;
  readonly #store: RedisStore;
  readonly #prefix: string;
  readonly #sweeper: KeySweeper;
  /** New epochs are this and a number. */
  readonly #epochs = randomBytes(9).toString("base64url");
  #numEpochs = 0;
  #events: LogEvents | undefined;
  #isClosed = false;
  readonly #subscribed = new Set<string>();
  #cancelHolds: (() => void) | undefined;

  constructor(options: RedisLogOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#prefix = `${options.store.settings.prefix}:{c:`;
    this.#sweeper = new KeySweeper(options.clock, async (channel) => {
      if (!this.#subscribed.has(channel)) return -1;
      return Number(await this.#run("expire", channel, true, 0, []));
    });
  }

  async open(events: LogEvents): Promise<void> {
    this.#events = events;
    if (this.#store.hasLost) events.onDisconnect();
    this.#scheduleHolds();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#events = undefined;
    this.#cancelHolds?.();
    this.#sweeper.close();
    this.#subscribed.clear();
    this.#store.close();
  }

  isSubscribed(channel: string): boolean {
    return this.#subscribed.has(channel);
  }

  subscribedChannels(): Iterable<string> {
    return this.#subscribed;
  }

  get sizes(): { readonly subscribed: number; readonly expiring: number } {
    return { subscribed: this.#subscribed.size, expiring: this.#sweeper.size };
  }

  async subscribe(channel: string): Promise<Position> {
    this.#assertOpen();
    const wasSubscribed = this.#subscribed.has(channel);
    this.#subscribed.add(channel);
    try {
      await this.#options.subscriptions.add(this.#nameOf(channel));
      const heads = await this.#readHeads([channel], undefined);
      return heads.get(channel) as Position;
    } catch (error) {
      if (!wasSubscribed) await this.unsubscribe(channel).catch(() => {});
      throw error;
    }
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#assertOpen();
    this.#subscribed.delete(channel);
    this.#sweeper.forget(channel);
    await this.#options.subscriptions.remove(this.#nameOf(channel));
  }

  async publish(
    channel: string,
    publication: NewPublication,
    options: PublishOptions,
  ): Promise<PublishResult> {
    this.#assertOpen();
    const isFlushed = options.durability === "disk";
    if (isFlushed) this.#store.assertDisk();
    const { retention, floors, idempotencyKey, sender = "", owner = "" } = options;
    const { keys } = retention;
    const { key, isRemoved, score = 0, version } = publication;
    const entry = encodeEntry(publication);
    const isKeyed = keys !== undefined && key !== undefined;
    const ofVersion = [version === undefined ? "" : version.number, version?.epoch ?? ""];
    const args: Argument[] = [
      textOf(floors),
      `${retention.maxEntries} ${retention.maxBytes} ${Math.min(retention.ttlMs, maxTtlMs)}`,
      entry,
      keys === undefined ? "" : Math.min(keys.ttlMs ?? 0, maxTtlMs),
    ];
    if (isKeyed)
      args.push(
        key,
        isRemoved ? "1" : "0",
        String(-score),
        options.keyMode ?? "",
        ...ofVersion,
        sizeOfValue(publication),
        owner,
        keys.maxKeys,
        keys.maxUserKeys ?? Math.max(1, Math.floor(keys.maxKeys / 10)),
        keys.maxBytes,
      );
    else args.push(...ofVersion);
    const once =
      idempotencyKey === undefined
        ? undefined
        : `:once:${this.#options.hash(nameOfKey(sender, idempotencyKey))}`;
    const flush = isFlushed ? flushAfter(this.#store, this.#store.slotOf(this.#nameOf(channel))) : undefined;
    const reply = await this.#run(isKeyed ? "put" : "publish", channel, isKeyed, entry.length, args, once);
    await flush?.();
    const [isDuplicate, offset, epoch = "", suppressed = ""] = String(reply).split(" ");
    return {
      position: { epoch, offset: Number(offset) },
      isDuplicate: isDuplicate === "1",
      ...(suppressed !== "" && { suppressed: suppressed as SuppressReason }),
    };
  }

  async history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    this.#assertOpen();
    const { sinceOffset, maxEntries, maxBytes, isReverse } = query;
    const args = [sinceOffset ?? "", maxEntries, maxBytes, isReverse ? "1" : "0"];
    const reply = await this.#run("history", channel, false, 0, args);
    const [epoch, head, first, ...entries] = reply as Buffer[];
    const page = new PageBuilder(query);
    let offset = Number(first);
    for (const entry of entries) {
      page.add(decodeEntry(entry, offset));
      offset += isReverse ? -1 : 1;
    }
    return { publications: page.publications, position: { epoch: String(epoch), offset: Number(head) } };
  }

  async heads(
    channels: readonly string[],
    floors?: ReadonlyMap<string, readonly Position[]>,
  ): Promise<ReadonlyMap<string, Position>> {
    this.#assertOpen();
    return await this.#readHeads(channels, floors);
  }

  async keys(channel: string, query: KeysQuery): Promise<KeysPage> {
    this.#assertOpen();
    const { order = "key", isReverse = false, after, maxEntries, maxBytes } = query;
    const reply = await this.#run("keys", channel, true, 0, [
      order,
      isReverse ? "1" : "0",
      after ? "1" : "0",
      after?.key ?? "",
      after ? String(-after.score) : "0",
      maxEntries,
      maxBytes,
    ]);
    const [epoch, head, total, more, expiry, ...values] = reply as Buffer[];
    const publications: Publication[] = [];
    let hasMore = String(more) === "1";
    let characters = 0;
    for (const value of values) {
      const publication = decodeValue(value);
      characters += charactersOf(publication);
      if (publications.length > 0 && (publications.length >= maxEntries || characters > maxBytes)) {
        hasMore = true;
        break;
      }
      publications.push(publication);
    }
    if (this.#subscribed.has(channel)) this.#sweeper.expect(channel, Number(expiry));
    return {
      publications,
      hasMore,
      position: { epoch: String(epoch), offset: Number(head) },
      numKeys: Number(total),
    };
  }

  async value(channel: string, key: string): Promise<Publication | undefined> {
    this.#assertOpen();
    const value = await this.#run("value", channel, true, 0, [key]);
    return value === null ? undefined : decodeValue(value as Buffer);
  }

  async renewKey(channel: string, key: string): Promise<boolean> {
    this.#assertOpen();
    return (await this.#run("renew", channel, true, 0, [key])) === 1;
  }

  async removeHistory(channel: string): Promise<void> {
    this.#assertOpen();
    const name = this.#nameOf(channel);
    const slot = this.#store.slotOf(name);
    const keys = [this.#store.recordKeyOf(slot), `${name}:meta`, `${name}:log`];
    const place = this.#store.placeOf(slot);
    const { sha } = this.#options.scripts.clear;
    await this.#store.call(slot, 0, "evalsha", sha, keys.length, ...keys, this.#createEpoch(), place);
  }

  /** A message of pub/sub. @returns whether it is of a channel */
  receive(pubSubChannel: Buffer, message: Buffer): boolean {
    const name = pubSubChannel.toString();
    if (!name.startsWith(this.#prefix)) return false;
    const channel = name.slice(this.#prefix.length, -1);
    if (!this.#subscribed.has(channel)) return true;
    const event = decodeEvent(message);
    if (event === undefined) return true;
    if (event.keyTtlMs > 0 && event.publication.key !== undefined)
      this.#sweeper.expect(channel, event.keyTtlMs);
    this.#events?.onPublication(channel, event.publication, event.epoch);
    return true;
  }

  onDisconnect(): void {
    this.#events?.onDisconnect();
  }

  onReconnect(): void {
    this.#events?.onReconnect();
  }

  /** Without those whose master cannot be reached, unless that is all. */
  async #readHeads(
    channels: readonly string[],
    floors: ReadonlyMap<string, readonly Position[]> | undefined,
  ): Promise<ReadonlyMap<string, Position>> {
    const bySlot = new Map<number, string[]>();
    for (const channel of channels) {
      const slot = this.#store.slotOf(this.#nameOf(channel));
      const some = bySlot.get(slot);
      if (some) some.push(channel);
      else bySlot.set(slot, [channel]);
    }
    const heads = new Map<string, Position>();
    const calls: Promise<void>[] = [];
    for (const [slot, all] of bySlot)
      for (let at = 0; at < all.length; at += headsPerCall)
        calls.push(this.#readSome(slot, all.slice(at, at + headsPerCall), floors, heads));
    const outcomes = await Promise.allSettled(calls);
    const failed = outcomes.filter((outcome) => outcome.status === "rejected");
    const fault = failed.find(({ reason }) => !hasCode(reason, "HF_BROKER_UNAVAILABLE")) ?? failed[0];
    if (fault && (heads.size === 0 || !hasCode(fault.reason, "HF_BROKER_UNAVAILABLE"))) throw fault.reason;
    return heads;
  }

  async #readSome(
    slot: number,
    channels: readonly string[],
    floors: ReadonlyMap<string, readonly Position[]> | undefined,
    heads: Map<string, Position>,
  ): Promise<void> {
    const keys = [this.#store.recordKeyOf(slot)];
    const args: Argument[] = [this.#createEpoch(), this.#store.placeOf(slot)];
    for (const channel of channels) {
      const name = this.#nameOf(channel);
      keys.push(`${name}:meta`, `${name}:hold`, `${name}:age`);
      args.push(textOf(floors?.get(channel)), this.#subscribed.has(channel) ? "1" : "0");
    }
    const { sha } = this.#options.scripts.heads;
    const bytes = 100 * keys.length;
    const reply = (await this.#store.call(
      slot,
      bytes,
      "evalsha",
      sha,
      keys.length,
      ...keys,
      ...args,
    )) as Buffer[];
    channels.forEach((channel, i) => {
      heads.set(channel, { epoch: String(reply[3 * i]), offset: Number(reply[3 * i + 1]) });
      if (this.#subscribed.has(channel)) this.#sweeper.expect(channel, Number(reply[3 * i + 2]));
    });
  }

  #run(
    script: Exclude<ScriptName, "heads" | "clear">,
    channel: string,
    isKeyed: boolean,
    bytes: number,
    args: readonly Argument[],
    extraKey?: string,
  ): Promise<unknown> {
    const name = this.#nameOf(channel);
    const slot = this.#store.slotOf(name);
    const keys = [this.#store.recordKeyOf(slot), `${name}:meta`, `${name}:log`, `${name}:hold`];
    if (isKeyed) for (const part of keyedParts) keys.push(name + part);
    if (extraKey !== undefined) keys.push(name + extraKey);
    const { sha } = this.#options.scripts[script];
    const place = this.#store.placeOf(slot);
    const common = [this.#createEpoch(), place, name];
    return this.#store.call(slot, bytes, "evalsha", sha, keys.length, ...keys, ...common, ...args);
  }

  /** Also what the channel's events are published as. */
  #nameOf(channel: string): string {
    return `${this.#prefix}${channel}}`;
  }

  #createEpoch(): string {
    return this.#epochs + (++this.#numEpochs).toString(36);
  }

  /** Tells the store which channels are subscribed, so that none of them gets another epoch, or is forgotten. */
  #scheduleHolds(): void {
    const { clock, onError } = this.#options;
    this.#cancelHolds = clock.setTimer(() => {
      void this.#readHeads([...this.#subscribed], undefined)
        .catch((error: unknown) => {
          const isExpected = error instanceof HoldfastError && error.code === "HF_BROKER_UNAVAILABLE";
          if (!isExpected && !this.#isClosed) onError(error, { stage: "keeping epochs" });
        })
        .then(() => this.#isClosed || this.#scheduleHolds());
    }, holdIntervalMs);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new HoldfastError("HF_BROKER_CLOSED");
  }
}

/** Floors as scripts get them (`isBehind` in scripts.ts). */
function textOf(floors: readonly Position[] = []): string {
  return floors.map(({ epoch, offset }) => ` ${epoch} ${offset}|`).join("");
}

const keyedParts = [":val", ":inf", ":key", ":sco", ":age", ":own"];
