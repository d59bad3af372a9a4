/**
 * One room: what its subscription tells becomes a timeline, a list of people and a count of unread messages, and what
 * the person writes goes out through its outbox. Knows the SDK only as RoomChannel.
 */
import type { RoomReturn } from "../../shared/line/connection-status.js";
import { readServerError } from "../../shared/line/server-error.js";
import type { MessageData, PublisherInfo, ReceivedPublication } from "./message.js";
import { Presence } from "./presence.js";
import { type HistoryPage, type HistoryRequest, RoomHistory } from "./room-history.js";
import { type Later, type Outbox, RoomSender } from "./room-sender.js";
import type { ReadMarks } from "./rooms.js";
import { type Position, Timeline } from "./timeline.js";

/** What a room can ask of its channel. */
export interface RoomChannel {
  publish(data: MessageData): Promise<unknown>;
  history(request: HistoryRequest): Promise<HistoryPage>;
  presence(): Promise<{ clients: Record<string, PublisherInfo> }>;
}

export interface SubscribedEvent {
  wasRecovering: boolean;
  recovered: boolean;
  /** Undefined where the channel keeps no log. */
  streamPosition?: Position;
}

export interface RoomSessionOptions {
  room: string;
  /** User id of the person; looked at anew each time. */
  readonly me: string;
  channel: RoomChannel;
  outbox: Outbox;
  readMarks: ReadMarks;
  later: Later;
  onChange: () => void;
  /** Told after what was missed has been taken in, or given up; without a result when nothing could be missed. */
  onReturn: (result: RoomReturn | undefined) => void;
}

export type RoomPhase = "joining" | "catching-up" | "ready" | "refused";

/** A timeline that nobody has scrolled up in holds no more than this. */
const keptEntries = 500;
const listRetryMs = 2000;

export class RoomSession {
  readonly room: string;
  readonly timeline = new Timeline();
  readonly presence = new Presence();
  readonly history: RoomHistory;
  phase: RoomPhase = "joining";
  /** Why the server refused the room. */
  refusal = "";
  unread = 0;
  /** New messages by others, since the page was opened, that did not come from history. */
  arrivals = 0;
  position: Position = { epoch: "", offset: 0 };
  /** Whether the person looks at the newest messages: older ones may then be let go of. */
  isFollowing = true;
  readonly #options: RoomSessionOptions;
  readonly #sender: RoomSender;
  #isOpen = false;
  #isWatched = false;
  #hasJoined = false;
  #turn = 0;
  /** Publications that came in since the subscription, history apart. */
  #received = 0;

