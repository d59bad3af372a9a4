/** A channel of a server that does what a test tells it to: a log, its subscribers, and faults. */
import type { PublisherInfo, ReceivedPublication } from "../../chat/model/message.js";
import type { HistoryPage, HistoryRequest } from "../../chat/model/room-history.js";
import type { RoomChannel, RoomSession } from "../../chat/model/room-session.js";

export type PublishOutcome =
  /** Accepted, delivered and acknowledged. */
  | "deliver"
  /** Accepted and acknowledged, but the subscriber does not see it. */
  | "acknowledge"
  /** Acknowledged, and lost all the same. */
  | "forget"
  /** Accepted, and then nothing comes back. */
  | "accept silently"
  /** Lost on the way, and nothing comes back unless `fail` is called. */
  | "lose"
  | { code: number; message: string; temporary?: boolean };

export class FakeChannel implements RoomChannel {
  epoch = "e1";
  log: ReceivedPublication[] = [];
  /** Offsets up to this one are no longer kept. */
  evicted = 0;
  outcome: PublishOutcome = "deliver";
  historyError: { code: number; message: string } | undefined;
  readonly published: unknown[] = [];
  readonly historyRequests: HistoryRequest[] = [];
  present: Record<string, PublisherInfo> = {};
  /** Of lists of people, as the client throws them. */
  refusals: Error[] = [];
  readonly #failures: ((error: unknown) => void)[] = [];
  readonly #me: PublisherInfo;
  #session: RoomSession | undefined;

  constructor(me: PublisherInfo) {
    this.#me = me;
  }

  get offset(): number {
    return this.log.length;
  }

  /** Subscribes, or comes back, as the SDK reports it; `since` is the offset to recover from. */
  async join(session: RoomSession, since?: number): Promise<void> {
    this.#session = session;
    const recovered = since !== undefined && since >= this.evicted;
    const offset = recovered ? since : this.offset;
    const done = session.receiveSubscribed({
      ...{ wasRecovering: since !== undefined, recovered },
      streamPosition: { epoch: this.epoch, offset },
    });
    if (recovered) for (const publication of this.log.slice(since)) session.receivePublication(publication);
    await done;
  }

  drop(): void {
    this.#session?.receiveSubscribing();
    this.#session = undefined;
  }

  /** Somebody publishes. */
  append(data: unknown, info?: PublisherInfo): ReceivedPublication {
    const publication = { data, offset: this.offset + 1, ...(info ? { info } : {}) };
    this.log.push(publication);
    return publication;
  }

  say(text: string, info?: PublisherInfo): void {
    const publication = this.append({ text }, info);
    this.#session?.receivePublication(publication);
  }

  /** Answers the first publication that was lost. */
  fail(error: unknown): void {
    this.#failures.shift()?.(error);
  }

  /** The log starts afresh, as on a server that kept it in memory and was restarted. */
  restart(epoch: string): void {
    this.epoch = epoch;
    this.log = [];
  }

  publish(data: unknown): Promise<unknown> {
    this.published.push(data);
    const { outcome } = this;
    if (typeof outcome === "object") return Promise.reject(outcome);
    if (outcome === "forget") return Promise.resolve({});
    if (outcome === "lose") return new Promise((_, reject) => this.#failures.push(reject));
    const publication = this.append(data, this.#me);
    if (outcome === "accept silently") return new Promise(() => {});
    if (outcome === "deliver") this.#session?.receivePublication(publication);
    return Promise.resolve({});
  }

  history(request: HistoryRequest): Promise<HistoryPage> {
    this.historyRequests.push(request);
    if (this.historyError) return Promise.reject(this.historyError);
    const before = request.since?.offset ?? this.offset + 1;
    const kept = this.log.filter(({ offset = 0 }) => offset > this.evicted && offset < before);
    const publications = kept.reverse().slice(0, request.limit);
    return Promise.resolve({ publications, epoch: this.epoch, offset: this.offset });
  }

  presence(): Promise<{ clients: Record<string, PublisherInfo> }> {
    const refusal = this.refusals.shift();
    return refusal ? Promise.reject(refusal) : Promise.resolve({ clients: this.present });
  }
}
