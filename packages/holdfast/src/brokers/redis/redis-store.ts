/**
 * Connections to all masters, and the way of each command to its master. Commands for one key take effect in the order of the calls:
 * what a server did not run because a slot has moved or a script is missing is repeated before anything newer is sent (`#pause`). Ended
 * connections are replaced until it is closed.
 */
import { HoldfastError, messageOf } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { createEpoch } from "../epochs.js";
import { type Argument, Connection } from "./connection.js";
import { findLayout, isSameLayout, keyOf, type Layout, masterOf, slotOf } from "./layout.js";
import type { Address, RedisSettings } from "./redis-options.js";
import { judge, toBrokerError, unavailable } from "./reply-errors.js";
import { assertFlushes, attach, storeKeyOf } from "./server-facts.js";
import { loadScripts, Shard } from "./shard.js";

export interface RedisStoreEvents {
  onMessage(channel: Buffer, message: Buffer): void;
  /** A master cannot be reached. */
  onDisconnect(): void;
  /** Connections for messages are new; subscriptions have to be made again. */
  onSubscribersLost(): Promise<void>;
  /** All masters can be reached, and subscriptions are restored. */
  onReconnect(): void;
}

export interface RedisStoreOptions {
  readonly settings: RedisSettings;
  readonly clock: Pick<Clock, "elapsed" | "setTimer">;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  readonly scriptTexts: readonly string[];
}

interface Command {
  readonly args: readonly [string, ...Argument[]];
  readonly slot: number;
  readonly bytes: number;
  /** When it is too late to repeat it. */
  readonly expiresAt: number;
  resolve(reply: unknown): void;
  reject(error: HoldfastError): void;
}

const heartbeatMs = 2000;
/** Heartbeats between looks at where the masters are. */
const heartbeatsPerLook = 5;
const minRetryMs = 100;
const maxRetryMs = 1000;
const retryDelayMs = 50;
/** Of a command beyond its data. */
const overheadBytes = 200;

export class RedisStore {
  readonly #options: RedisStoreOptions;
  readonly #events: RedisStoreEvents;
  #layout: Layout = { masters: [] };
  readonly #shards = new Map<string, Shard>();
  #isConnected = false;
  #isClosed = false;
  /** The layout has changed since connections were last compared with it. */
  #isStale = false;
  /** What initial epochs begin with. */
  #base = "";
  #restoring: Promise<void> | undefined;
  /** Set while nothing is sent. */
  #paused: Promise<void> | undefined;
  #held: Command[] = [];
  #failed: { readonly command: Command; readonly error: unknown }[] = [];
  #numSent = 0;
  #pendingBytes = 0;
  #onDrained: (() => void) | undefined;
  #heartbeats = 0;
  #cancelHeartbeat: (() => void) | undefined;
  #cancelDelays = new Set<() => void>();

  constructor(options: RedisStoreOptions, events: RedisStoreEvents) {
    this.#options = options;
    this.#events = events;
  }

  get settings(): RedisSettings {
    return this.#options.settings;
  }

  get isCluster(): boolean {
    return this.settings.mode === "cluster";
  }