  constructor(options: RoomSessionOptions) {
    this.#options = options;
    this.room = options.room;
    const { room, channel, outbox, later, onChange } = options;
    this.history = new RoomHistory({
      ...{ timeline: this.timeline, onChange },
      request: (request) => channel.history(request),
      receive: (publication) => void this.#take(publication),
    });
    this.#sender = new RoomSender({
      ...{ room, outbox, later, onChange },
      publish: (data) => channel.publish(data),
      position: () => ({ ...this.position }),
      findUncertain: () => this.#findUncertain(),
    });
  }

  receiveSubscribing(): void {
    this.#turn += 1;
    this.phase = "joining";
    this.#sender.suspend();
    this.#options.onChange();
  }

  receiveUnsubscribed(code: number, reason: string): void {
    this.receiveSubscribing();
    this.phase = "refused";
    this.refusal = `${reason} (${code})`;
    this.#options.onReturn(undefined);
    this.#options.onChange();
  }

  async receiveSubscribed({ wasRecovering, recovered, streamPosition }: SubscribedEvent): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const isReturn = this.#hasJoined;
    const isGapless = wasRecovering && recovered;
    this.#hasJoined = true;
    this.phase = "catching-up";
    this.#received = 0;
    this.#enter(streamPosition ?? { epoch: "", offset: 0 }, isGapless);
    void this.#readPresence(turn);
    // The SDK hands over recovered publications right after this event, before anything else can happen.
    await Promise.resolve();
    const result: RoomReturn = isGapless
      ? { isRecovered: true, count: this.#received }
      : { isRecovered: false };
    const isCertain = isGapless || (await this.#readWhatWasMissed(isReturn));
    if (turn !== this.#turn) return;
    this.#options.onReturn(isReturn ? result : undefined);
    this.phase = "ready";
    this.#sender.resume(isCertain);
    this.#options.onChange();
  }

  receivePublication(publication: ReceivedPublication): void {
    this.#received += 1;
    const isNew = this.#take(publication);
    const isOwn = publication.info?.user === this.#options.me;
    if (isNew && !isOwn) this.arrivals += 1;
    if (this.#isWatched) this.#markRead();
    else if (isNew && !isOwn) this.unread += 1;
    if (this.isFollowing) this.timeline.trim(keptEntries);
    this.#options.onChange();
  }

  receiveJoin(info: PublisherInfo): void {
    this.presence.receiveJoin(info);
    this.#options.onChange();
  }

  receiveLeave(info: PublisherInfo): void {
    this.presence.receiveLeave(info);
    this.#options.onChange();
  }

  /** Tells whether this is the room that the page shows, and whether the page itself can be seen. */
  show(isOpen: boolean, isVisible: boolean): void {
    this.#isOpen = isOpen;
    this.#isWatched = isOpen && isVisible;
    if (this.#isWatched) this.#markRead();
    const isJoined = this.phase === "ready" || this.phase === "catching-up";
    if (isOpen && isJoined && this.history.state === "unread") void this.history.loadLatest();
  }

  /** Sends what is in the outbox, now or when that becomes possible. */
  send(): void {
    this.#sender.send();
  }

  #enter(position: Position, isGapless: boolean): void {
    const isNewLog = this.timeline.epoch !== "" && this.timeline.epoch !== position.epoch;
    this.timeline.enterEpoch(position.epoch);
    this.position = { ...position };
    if (isGapless) return;
    if (this.#isWatched) this.#markRead();
    // What is unread of the old log is still on this page.
    else if (isNewLog) this.unread += position.offset;
    else this.unread = this.#options.readMarks.countSince(this.room, position);
  }

  /** @returns false when that failed in a way that may pass */
  async #readWhatWasMissed(isReturn: boolean): Promise<boolean> {
    // A room that was not opened yet is read when it is.
    if (this.#isOpen || isReturn) await this.history.loadLatest();
    return this.#findUncertain().then(
      () => true,
      () => false,
    );
  }

  #findUncertain(): Promise<boolean> {
    const uncertain = () => this.#options.outbox.uncertainOf(this.room);
    const floorOf = ({ epoch, offset }: Position) => (epoch === this.timeline.epoch ? offset : 0);
    return this.history.search(
      () => uncertain().length === 0,
      () => Math.min(...uncertain().map(({ firstTriedAt }) => (firstTriedAt ? floorOf(firstTriedAt) : 0))),
    );
  }

  async #readPresence(turn: number): Promise<void> {
    this.presence.expectList();
    try {
      const { clients } = await this.#options.channel.presence();
      if (turn === this.#turn) this.presence.receiveList(clients);
    } catch (error) {
      if (turn !== this.#turn) return;
      // A channel without a list of people still tells of joins and leaves. A busy server refuses lists first.
      if (readServerError(error).isFinal) this.presence.receiveList({});
      else
        this.#options.later(listRetryMs, () => {
          if (turn === this.#turn) void this.#readPresence(turn);
        });
    }
    this.#options.onChange();
  }

  #take(publication: ReceivedPublication): boolean {
    const { offset, info } = publication;
    if (offset !== undefined && offset > this.position.offset) this.position.offset = offset;
    const { me, outbox } = this.#options;
    const id = info?.user === me ? idOf(publication.data) : undefined;
    if (id !== undefined) outbox.remove(id);
    const entry = this.timeline.add(publication);
    return entry !== undefined && entry.event === undefined;
  }

  #markRead(): void {
    this.unread = 0;
    if (this.position.epoch !== "") this.#options.readMarks.mark(this.room, this.position);
  }
}

function idOf(data: unknown): string | undefined {
  const id = (data as { id?: unknown } | null)?.id;
  return typeof id === "string" ? id : undefined;
}
