/** A broker around another one: counts calls, keeps their answers back, lets them fail, and holds events in a queue. */
import type {
  Broker,
  BrokerEvents,
  HistoryPage,
  HistoryQuery,
  KeysPage,
  KeysQuery,
  NewPublication,
  PresenceStats,
  PublishOptions,
  PublishResult,
} from "../../../src/channels/broker.js";
import type { ClientInfo, Position, Publication } from "../../../src/wire/messages.js";

export type BrokerMethod = Exclude<keyof Broker, "name" | "open" | "close">;

export class ControlledBroker implements Broker {
  readonly name = "controlled";
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

  open(events: BrokerEvents): Promise<void> {
    const tell = (event: () => void) => {
      if (this.holdsEvents) this.events.push(event);
      else event();
    };
    return this.#inner.open({
      onPublication: (...args) => tell(() => events.onPublication(...args)),
      onJoin: (...args) => tell(() => events.onJoin(...args)),
      onLeave: (...args) => tell(() => events.onLeave(...args)),
    });
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  subscribe(channel: string): Promise<Position> {
    return this.#call("subscribe", channel, () => this.#inner.subscribe(channel));
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#call("unsubscribe", channel, () => this.#inner.unsubscribe(channel));
  }

  publish(channel: string, publication: NewPublication, options: PublishOptions): Promise<PublishResult> {
    return this.#call("publish", channel, () => this.#inner.publish(channel, publication, options));
  }

  history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#call("history", channel, async () => {
      const page = await this.#inner.history(channel, query);
      this.onHistory?.(query, page);
      return page;
    });
  }

  keys(channel: string, query: KeysQuery): Promise<KeysPage> {
    return this.#call("keys", channel, () => this.#inner.keys(channel, query));
  }

  value(channel: string, key: string): Promise<Publication | undefined> {
    return this.#call("value", channel, () => this.#inner.value(channel, key));
  }

  renewKey(channel: string, key: string): Promise<boolean> {
    return this.#call("renewKey", channel, () => this.#inner.renewKey(channel, key));
  }

  removeHistory(channel: string): Promise<void> {
    return this.#call("removeHistory", channel, () => this.#inner.removeHistory(channel));
  }

  addPresence(channel: string, info: ClientInfo, leaseMs: number): Promise<void> {
    return this.#call("addPresence", channel, () => this.#inner.addPresence(channel, info, leaseMs));
  }

  removePresence(channel: string, client: string): Promise<void> {
    return this.#call("removePresence", channel, () => this.#inner.removePresence(channel, client));
  }

  presence(channel: string): Promise<readonly ClientInfo[]> {
    return this.#call("presence", channel, () => this.#inner.presence(channel));
  }

  presenceStats(channel: string): Promise<PresenceStats> {
    return this.#call("presenceStats", channel, () => this.#inner.presenceStats(channel));
  }

  announce(channel: string, kind: "join" | "leave", info: ClientInfo): Promise<void> {
    return this.#call("announce", channel, () => this.#inner.announce(channel, kind, info));
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