  /** Every master. */
  get shards(): readonly Shard[] {
    return [...this.#shards.values()];
  }

  /** @throws HF_BROKER_UNAVAILABLE, HF_BROKER_UNSUPPORTED; nothing is left open then */
  async open(): Promise<void> {
    try {
      this.#adopt(await this.#findLayout());
      await this.#connectShards();
    } catch (error) {
      this.close();
      throw toBrokerError(error);
    }
    if (this.#isClosed) {
      this.close();
      throw new HoldfastError("HF_BROKER_CLOSED");
    }
    this.#isConnected = true;
    this.#beat();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelHeartbeat?.();
    for (const cancel of this.#cancelDelays) cancel();
    for (const shard of this.#shards.values()) shard.close();
    const closed = new HoldfastError("HF_BROKER_CLOSED");
    for (const command of this.#held.splice(0)) this.#settle(command, () => command.reject(closed));
    for (const { command } of this.#failed.splice(0)) this.#settle(command, () => command.reject(closed));
  }

  /** Resolves when all messages that were published before have arrived: answers come behind them. */
  async receiveMessages(): Promise<void> {
    await Promise.allSettled(this.shards.map(({ subscriber }) => subscriber?.call("ping")));
  }

  /** The slot of a key; 0 outside of clusters. */
  slotOf(key: string): number {
    return this.isCluster ? slotOf(key) : 0;
  }

  /** The master of a slot, if it can be reached. */
  shardOf(slot: number): Shard | undefined {
    const master = masterOf(this.#layout, slot);
    return master && this.#shards.get(keyOf(master));
  }

  /**
   * What initial epochs of channels in a slot begin with; outside of clusters, the script puts the store's own base before it. Another one
   * after the master was replaced, which may have lost logs.
   */
  baseOf(slot: number): string {
    return `${this.isCluster ? this.#base : ""}${this.shardOf(slot)?.facts?.generation ?? ""}`;
  }

  /** @throws HF_BROKER_UNSUPPORTED if some master does not flush what it acknowledges */
  assertDisk(): void {
    for (const { facts } of this.shards) if (facts) assertFlushes(facts);
  }

  /**
   * Sends a command to the master of a slot.
   * @param bytes of its data
   * @throws HF_BROKER_UNAVAILABLE, HF_BROKER_FULL, HF_BROKER_CLOSED
   */
  call(slot: number, bytes: number, ...args: readonly [string, ...Argument[]]): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new HoldfastError("HF_BROKER_CLOSED"));
    const { maxPendingBytes, commandTimeoutMs } = this.settings;
    const size = bytes + overheadBytes;
    if (this.#pendingBytes + size > maxPendingBytes)
      return Promise.reject(
        new HoldfastError(
          "HF_BROKER_FULL",
          `${maxPendingBytes} bytes wait for Redis (maxPendingBytes); retry when it has caught up`,
          { details: { quota: "maxPendingBytes" } },
        ),
      );
    this.#pendingBytes += size;
    return new Promise((resolve, reject) => {
      const expiresAt = this.#options.clock.elapsed() + commandTimeoutMs;
      const command = { args, slot, bytes: size, expiresAt, resolve, reject };
      if (this.#paused) this.#held.push(command);
      else this.#send(command);
    });
  }

  #send(command: Command): void {
    const connection = this.shardOf(command.slot)?.commands;
    if (connection === undefined) {
      this.#settle(command, () => command.reject(unavailable("Redis cannot be reached at the moment")));
      return;
    }
    this.#numSent++;
    connection.call(...command.args).then(
      (reply) => {
        this.#settle(command, () => command.resolve(reply));
        this.#countAnswer();
      },
      (error: unknown) => {
        this.#receiveError(command, error, connection);
        this.#countAnswer();
      },
    );
  }

  #receiveError(command: Command, error: unknown, connection: Connection): void {
    const verdict = error instanceof HoldfastError ? "reject" : judge(error);
    const isLate = this.#options.clock.elapsed() >= command.expiresAt;
    if (verdict === "retry" && !isLate && !this.#isClosed) {
      this.#failed.push({ command, error });
      void this.#pause(() => this.#repair());
      return;
    }
    this.#settle(command, () => command.reject(toBrokerError(error)));
    if (verdict === "leave") connection.fail(unavailable(`Redis cannot be used: ${messageOf(error)}`, error));
  }

  #settle({ bytes }: Command, answer: () => void): void {
    this.#pendingBytes -= bytes;
    answer();
  }

  #countAnswer(): void {
    this.#numSent--;
    if (this.#numSent === 0) this.#onDrained?.();
  }

  /** Holds new commands, waits for the answers of those that are sent, makes a change, and goes on: with repeated commands first. */
  #pause(change: () => Promise<void> | void): Promise<void> {
    this.#paused ??= this.#runPaused(change).finally(() => {
      this.#paused = undefined;
      const waiting = [...this.#failed.splice(0).map(({ command }) => command), ...this.#held.splice(0)];
      for (const command of waiting) {
        // What failed at once pauses again, and the rest must stay behind it.
        if (this.#paused) this.#held.push(command);
        else this.#send(command);
      }
    });
    return this.#paused;
  }

  async #runPaused(change: () => Promise<void> | void): Promise<void> {
    if (this.#numSent > 0)
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
      });
    this.#onDrained = undefined;
    try {
      await change();
    } catch (error) {
      this.#report(error);
    }
  }

