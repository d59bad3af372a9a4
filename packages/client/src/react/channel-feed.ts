/** A channel as a component shows it: history and new publications, and presence. Does not depend on React. */
import type { HoldfastError } from "../../../holdfast/src/errors.js";
import type { Channel, ChannelStatus, ClientInfo, Publication, PublishedPosition } from "../index.js";
import { Feed } from "./feed.js";

export interface FeedOptions {
  /** Number of publications of the history to start with; the server bounds it. */
  readonly history: number;
  /** Maximum number of publications that are kept; the oldest are dropped. */
  readonly limit: number;
  /** Whether to keep a list of the subscribed clients. */
  readonly presence: boolean;
}

export interface FeedSnapshot<Data> {
  /** In the channel's order, the newest last. */
  readonly publications: readonly Publication<Data>[];
  /** The subscribed clients, the longest known first; empty unless asked for. */
  readonly presence: readonly ClientInfo[];
  readonly status: ChannelStatus;
  /** Why the subscription, history, presence or the last publish failed; undefined once it works again. */
  readonly error: HoldfastError | undefined;
}

type PresenceChange = { readonly client: ClientInfo; readonly isPresent: boolean };

export class ChannelFeed<Data, Input = never> extends Feed<FeedSnapshot<Data>> {
  readonly #channel: Channel<Input, Data>;
  readonly #options: FeedOptions;
  #list: PublicationList<Data>;
  #present = new Map<string, ClientInfo>();
  /** Changes since the presence was requested; undefined without a request. */
  #changes: PresenceChange[] | undefined;
  #publishError: HoldfastError | undefined;
  /** Counts changes of status, so that replies to requests of an earlier one are ignored. */
  #round = 0;

  constructor(channel: Channel<Input, Data>, options: FeedOptions) {
    super(channel.name);
    this.#channel = channel;
    this.#options = options;
    this.#list = new PublicationList(options.limit);
  }

  /** Publishes. A failure also becomes the `error`, until a later publication is accepted. @throws what `channel.publish` throws */
  readonly publish = async (data: Input): Promise<PublishedPosition> => {
    try {
      const position = await this.#channel.publish(data);
      if (this.error !== undefined && this.error === this.#publishError) this.fail(undefined);
      return position;
    } catch (error) {
      this.fail(error);
      this.#publishError = this.error;
      throw error;
    }
  };

  protected open(): () => void {
    // Publications may have been missed since.
    this.#list = new PublicationList(this.#options.limit);
    this.#present = new Map();
    return this.#channel.subscribe({
      onPublication: (publication) => {
        this.#list.add(publication);
        this.changed();
      },
      onStatus: (status) => this.setStatus(status),
      ...(this.#options.presence && {
        onJoin: (client: ClientInfo) => this.#receive({ client, isPresent: true }),
        onLeave: (client: ClientInfo) => this.#receive({ client, isPresent: false }),
      }),
    });
  }

  protected read(): FeedSnapshot<Data> {
    return {
      publications: this.#list.toArray(),
      presence: [...this.#present.values()],
      status: this.status,
      error: this.error,
    };
  }

  protected override onStop(): void {
    this.#round++;
    this.#changes = undefined;
  }

  protected override setStatus(status: ChannelStatus): void {
    const round = ++this.#round;
    if (status.state === "subscribed") {
      if (!status.recovered) {
        this.#list.restart(status.position?.epoch, status.wasRecovering);
        void this.#loadHistory(round);
      }
      if (this.#options.presence) void this.#loadPresence(round);
    }
    super.setStatus(status);
  }

  async #loadHistory(round: number): Promise<void> {
    const { history, limit } = this.#options;
    if (history === 0) return;
    try {
      const page = await this.#channel.history({ limit: Math.min(history, limit), reverse: true });
      if (round !== this.#round) return;
      this.#list.addHistory(page.publications);
      this.changed();
    } catch (error) {
      if (round === this.#round) this.fail(error);
    }
  }

  async #loadPresence(round: number): Promise<void> {
    const changes: PresenceChange[] = [];
    this.#changes = changes;
    try {
      const clients = await this.#channel.presence();
      if (round !== this.#round) return;
      this.#present = new Map(clients.map((client) => [client.client, client]));
      // The reply may be older or newer than these changes; applying them again gives the same result.
      for (const change of changes) this.#apply(change);
      this.changed();
    } catch (error) {
      if (round === this.#round) this.fail(error);
    } finally {
      if (this.#changes === changes) this.#changes = undefined;
    }
  }

  #receive(change: PresenceChange): void {
    this.#changes?.push(change);
    this.#apply(change);
    this.changed();
  }

  #apply({ client, isPresent }: PresenceChange): void {
    if (isPresent) this.#present.set(client.client, client);
    else this.#present.delete(client.client);
  }
}

/** Publications in the order of the channel, without duplicates: the newest, up to a bound. */
export class PublicationList<Data> {
  readonly #limit: number;
  #publications: Publication<Data>[] = [];
  #epoch: string | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A new publication, unless it is here already. */
  add(publication: Publication<Data>): void {
    const { offset } = publication;
    const newest = this.#publications.at(-1)?.offset;
    const isNewest = offset === undefined || newest === undefined || offset > newest;
    if (!isNewest && this.#has(offset)) return;
    this.#publications.push(publication);
    if (!isNewest) this.#sort();
    if (this.#publications.length > this.#limit) this.#publications.shift();
  }

  /** Publications of the log, in any order; some may be here already. */
  addHistory(publications: readonly Publication<Data>[]): void {
    const added = publications.filter(({ offset }) => offset === undefined || !this.#has(offset));
    this.#publications = [...added, ...this.#publications];
    this.#sort();
    this.#publications.splice(0, Math.max(0, this.#publications.length - this.#limit));
  }

  /**
   * A subscription has begun that did not recover. Drops what is here if the log is a new one or has a gap; in channels without a log, it
   * stays.
   */
  restart(epoch: string | undefined, hasGap: boolean): void {
    if (epoch !== undefined && (hasGap || (this.#epoch !== undefined && epoch !== this.#epoch)))
      this.#publications = [];
    this.#epoch = epoch;
  }

  toArray(): readonly Publication<Data>[] {
    return [...this.#publications];
  }

  /** Searches from the end, where duplicates are likely. */
  #has(offset: number): boolean {
    return this.#publications.findLastIndex((each) => each.offset === offset) >= 0;
  }

  /** Stable, so that publications without an offset stay where they are. */
  #sort(): void {
    this.#publications.sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
  }
}
