/**
 * A channel as a component shows it: publications with history before them, who is there, and how the subscription
 * stands. Knows nothing of React but the shape of a store: `subscribe` and `snapshot`.
 */

import { HoldfastError, messageOf } from "../../../holdfast/src/errors.js";
import type { Channel, ChannelStatus, ClientInfo, Publication, PublishedPosition } from "../index.js";
import { PublicationList } from "./publication-list.js";

export interface FeedOptions {
  /** Publications of the channel's history to begin with; the server gives no more than it does at once. */
  readonly history: number;
  /** Most publications that are kept; the oldest go. */
  readonly limit: number;
  /** Whether to ask who is there, and to be told who comes and goes. */
  readonly presence: boolean;
}

export interface FeedSnapshot<Data> {
  /** In the channel's order, the newest last. */
  readonly publications: readonly Publication<Data>[];
  /** Those that are there, the longest known first; empty where nobody asked. */
  readonly presence: readonly ClientInfo[];
  readonly status: ChannelStatus;
  /** Why there is no subscription, no history or no presence, or the last publication was refused; gone once it works again. */
  readonly error: HoldfastError | undefined;
}

type Change = { readonly client: ClientInfo; readonly isHere: boolean };

const notYet: ChannelStatus = { state: "subscribing", code: 0, reason: "subscribe called" };

export class ChannelFeed<Data, Input = never> {
  readonly #channel: Channel<Input, Data>;
  readonly #options: FeedOptions;
  readonly #watchers = new Set<() => void>();
  #list: PublicationList<Data>;
  #present = new Map<string, ClientInfo>();
  /** What has changed since the presence was asked for; undefined while nobody waits for it. */
  #changes: Change[] | undefined;
  #status = notYet;
  #error: HoldfastError | undefined;
  #publishError: HoldfastError | undefined;
  #snapshot: FeedSnapshot<Data> | undefined;
  /** Counts subscriptions, so that answers to questions of an earlier one are not taken. */
  #round = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(channel: Channel<Input, Data>, options: FeedOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#list = new PublicationList(options.limit);
  }

  /** The first watcher starts the subscription, the last ends it. */
  readonly subscribe = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#start();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#stop();
    };
  };

  /** The same object until something changes. */
  readonly snapshot = (): FeedSnapshot<Data> => {
    this.#snapshot ??= {
      publications: this.#list.toArray(),
      presence: [...this.#present.values()],
      status: this.#status,
      error: this.#error,
    };
    return this.#snapshot;
  };

  /** Publishes, and shows as the error why it was refused, as long as no later one has been taken. @throws what `channel.publish` throws */
  readonly publish = async (data: Input): Promise<PublishedPosition> => {
    try {
      const position = await this.#channel.publish(data);
      if (this.#error !== undefined && this.#error === this.#publishError) this.#fail(undefined);
      return position;
    } catch (error) {
      this.#fail(error);
      this.#publishError = this.#error;
      throw error;
    }
  };

  #start(): void {
    // What was there before has a gap after it.
    this.#list = new PublicationList(this.#options.limit);
    this.#present = new Map();
    this.#error = undefined;
    try {
      this.#unsubscribe = this.#channel.subscribe({
        onPublication: (publication) => {
          this.#list.add(publication);
          this.#hasChanged();
        },
        onStatus: (status) => this.#become(status),
        ...(this.#options.presence && {
          onJoin: (client: ClientInfo) => this.#receive({ client, isHere: true }),
          onLeave: (client: ClientInfo) => this.#receive({ client, isHere: false }),
        }),
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  #stop(): void {
    this.#round++;
    this.#changes = undefined;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#status = notYet;
    this.#snapshot = undefined;
  }

  #become(status: ChannelStatus): void {
    const round = ++this.#round;
    this.#status = status;
    if (status.state === "subscribed") {
      this.#error = undefined;
      if (!status.recovered) {
        this.#list.beginAgain(status.position?.epoch, status.wasRecovering);
        void this.#loadHistory(round);
      }
      if (this.#options.presence) void this.#loadPresence(round);
    } else if (status.state === "unsubscribed" && status.code !== 0) {
      const { code, reason } = status;
      this.#error = new HoldfastError(
        "HF_REQUEST_REFUSED",
        `the subscription to ${this.#channel.name} was ended: ${reason} (code ${code})`,
        { details: { code } },
      );
    }
    this.#hasChanged();
  }

  async #loadHistory(round: number): Promise<void> {
    const { history, limit } = this.#options;
    if (history === 0) return;
    try {
      const page = await this.#channel.history({ limit: Math.min(history, limit), reverse: true });
      if (round !== this.#round) return;
      this.#list.addHistory(page.publications);
      this.#hasChanged();
    } catch (error) {
      if (round === this.#round) this.#fail(error);
    }
  }

  async #loadPresence(round: number): Promise<void> {
    const changes: Change[] = [];
    this.#changes = changes;
    try {
      const clients = await this.#channel.presence();
      if (round !== this.#round) return;
      this.#present = new Map(clients.map((client) => [client.client, client]));
      // The answer may be older than what came before it, or newer: applied again, the changes lead to the same end.
      for (const change of changes) this.#apply(change);
      this.#hasChanged();
    } catch (error) {
      if (round === this.#round) this.#fail(error);
    } finally {
      if (this.#changes === changes) this.#changes = undefined;
    }
  }

  #receive(change: Change): void {
    this.#changes?.push(change);
    this.#apply(change);
    this.#hasChanged();
  }

  #apply({ client, isHere }: Change): void {
    if (isHere) this.#present.set(client.client, client);
    else this.#present.delete(client.client);
  }

  #fail(error: unknown): void {
    this.#error =
      error === undefined || error instanceof HoldfastError
        ? error
        : new HoldfastError("HF_REQUEST_REFUSED", messageOf(error), { cause: error });
    this.#hasChanged();
  }

  #hasChanged(): void {
    this.#snapshot = undefined;
    for (const watcher of this.#watchers) watcher();
  }
}