  /** Removes what made commands fail. */
  async #repair(): Promise<void> {
    const errors = this.#failed.map(({ error }) => messageOf(error));
    if (errors.some((text) => text.startsWith("NOSCRIPT")))
      await Promise.all(
        this.shards.map((shard) => shard.commands && loadScripts(shard.commands, this.#options.scriptTexts)),
      );
    if (!errors.some((text) => !text.startsWith("NOSCRIPT"))) return;
    this.#adopt(await this.#findLayout());
    if (this.#restoring) await Promise.race([this.#restoring, this.#delay(maxRetryMs)]);
    else await this.#delay(retryDelayMs);
  }

  #findLayout(): Promise<Layout> {
    const { settings, clock } = this.#options;
    const known = this.isCluster ? this.#layout.masters : [];
    return findLayout(settings, known, (address, isSentinel) =>
      Connection.open({ address, settings, clock, isSentinel, onEnd() {} }),
    );
  }

  /** Only while nothing is sent. */
  #adopt(layout: Layout): void {
    if (this.#isClosed || isSameLayout(layout, this.#layout)) return;
    this.#layout = layout;
    this.#isStale = true;
    const addresses = new Map(layout.masters.map((address) => [keyOf(address), address]));
    for (const [key, shard] of this.#shards)
      if (!addresses.has(key)) {
        this.#shards.delete(key);
        shard.close();
      }
    for (const [key, address] of addresses)
      if (!this.#shards.has(key)) this.#shards.set(key, this.#createShard(address));
    if (this.#isConnected) this.#restore();
  }

  async #connectShards(): Promise<void> {
    await allOf(this.shards.map((shard) => shard.connect()));
    const { prefix } = this.settings;
    const connection = this.shardOf(this.slotOf(storeKeyOf(prefix)))?.commands;
    if (connection === undefined) throw unavailable("the Redis cluster does not serve all slots");
    this.#base = await attach(connection, prefix, createEpoch());
  }

  #createShard(address: Address): Shard {
    const { settings, clock, scriptTexts } = this.#options;
    const shard: Shard = new Shard({
      address,
      settings,
      clock,
      scriptTexts,
      onMessage: (channel, message) => this.#events.onMessage(channel, message),
      onEnd: (error) => {
        if (this.#isClosed || this.#shards.get(keyOf(address)) !== shard) return;
        this.#report(error);
        this.#restore();
      },
    });
    return shard;
  }

  /** Connects what is not connected, until everything is. */
  #restore(): void {
    if (this.#isConnected) {
      this.#isConnected = false;
      this.#events.onDisconnect();
    }
    this.#restoring ??= this.#restoreAll().finally(() => {
      this.#restoring = undefined;
      // Something ended when all was just well.
      if (!this.#isClosed && this.shards.some(({ isUp }) => !isUp)) this.#restore();
    });
  }

  async #restoreAll(): Promise<void> {
    let delayMs = minRetryMs;
    let reported = "";
    while (!this.#isClosed) {
      try {
        const layout = await this.#findLayout();
        if (!isSameLayout(layout, this.#layout) && !this.#paused)
          await this.#pause(() => this.#adopt(layout));
        this.#isStale = false;
        await this.#connectShards().catch(async (error: unknown) => {
          // Masters that can be reached need their subscriptions now, however long another one is away.
          await this.#events.onSubscribersLost().catch(() => {});
          throw error;
        });
        await this.#events.onSubscribersLost();
        if (this.#isClosed || this.#isStale || this.shards.some(({ isUp }) => !isUp)) continue;
        this.#isConnected = true;
        this.#events.onReconnect();
        return;
      } catch (error) {
        if (messageOf(error) !== reported) this.#report(error);
        reported = messageOf(error);
      }
      await this.#delay(delayMs);
      delayMs = Math.min(2 * delayMs, maxRetryMs);
    }
  }

  /** Finds connections that are dead, and masters that were replaced while the old ones still answer. */
  #beat(): void {
    this.#cancelHeartbeat = this.#options.clock.setTimer(() => {
      for (const shard of this.#shards.values()) shard.ping();
      if (++this.#heartbeats % heartbeatsPerLook === 0 && this.settings.mode !== "single") void this.#look();
      this.#beat();
    }, heartbeatMs);
  }

  async #look(): Promise<void> {
    if (this.#restoring || this.#paused) return;
    try {
      const layout = await this.#findLayout();
      if (this.#restoring || this.#paused || isSameLayout(layout, this.#layout)) return;
      await this.#pause(() => this.#adopt(layout));
    } catch (error) {
      this.#report(error);
    }
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#cancelDelays.delete(end);
        resolve();
      };
      const cancelTimer = this.#options.clock.setTimer(done, ms);
      const end = () => {
        cancelTimer();
        done();
      };
      this.#cancelDelays.add(end);
    });
  }

  #report(error: unknown): void {
    if (!this.#isClosed) this.#options.onError(error, { stage: "connection to Redis" });
  }
}

/** Waits for all, also where one has failed. @throws the first fault */
export async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(work);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
