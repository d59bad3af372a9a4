/**
 * The list of public rooms of this window: three to begin with, and those the person adds. A room is a channel. Private
 * rooms are known by the start of their names; which ones there are, the server says.
 */
import type { PageStorage } from "../../shared/session/storage.js";
import { isPosition, type Position } from "./timeline.js";

export const firstRooms = ["lobby", "random", "tech"] as const;

/** A connection can hold only so many channels, and so can a list that a person reads. */
const maxRooms = 50;
const maxRoomNameLength = 40;

const privateStart = "private:";
const privateRoom = /^private:[A-Za-z0-9_-]{1,64}$/;

export function isPrivate(room: string): boolean {
  return room.startsWith(privateStart);
}

/** The room of an id that the server has given. */
export function privateRoomOf(id: string): string {
  return privateStart + id;
}

export function idOfPrivate(room: string): string {
  return room.slice(privateStart.length);
}

export function channelOf(room: string): string {
  return isPrivate(room) ? room : `chat:${room}`;
}

export function hashOf(room: string): string {
  return `#${room}`;
}

/** The room named by the fragment of an address; undefined when it names none that can exist. */
export function roomFromHash(hash: string): string | undefined {
  const room = hash.replace(/^#/, "");
  return privateRoom.test(room) || roomNameProblem(room) === undefined ? room : undefined;
}

/** Says what is wrong with a room's name; undefined when nothing is. */
export function roomNameProblem(name: string): string | undefined {
  if (name === "") return "Please enter a name for the room.";
  if (name.length > maxRoomNameLength)
    return `A room's name can have up to ${maxRoomNameLength} characters; this one has ${name.length}.`;
  const unfit = [...name].find((character) => !/[A-Za-z0-9_-]/.test(character));
  if (unfit === undefined) return undefined;
  const shown = unfit === " " ? "a space" : `“${unfit}”`;
  return `A room's name may contain letters a–z, digits, - and _, but not ${shown}.`;
}

export class RoomList {
  readonly #storage: PageStorage;
  #names: string[];

  constructor(storage: PageStorage) {
    this.#storage = storage;
    const kept = storage.read("rooms");
    const names = Array.isArray(kept) ? kept.filter((name) => typeof name === "string") : [];
    const usable = names.filter((name) => roomNameProblem(name) === undefined);
    this.#names = [...new Set([...firstRooms, ...usable])].slice(0, maxRooms);
  }

  get names(): readonly string[] {
    return this.#names;
  }

  has(room: string): boolean {
    return this.#names.includes(room);
  }

  canRemove(room: string): boolean {
    return this.has(room) && !(firstRooms as readonly string[]).includes(room);
  }

  /** Adds a room to the end of the list, and says why it could not. */
  add(room: string): string | undefined {
    const problem = roomNameProblem(room);
    if (problem !== undefined || this.has(room)) return problem;
    if (this.#names.length >= maxRooms) return `You can have up to ${maxRooms} rooms: leave one first.`;
    this.#keep([...this.#names, room]);
    return undefined;
  }

  remove(room: string): void {
    if (this.canRemove(room)) this.#keep(this.#names.filter((name) => name !== room));
  }

  #keep(names: string[]): void {
    this.#names = names;
    this.#storage.write("rooms", names);
  }
}

export class ReadMarks {
  readonly #storage: PageStorage;

  constructor(storage: PageStorage) {
    this.#storage = storage;
  }

  mark(room: string, { epoch, offset }: Position): void {
    this.#storage.write(`read/${room}`, { epoch, offset });
  }

  forget(room: string): void {
    this.#storage.remove(`read/${room}`);
  }

  /** How many publications came since the room was read last; a room never read has nothing unread. */
  countSince(room: string, position: Position): number {
    const mark = this.#storage.read(`read/${room}`);
    if (!isPosition(mark)) {
      this.mark(room, position);
      return 0;
    }
    return mark.epoch === position.epoch ? Math.max(0, position.offset - mark.offset) : position.offset;
  }
}
