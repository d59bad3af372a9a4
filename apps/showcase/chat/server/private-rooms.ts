/**
 * Private rooms: who is in which, and who may change that. The map of a room's members is what the rules go by; that of a
 * person's rooms is for finding them. Ids are random, so that knowing a title says nothing of whether there is such a room.
 */
import { randomBytes } from "node:crypto";
import { reject } from "holdfast";
import { type NameRecord, nameKey } from "../../server/sessions.js";
import { maps, type Store } from "../../server/store.js";
import { canonicalName, tidyName } from "../../server/text-rules.js";

export interface Member {
  readonly name: string;
  readonly role: "owner" | "member";
}

export interface Membership {
  readonly title: string;
  readonly role: Member["role"];
}

export interface PrivateRoom extends Membership {
  /** The id; the channel is `private:{room}`. */
  readonly room: string;
}

/** A person, as methods know it. */
export interface Person {
  readonly id: string;
  readonly name: string;
}

export const maxRoomsOfPerson = 50;
export const maxMembers = 100;
export const notAllowedCode = 403;
export const unknownCode = 404;
export const fullCode = 409;

/** What the page is told, so that it reads its list of rooms again. */
export const roomsChanged = { kind: "rooms" } as const;

export class PrivateRooms {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async isMember(room: string, user: string): Promise<boolean> {
    return user !== "" && (await this.#memberOf(room, user)) !== undefined;
  }

  /** Rooms of a person, in no particular order. */
  async roomsOf(user: string): Promise<readonly PrivateRoom[]> {
    const rooms = await this.#store.list<Membership>(maps.memberships(user));
    return rooms.map(({ key, value }) => ({ room: key, ...value }));
  }

  async create(owner: Person, title: string): Promise<PrivateRoom> {
    await this.#assertHasPlace(owner.id, "you are");
    const room = randomBytes(12).toString("base64url");
    const tidy = tidyName(title);
    await this.#add(room, tidy, owner, "owner");
    return { room, title: tidy, role: "owner" };
  }

  /** @throws Rejection unless the person is in the room */
  async members(person: Person, room: string): Promise<readonly (Member & { readonly user: string })[]> {
    await this.#assertMember(room, person.id);
    const members = await this.#store.list<Member>(maps.members(room));
    return members.map(({ key, value }) => ({ user: key, ...value }));
  }

  /** @throws Rejection unless the person owns the room, and there is somebody of that name */
  async invite(owner: Person, room: string, name: string): Promise<Member & { readonly user: string }> {
    await this.#assertOwner(room, owner.id);
    const found = await this.#store.read<NameRecord>(maps.names, nameKey(canonicalName(name)));
    if (found === undefined) return reject(unknownCode, `there is nobody named ${tidyName(name)}`);
    const present = await this.#memberOf(room, found.user);
    if (present) return { user: found.user, ...present };
    const members = await this.#store.list(maps.members(room));
    if (members.length >= maxMembers) reject(fullCode, `a room has up to ${maxMembers} members`);
    await this.#assertHasPlace(found.user, `${found.name} is`);
    await this.#add(
      room,
      await this.#titleOf(room, owner.id),
      { id: found.user, name: found.name },
      "member",
    );
    return { user: found.user, name: found.name, role: "member" };
  }

  /** @throws Rejection unless the person owns the room; owners leave it by themselves */
  async remove(owner: Person, room: string, user: string): Promise<void> {
    await this.#assertOwner(room, owner.id);
    if (user === owner.id) reject(notAllowedCode, "an owner cannot be removed; leaving the room closes it");
    await this.#takeAway(room, user);
  }

  /** Without its owner a room ends: everybody is removed, and what was said is forgotten. */
  async leave(person: Person, room: string): Promise<void> {
    const { role } = await this.#assertMember(room, person.id);
    if (role !== "owner") return await this.#takeAway(room, person.id);
    const members = await this.#store.list<Member>(maps.members(room));
    // The owner last: should this break off, somebody is left who can do it again.
    const others = members.filter(({ key }) => key !== person.id);
    for (const { key } of others) await this.#takeAway(room, key);
    await this.#store.server.removeHistory(`private:${room}`);
    await this.#takeAway(room, person.id);
  }

  /** Has a new name of a person shown in all its rooms. */
  async rename({ id, name }: Person): Promise<void> {
    for (const { room, role } of await this.roomsOf(id)) {
      await this.#store.write<Member>(maps.members(room), id, { name, role });
      await this.#tellMembers(room);
    }
  }

  async #add(room: string, title: string, { id, name }: Person, role: Member["role"]): Promise<void> {
    await this.#store.write<Member>(maps.members(room), id, { name, role });
    await this.#store.write<Membership>(maps.memberships(id), room, { title, role });
    await this.#tellMembers(room);
  }

  async #takeAway(room: string, user: string): Promise<void> {
    await this.#store.remove(maps.members(room), user);
    await this.#store.server.unsubscribe(user, `private:${room}`);
    await this.#store.remove(maps.memberships(user), room);
    await this.#store.server.send(user, roomsChanged);
    await this.#tellMembers(room);
  }

  async #tellMembers(room: string): Promise<void> {
    for (const { key } of await this.#store.list(maps.members(room)))
      await this.#store.server.send(key, roomsChanged);
  }

  async #memberOf(room: string, user: string): Promise<Member | undefined> {
    return await this.#store.read<Member>(maps.members(room), user);
  }

  /** One answer for rooms that one is not in and rooms that there are not. */
  async #assertMember(room: string, user: string): Promise<Member> {
    return (await this.#memberOf(room, user)) ?? reject(unknownCode, "you are not a member of that room");
  }

  async #assertOwner(room: string, user: string): Promise<void> {
    const { role } = await this.#assertMember(room, user);
    if (role !== "owner") reject(notAllowedCode, "only the owner of a room can do that");
  }

  async #assertHasPlace(user: string, who: string): Promise<void> {
    const rooms = await this.#store.list(maps.memberships(user));
    if (rooms.length >= maxRoomsOfPerson)
      reject(fullCode, `${who} already in ${maxRoomsOfPerson} private rooms`);
  }

  async #titleOf(room: string, owner: string): Promise<string> {
    return (await this.#store.read<Membership>(maps.memberships(owner), room))?.title ?? room;
  }
}
