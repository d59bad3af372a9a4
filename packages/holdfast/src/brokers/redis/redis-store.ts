/**
 * Connections to all masters, and the way of each command to its master. Commands for one key take effect in the order of the calls:
 * what a server did not run because a slot has moved or a script is missing is repeated before anything newer is sent (`#pause`). Ended
 * connections are replaced until it is closed; the other masters of a cluster go on meanwhile.
 */
import { HoldfastError, hasCode, messageOf } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { type Argument, Connection } from "./connection.js";
import { recordKeyOf } from "./generation.js";
import { findLayout, isSameLayout, keyOf, type Layout, masterOf, numSlots, slotOf } from "./layout.js";
import type { Address, RedisSettings } from "./redis-options.js";
import { allOf, judge, toBrokerError, unavailable } from "./reply-errors.js";
import { assertFlushes, claimFormat, storeKeyOf } from "./server-facts.js";
import { loadScripts, Shard } from "./shard.js";

export interface RedisStoreEvents {
  onMessage(channel: Buffer, message: Buffer): void;
  /** Some master cannot be reached, or has lost subscriptions. */
  onDisconnect(): void;
  /** Such a master is back, with its subscriptions. Followed by `onDisconnect` if there are others. */
  onReconnect(): void;
  /** Subscriptions of a master have to be made again. */
  onSubscriberLost(shard: Shard): Promise<void>;
  /** Whether messages to and from other nodes arrive. In turns. */
  onHome(isConnected: boolean): void;
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
/** Of commands that any master may run. */
const homeSlot = -1;
/** Of a command beyond its data. */
const overheadBytes = 200;

export class RedisStore {
  readonly #options: RedisStoreOptions;
  readonly #events: RedisStoreEvents;
  #layout: Layout = { masters: [] };
  readonly #shards = new Map<string, Shard>();
  #isOpen = false;
  #isClosed = false;
  /** Those that were told of as unreachable. */
  readonly #lost = new Set<Shard>();
  readonly #restoring = new Map<Shard, Promise<void>>();
  #searching: Promise<void> | undefined;
  /** Whom messages between nodes go through: in a cluster they reach all masters, whichever they are published at. */
  #home: Shard | undefined;
  #isHomeConnected = false;
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

