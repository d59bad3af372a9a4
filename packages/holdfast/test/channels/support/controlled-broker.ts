/** A broker around another one: counts calls, keeps their answers back, lets them fail, and holds events in a queue. */
import type { Broker, BrokerEvents, PresenceStore } from "../../../src/channels/broker.js";
import type { HistoryPage, HistoryQuery, Log } from "../../../src/channels/log.js";
import { brokerStart } from "./broker-events.js";

type MethodsOf<T> = Exclude<keyof T & string, "open" | "close">;
export type BrokerMethod = MethodsOf<Log> | `presence.${MethodsOf<PresenceStore>}`;

export class ControlledBroker implements Broker {
  readonly name = "controlled";
  readonly log: Log;
  readonly presence: PresenceStore;
  readonly cluster: Broker["cluster"];
  /** "subscribe news", in the order of the calls. */
  readonly calls: string[] = [];
  /** Events that were not told yet, oldest first, while `holdsEvents`. */
  readonly events: (() => void)[] = [];
  holdsEvents = false;
  /** Looks at the answer of each history call. */
  onHistory: ((query: HistoryQuery, page: HistoryPage) => void) | undefined;
  readonly #inner: Broker;
  readonly #held = new Map<BrokerMethod, (() => void)[]>();
  readonly #failing = new Map<BrokerMethod, unknown>();

  constructor(inner: Broker) {
    this.#inner = inner;
    const { log, presence, cluster } = inner;
    this.cluster = cluster;
    this.log = {
      open: (events) => log.open(events),
      close: () => log.close(),
      subscribe: (channel) => this.#call("subscribe", channel, () => log.subscribe(channel)),
      unsubscribe: (channel) => this.#call("unsubscribe", channel, () => log.unsubscribe(channel)),
      publish: (channel, ...rest) => this.#call("publish", channel, () => log.publish(channel, ...rest)),
      history: (channel, query) =>
        this.#call("history", channel, async () => {
          const page = await log.history(channel, query);
          this.onHistory?.(query, page);
          return page;
        }),
      heads: (channels) => this.#call("heads", channels.join(" "), () => log.heads(channels)),
      keys: (channel, query) => this.#call("keys", channel, () => log.keys(channel, query)),
      value: (channel, key) => this.#call("value", channel, () => log.value(channel, key)),
      renewKey: (channel, key) => this.#call("renewKey", channel, () => log.renewKey(channel, key)),
      removeHistory: (channel) => this.#call("removeHistory", channel, () => log.removeHistory(channel)),
    };
    this.presence = {
      open: (events) => presence.open(events),
      close: () => presence.close(),
      add: (channel, ...rest) => this.#call("presence.add", channel, () => presence.add(channel, ...rest)),
      remove: (channel, client) =>
        this.#call("presence.remove", channel, () => presence.remove(channel, client)),
      list: (channel) => this.#call("presence.list", channel, () => presence.list(channel)),
      stats: (channel) => this.#call("presence.stats", channel, () => presence.stats(channel)),
      announce: (channel, ...rest) =>
        this.#call("presence.announce", channel, () => presence.announce(channel, ...rest)),
    };
  }

  count(method: BrokerMethod): number {
    return this.calls.filter((call) => call.startsWith(`${method} `)).length;
  }

  /** Calls take effect, but do not resolve until released. */
  hold(method: BrokerMethod): void {
    this.#held.set(method, []);
  }

  /** How many calls wait for a release. */
  held(method: BrokerMethod): number {
    return this.#held.get(method)?.length ?? 0;
  }

  /** Lets the calls that were held resolve, and later ones at once. */
  release(method: BrokerMethod): void {
    const held = this.#held.get(method) ?? [];
    this.#held.delete(method);
    for (const resolve of held) resolve();
  }

  /** Calls reject from now on, without effect. */
  fail(method: BrokerMethod, error: unknown = new Error(`${method} failed`)): void {
    this.#failing.set(method, error);
  }

  heal(method: BrokerMethod): void {
    this.#failing.delete(method);
  }

  /** Tells the events that wait, in order, and later ones at once. */
  releaseEvents(): void {
    this.holdsEvents = false;
    for (const tell of this.events.splice(0)) tell();
  }

  /** The log tells the node that it was out of reach. */
  onReconnect = (): void => {};

  open({ log, presence, cluster }: BrokerEvents, start = brokerStart): Promise<void> {
    const tell = (event: () => void) => {
      if (this.holdsEvents) this.events.push(event);
      else event();
    };
    this.onReconnect = () => log.onReconnect();
    return this.#inner.open(
      {
        log: {
          onPublication: (...args) => tell(() => log.onPublication(...args)),
          onDisconnect: () => log.onDisconnect(),
          onReconnect: () => log.onReconnect(),
        },
        presence: {
          onJoin: (...args) => tell(() => presence.onJoin(...args)),
          onLeave: (...args) => tell(() => presence.onLeave(...args)),
        },
        cluster,
      },
      start,
    );
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #call<T>(method: BrokerMethod, channel: string, call: () => Promise<T>): Promise<T> {
    this.calls.push(`${method} ${channel}`);
    if (this.#failing.has(method)) throw this.#failing.get(method);
    const answer = call();
    const held = this.#held.get(method);
    if (held) await new Promise<void>((resolve) => held.push(resolve));
    return answer;
  }
}
