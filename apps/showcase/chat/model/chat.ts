/**
 * The chat as a whole: which rooms there are, which one is open, and what the person does. The view reads it and is
 * told of every change; ChatLink is all it knows of the network.
 */
import { ConnectionStatus } from "./connection-status.js";
import { Identity } from "./identity.js";
import type { Author, PublisherInfo, ReceivedPublication } from "./message.js";
import { Outbox, type OutboxEntry } from "./outbox.js";
import { ReadMarks } from "./read-marks.js";
import type { Later } from "./room-sender.js";
import { type RoomChannel, RoomSession, type SubscribedEvent } from "./room-session.js";
import { firstRooms, RoomList } from "./rooms.js";
import type { ChatStorage } from "./storage.js";

export interface RoomReceiver {
  receiveSubscribing(): void;
  receiveSubscribed(event: SubscribedEvent): Promise<void>;
  receiveUnsubscribed(code: number, reason: string): void;
  receivePublication(publication: ReceivedPublication): void;
  receiveJoin(info: PublisherInfo): void;
  receiveLeave(info: PublisherInfo): void;
}

export interface LinkedChannel extends RoomChannel {
  /** Subscribes, and stays subscribed across reconnects. */
  join(receiver: RoomReceiver): void;
  leave(): void;
}

/** The one connection of the page. */
export interface ChatLink {
  connect(as: Author): void;
  /** Drops the connection and opens it at once, as `as`. */
  reconnect(as: Author): void;
  channel(room: string): LinkedChannel;
}

export interface ChatOptions {
  storage: ChatStorage;
  /** The query of the page's address. */
  search: string;
  newId: () => string;
  clock: () => number;
  later: Later;
  /** @param rooms tells those that come back with a new connection */
  createLink: (status: ConnectionStatus, rooms: () => Iterable<string>) => ChatLink;
}

export class Chat {
  readonly identity: Identity;
  readonly status: ConnectionStatus;
  openRoom: string = firstRooms[0];
  readonly #options: ChatOptions;
  readonly #rooms: RoomList;
  readonly #outbox: Outbox;
  readonly #readMarks: ReadMarks;
  readonly #link: ChatLink;
  readonly #sessions = new Map<string, { session: RoomSession; channel: LinkedChannel }>();
  readonly #listeners = new Set<() => void>();
  #isVisible = true;
  #isStarted = false;

  constructor(options: ChatOptions) {
    const { storage, search, newId, clock, createLink } = options;
    this.#options = options;
    this.identity = new Identity(storage, search, newId);
    this.status = new ConnectionStatus(clock, this.#changed);
    this.#rooms = new RoomList(storage);
    this.#outbox = new Outbox(storage, clock, newId);
    this.#readMarks = new ReadMarks(storage);
    this.#link = createLink(this.status, () => this.#sessions.keys());
    for (const room of [...this.#rooms.names, ...this.#outbox.rooms]) this.#enter(room);
    this.#show();
  }

  /** Calls a listener after every change; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get me(): Author {
    return { user: this.identity.user, name: this.identity.name ?? "" };
  }

  get rooms(): RoomSession[] {
    return this.#rooms.names.flatMap((room) => this.#sessions.get(room)?.session ?? []);
  }

  get room(): RoomSession {
    // The first rooms can't be left, and the open one is always one that was entered.
    return this.#sessions.get(this.openRoom)?.session as RoomSession;
  }

  get unread(): number {
    return this.rooms.reduce((sum, { unread }) => sum + unread, 0);
  }

  get pending(): OutboxEntry[] {
    return this.#outbox.entriesOf(this.openRoom);
  }

  canLeave(room: string): boolean {
    return this.#rooms.canRemove(room);
  }

  /** Connects under the person's name, which must be known by now. */
  start(): void {
    if (this.#isStarted || this.identity.name === undefined) return;
    this.#isStarted = true;
    for (const { session, channel } of this.#sessions.values()) channel.join(session);
    this.#link.connect(this.me);
  }

  rename(name: string): void {
    const isSame = this.identity.name === name;
    this.identity.rename(name);
    if (!this.#isStarted) this.start();
    else if (!isSame) this.#link.reconnect(this.me);
    this.#changed();
  }

  tryNow(): void {
    this.#link.reconnect(this.me);
  }

  /** Opens a room, and adds it to the list when it is new. Returns what is wrong with its name, if anything. */
  open(room: string): string | undefined {
    const problem = this.#rooms.add(room);
    if (problem !== undefined) return problem;
    this.#enter(room);
    this.openRoom = room;
    this.#show();
    return undefined;
  }

  /** Takes a room off the list. What is still in its outbox stays there, and is sent after the next reload. */
  leave(room: string): void {
    if (!this.#rooms.canRemove(room)) return;
    this.#rooms.remove(room);
    this.#readMarks.forget(room);
    this.#sessions.get(room)?.channel.leave();
    this.#sessions.delete(room);
    this.status.forgetRoom(room);
    if (this.openRoom === room) this.openRoom = firstRooms[0];
    this.#show();
  }

  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    this.#show();
  }

  send(text: string): void {
    this.#outbox.add(this.openRoom, text);
    this.room.send();
    this.#changed();
  }

  retry(id: string): void {
    this.#outbox.markWaiting(id);
    this.room.send();
    this.#changed();
  }

  discard(id: string): void {
    this.#outbox.remove(id);
    this.#changed();
  }

  /** Asks again to join a room that the server refused. */
  rejoin(): void {
    const { session, channel } = this.#sessions.get(this.openRoom) ?? {};
    if (session && channel) channel.join(session);
  }

  #enter(room: string): void {
    if (this.#sessions.has(room)) return;
    const channel = this.#link.channel(room);
    const session = new RoomSession({
      ...{ room, channel, me: this.identity.user, outbox: this.#outbox, readMarks: this.#readMarks },
      later: this.#options.later,
      onChange: this.#changed,
      onReturn: (result) =>
        result ? this.status.receiveRoomReturn(room, result) : this.status.forgetRoom(room),
    });
    this.#sessions.set(room, { session, channel });
    if (this.#isStarted) channel.join(session);
  }

  #show(): void {
    for (const { session } of this.#sessions.values())
      session.show(session.room === this.openRoom, this.#isVisible);
    this.#changed();
  }

  #changed = (): void => {
    for (const listener of this.#listeners) listener();
  };
}