  /** Whether some master cannot be reached. */
  get hasLost(): boolean {
    return this.#lost.size > 0;
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
    this.#isOpen = true;
    this.#home = this.#findHome();
    this.#isHomeConnected = true;
    for (const shard of this.shards) if (!shard.isUp) this.#lose(shard);
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

  /** The master of a slot, if it is known. */
  shardOf(slot: number): Shard | undefined {
    if (slot === homeSlot) return this.#home;
    const master = masterOf(this.#layout, slot);
    return master && this.#shards.get(keyOf(master));
  }

  /** Of the generation of logs in a slot. */
  recordKeyOf(slot: number): string {
    return recordKeyOf(this.settings, slot);
  }

  /** Where the master of a slot is, if it has flushed all that it acknowledges; else empty. */
  placeOf(slot: number): string {
    const shard = this.shardOf(slot);
    const { facts } = shard ?? {};
    return shard && facts?.hasAppendOnlyFile && facts.diskFault === undefined ? keyOf(shard.address) : "";
  }

  /** Whether a channel of pub/sub belongs to the master of its slot; the others are the nodes'. */
  isSharded(channel: string): boolean {
    return this.isCluster && channel.startsWith(`${this.settings.prefix}:{`);
  }

  /** The connection that messages of a channel come over. */
  subscriberOf(channel: string): Connection | undefined {
    return this.shardOf(this.isSharded(channel) ? slotOf(channel) : homeSlot)?.subscriber;
  }

  /** In a cluster, a sharded channel that the server of a connection has, and nobody publishes to. */
  anchorOf(connection: Connection): string | undefined {
    for (let slot = 0; this.isCluster && slot < numSlots; slot++)
      if (this.shardOf(slot)?.subscriber === connection) return this.recordKeyOf(slot);
    return undefined;
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

  /** Publishes for nodes. Otherwise as `call`. */
  publish(channel: string, message: Buffer): Promise<unknown> {
    return this.call(homeSlot, message.length, "publish", channel, message);
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
    if (--this.#numSent === 0) this.#onDrained?.();
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
    const masters = new Set(this.#failed.map(({ command }) => this.shardOf(command.slot)));
    const restoring = [...masters].flatMap((shard) => (shard && this.#restoring.get(shard)) ?? []);
    await Promise.race([Promise.all([...restoring, this.#delay(retryDelayMs)]), this.#delay(maxRetryMs)]);
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
    const addresses = new Map(layout.masters.map((address) => [keyOf(address), address]));
    for (const [key, shard] of this.#shards)
      if (!addresses.has(key)) {
        this.#shards.delete(key);
        shard.close();
      }
    for (const [key, address] of addresses)
      if (!this.#shards.has(key)) this.#shards.set(key, this.#createShard(address));
    // Slots may have moved, and subscriptions with them.
    for (const shard of this.shards) this.#lose(shard);
    for (const shard of this.#lost) if (!this.#isCurrent(shard)) this.#lost.delete(shard);
    this.#moveHome();
  }

  /** A node starts without some masters of a cluster, but never without knowing the store's format. */
  async #connectShards(): Promise<void> {
    const home = this.shardOf(this.#formatSlot);
    if (home === undefined) throw unavailable("the Redis cluster does not serve all slots");
    const connect = (shard: Shard) =>
      shard.connect().catch((error: unknown) => {
        if (shard === home || !hasCode(error, "HF_BROKER_UNAVAILABLE")) throw error;
        this.#report(error);
      });
    await allOf(this.shards.map(connect));
    await this.#claimFormat(home);
  }

  get #formatSlot(): number {
    return this.slotOf(storeKeyOf(this.settings.prefix));
  }

  async #claimFormat(shard: Shard): Promise<void> {
    if (shard.commands === undefined) throw unavailable("connection closed");
    if (shard === this.shardOf(this.#formatSlot)) await claimFormat(shard.commands, this.settings.prefix);
  }

  #isCurrent(shard: Shard): boolean {
    return !this.#isClosed && this.#shards.get(keyOf(shard.address)) === shard;
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
        if (!this.#isCurrent(shard)) return;
        this.#report(error);
        this.#lose(shard);
      },
    });
    return shard;
  }

  /** Tells of a master that cannot be reached, or may have lost subscriptions, and restores it. */
  #lose(shard: Shard): void {
    if (!this.#isOpen) return;
    if (this.#lost.size === 0) this.#events.onDisconnect();
    this.#lost.add(shard);
    if (!shard.isUp) this.#moveHome();
    if (!this.#restoring.has(shard)) {
      const restoring = this.#restore(shard).finally(() => {
        this.#restoring.delete(shard);
        // It was lost again when all was just well.
        if (this.#isCurrent(shard) && (this.#lost.has(shard) || !shard.isUp)) this.#lose(shard);
      });
      this.#restoring.set(shard, restoring);
    }
    this.#keepSearching();
  }

  #keepSearching(): void {
    if (this.settings.mode === "single" || this.#lost.size === 0) return;
    this.#searching ??= this.#search().finally(() => {
      this.#searching = undefined;
      // Another one was lost when the search had just ended.
      if (!this.#isClosed) this.#keepSearching();
    });
  }

  async #restore(shard: Shard): Promise<void> {
    await this.#retry(async () => {
      if (!this.#isCurrent(shard)) return true;
      await shard.connect();
      await this.#claimFormat(shard);
      let layout: Layout;
      do {
        layout = this.#layout;
        await this.#events.onSubscriberLost(shard);
      } while (layout !== this.#layout);
      if (!shard.isUp || !this.#isCurrent(shard)) return false;
      this.#lost.delete(shard);
      this.#events.onReconnect();
      if (this.#lost.size > 0) this.#events.onDisconnect();
      this.#moveHome();
      return true;
    });
  }

  /** Looks where the masters are, while some cannot be reached. */
  #search(): Promise<void> {
    return this.#retry(async () => {
      if (this.#lost.size === 0) return true;
      const layout = await this.#findLayout();
      if (!isSameLayout(layout, this.#layout) && !this.#paused) await this.#pause(() => this.#adopt(layout));
      return this.#lost.size === 0;
    });
  }

  /** @param attempt resolves with whether it is done */
  async #retry(attempt: () => Promise<boolean>): Promise<void> {
    let delayMs = minRetryMs;
    let reported = "";
    while (!this.#isClosed) {
      try {
        if (await attempt()) return;
      } catch (error) {
        if (messageOf(error) !== reported) this.#report(error);
        reported = messageOf(error);
      }
      await this.#delay(delayMs);
      delayMs = Math.min(2 * delayMs, maxRetryMs);
    }
  }

  /** The same for every node that sees the same masters. */
  #findHome(): Shard | undefined {
    const preferred = this.shardOf(this.#formatSlot);
    return preferred?.isUp ? preferred : this.shards.find(({ isUp }) => isUp);
  }

  #moveHome(): void {
    const home = this.#findHome();
    const isSame = home === this.#home;
    if (isSame && (home === undefined || this.#isHomeConnected)) return;
    if (this.#isHomeConnected) this.#events.onHome(false);
    this.#isHomeConnected = false;
    this.#home = home;
    if (home === undefined) return;
    this.#events.onSubscriberLost(home).then(
      () => {
        if (this.#home !== home || !home.isUp || this.#isHomeConnected || this.#isClosed) return;
        this.#isHomeConnected = true;
        this.#events.onHome(true);
      },
      // Its connection has ended, and it is restored.
      () => {},
    );
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
    if (this.#lost.size > 0 || this.#paused) return;
    try {
      const layout = await this.#findLayout();
      if (this.#lost.size > 0 || this.#paused || isSameLayout(layout, this.#layout)) return;
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
