/** The broker for Redis 7 or later, and Valkey: logs in the store, and nodes that talk over its pub/sub. */
import { createHash } from "node:crypto";
import type { BrokerEvents, BrokerStart } from "../../channels/broker.js";
import type { Clock } from "../../time/clock.js";
import { NodeBroker, type NodeBrokerOptions } from "../nodes/node-broker.js";
import { checkDisk } from "./flusher.js";
import { RedisBus } from "./redis-bus.js";
import { RedisLog } from "./redis-log.js";
import { type RedisBrokerOptions, resolveRedisOptions } from "./redis-options.js";
import { RedisStore } from "./redis-store.js";
import { createScripts } from "./scripts.js";
import { Subscriptions } from "./subscriptions.js";

export interface RedisBrokerContext extends Omit<NodeBrokerOptions, "clock"> {
  readonly clock: Clock;
  /** Runs the callback once, after the events of this turn; `setImmediate` in a server. */
  readonly schedule: (run: () => void) => void;
  /** Lua that gives the scripts Unix milliseconds. @default the server's time; tests have their own */
  readonly time?: string;
}

export class RedisBroker extends NodeBroker<RedisLog> {
  readonly #store: RedisStore;

  /** @throws HF_OPTION_INVALID */
  constructor(options: RedisBrokerOptions, context: RedisBrokerContext) {
    const { clock, schedule, onError, time } = context;
    const settings = resolveRedisOptions(options);
    const scripts = createScripts(settings, time);
    const store: RedisStore = new RedisStore(
      { settings, clock, onError, scriptTexts: Object.values(scripts).map(({ text }) => text) },
      {
        onMessage: (channel, message) =>
          void (log.receive(channel, message) || bus.receive(channel, message)),
        onDisconnect: () => log.onDisconnect(),
        onReconnect: () => log.onReconnect(),
        onSubscriberLost: (shard) => subscriptions.restore(shard),
        onHome: (isConnected) => bus.receiveHome(isConnected),
      },
    );
    const subscriptions = new Subscriptions(store, schedule);
    const bus = new RedisBus(store, subscriptions);
    const log = new RedisLog({
      store,
      scripts,
      subscriptions,
      clock,
      onError,
      hash: (text) => createHash("sha256").update(text, "utf16le").digest("base64url"),
    });
    super("redis", log, bus, context);
    this.#store = store;
  }

  override async open(events: BrokerEvents, start: BrokerStart): Promise<void> {
    await this.#store.open();
    try {
      if (start.needs.durability === "disk") await checkDisk(this.#store);
    } catch (error) {
      await this.close();
      throw error;
    }
    await super.open(events, start);
  }

  /** Resolves once the events of all calls that have resolved were told. */
  idle(): Promise<void> {
    return this.#store.receiveMessages();
  }
}
