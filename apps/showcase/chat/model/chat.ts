/**
 * The chat as a whole: which rooms there are, which one is open, and what the person does. The view reads it and is
 * told of every change; ChatLink is all it knows of the network.
 */
import { ConnectionStatus } from "../../shared/line/connection-status.js";
import type { Account } from "../../shared/session/entrance.js";
import type { PageStorage } from "../../shared/session/storage.js";
import type { Author, PublisherInfo, ReceivedPublication } from "./message.js";
import { type PrivateRoom, PrivateRooms, type RoomMethods } from "./private-rooms.js";
import { type Later, Outbox, type OutboxEntry } from "./room-sender.js";
import { type RoomChannel, RoomSession, type SubscribedEvent } from "./room-session.js";
import { firstRooms, isPrivate, ReadMarks, RoomList } from "./rooms.js";

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

export interface LinkEvents {
  status: ConnectionStatus;
  /** The rooms that come back with a new connection. */
  rooms: () => Iterable<string>;
  onConnected: () => void;
  /** The server does not know the session any more. */
  onUnknown: () => void;
  /** The person has logged out, in another window. */
  onLoggedOut: () => void;
  /** The server says that private rooms of this person have changed. */
  onRoomsChanged: () => void;
}

/** The one connection of the page. */
export interface ChatLink {
  readonly methods: RoomMethods;
  connect(): void;
  /** Drops the connection, or the wait for one, and opens it at once. */
  reconnect(): void;
  close(): void;
  channel(room: string): LinkedChannel;
}

export interface ChatOptions {
  storage: PageStorage;
  account: Account;
  newId: () => string;
  clock: () => number;
  later: Later;
  createLink: (events: LinkEvents) => ChatLink;
  /** The session is over: because the server has forgotten it, or by the person's wish. */
  onSessionEnd: (why: "unknown" | "logged out") => void;
}

export class Chat {
  readonly privateRooms: PrivateRooms;
  readonly status: ConnectionStatus;
  openRoom: string = firstRooms[0];
  readonly #options: ChatOptions;
  readonly #rooms: RoomList;
  readonly #outbox: Outbox;
  readonly #readMarks: ReadMarks;
  readonly #link: ChatLink;
  readonly #sessions = new Map<string, { session: RoomSession; channel: LinkedChannel }>();
  readonly #listeners = new Set<() => void>();
  #account: Account;
  #isVisible = true;
  #isStarted = false;

  constructor(options: ChatOptions) {
    const { storage, account, newId, clock, createLink, onSessionEnd } = options;
    this.#options = options;
    this.#account = account;
    this.status = new ConnectionStatus(clock, this.#changed);
    this.#rooms = new RoomList(storage);
    this.#outbox = new Outbox(storage, clock, newId);
    this.#readMarks = new ReadMarks(storage);
    this.#link = createLink({
      status: this.status,
      rooms: () => this.#sessions.keys(),
      onConnected: () => {
        // Guests have none.
        if (!this.isGuest) void this.privateRooms.refresh();
      },
      onRoomsChanged: () => void this.privateRooms.refresh(),
      onUnknown: () => onSessionEnd("unknown"),
      onLoggedOut: () => onSessionEnd("logged out"),
    });
    this.privateRooms = new PrivateRooms({
      methods: this.#link.methods,
      onRooms: (added, removed) => {
        for (const room of removed) this.#exit(room);
        for (const room of added) this.#enterAllowed(room);
        this.#show();
      },
      onChange: this.#changed,
    });
    for (const room of [...this.#rooms.names, ...this.#outbox.rooms]) this.#enter(room);
    this.#show();
  }

  /** Calls a listener after every change; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get me(): Author {
    return this.#account;
  }

  /** Somebody without a name: may read, and is asked for one before writing. */
  get isGuest(): boolean {
    return this.#account.user === "";
  }

  /** Public rooms; private ones are in `privateRooms`. */
  get rooms(): RoomSession[] {
    return this.#rooms.names.flatMap((room) => this.#sessions.get(room)?.session ?? []);
  }

  sessionOf(room: string): RoomSession | undefined {
    return this.#sessions.get(room)?.session;
  }

  get room(): RoomSession {
    // The first rooms can't be left, and the open one is always one that was entered.
    return this.#sessions.get(this.openRoom)?.session as RoomSession;
  }

  /** The open room, if it is private and known by now. */
  get privateRoom(): PrivateRoom | undefined {
    return this.privateRooms.find(this.openRoom);
  }

  titleOf(room: string): string {
    return isPrivate(room) ? (this.privateRooms.find(room)?.title ?? "private room") : room;
  }

  /** How a room is spoken of in a sentence. */
  labelOf(room: string): string {
    return isPrivate(room) ? this.titleOf(room) : `#${room}`;
  }

  get unread(): number {
    const names = [...this.#rooms.names, ...this.privateRooms.list.map(({ room }) => room)];
    return names.reduce((sum, room) => sum + (this.sessionOf(room)?.unread ?? 0), 0);
  }

  get pending(): OutboxEntry[] {
    return this.#outbox.entriesOf(this.openRoom);
  }

  canLeave(room: string): boolean {
    return this.#rooms.canRemove(room);
  }

  /** Connects, and joins the rooms. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#link.connect();
    for (const { session, channel } of this.#sessions.values()) channel.join(session);
  }

  /** The server knows this person under a new name, or as somebody new: connects as that. */
  become(account: Account): void {
    this.#account = account;
    if (this.#isStarted) this.#link.reconnect();
    this.#changed();
  }

  tryNow(): void {
    this.#link.reconnect();
  }

  /** Ends the connection, for good. */
  close(): void {
    this.#link.close();
  }

  /** Opens a room, and adds it to the list when it is new. Returns what is wrong with its name, if anything. */
  open(room: string): string | undefined {
    const problem = isPrivate(room) ? undefined : this.#rooms.add(room);
    if (problem !== undefined) return problem;
    this.#enter(room);
    this.openRoom = room;
    if (isPrivate(room)) this.privateRooms.dismiss(room);
    this.#show();
    return undefined;
  }

  /** Takes a room off the list. What is still in its outbox stays there, and is sent after the next reload. */
  leave(room: string): void {
    if (!this.#rooms.canRemove(room)) return;
    this.#rooms.remove(room);
    this.#exit(room);
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
    const user = () => this.#account.user;
    const session = new RoomSession({
      ...{ room, channel, outbox: this.#outbox, readMarks: this.#readMarks },
      get me() {
        return user();
      },
      later: this.#options.later,
      onChange: this.#changed,
      onReturn: (result) =>
        result ? this.status.receiveRoomReturn(room, result) : this.status.forgetRoom(room),
    });
    this.#sessions.set(room, { session, channel });
    if (this.#isStarted) channel.join(session);
  }

  /** A room that was asked for before one was invited had been refused. */
  #enterAllowed(room: string): void {
    const { session, channel } = this.#sessions.get(room) ?? {};
    if (session?.phase === "refused") channel?.join(session);
    else this.#enter(room);
  }

  #exit(room: string): void {
    this.#readMarks.forget(room);
    this.#sessions.get(room)?.channel.leave();
    this.#sessions.delete(room);
    this.status.forgetRoom(room);
    if (this.openRoom === room) this.openRoom = firstRooms[0];
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
