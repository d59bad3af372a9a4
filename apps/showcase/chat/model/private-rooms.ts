/** The private rooms of this person, and who is in them, as the server tells. Asks again whenever it says that they changed. */
import { nameProblem } from "../../server/text-rules.js";
import { idOfPrivate, privateRoomOf } from "./rooms.js";

export interface Member {
  user: string;
  name: string;
  role: "owner" | "member";
}

/** The methods of the application. All reject with what the server says. */
export interface RoomMethods {
  rooms(): Promise<readonly { room: string; title: string; role: Member["role"] }[]>;
  createRoom(argument: { title: string }): Promise<{ room: string }>;
  members(argument: { room: string }): Promise<readonly Member[]>;
  invite(argument: { room: string; name: string }): Promise<unknown>;
  removeMember(argument: { room: string; user: string }): Promise<unknown>;
  leaveRoom(argument: { room: string }): Promise<unknown>;
}

export interface PrivateRoom {
  /** As the page names it, with `private:` before the id. */
  room: string;
  title: string;
  isOwner: boolean;
  members: readonly Member[];
}

export interface PrivateRoomsOptions {
  methods: RoomMethods;
  /** Told of rooms that are new and rooms that are gone. */
  onRooms: (added: readonly string[], removed: readonly string[]) => void;
  onChange: () => void;
}

/** More would cover the page. */
const maxInvitations = 3;

export class PrivateRooms {
  readonly #options: PrivateRoomsOptions;
  #rooms: readonly PrivateRoom[] = [];
  #invitations: readonly string[] = [];
  /** Counts readings, so that an earlier one that comes late is dropped. */
  #turn = 0;
  /** Whether the server has told yet. */
  isKnown = false;

  constructor(options: PrivateRoomsOptions) {
    this.#options = options;
  }

  get list(): readonly PrivateRoom[] {
    return this.#rooms;
  }

  /** Rooms that somebody invited this person to since the page was opened, and that they have not looked at yet. */
  get invitations(): readonly PrivateRoom[] {
    return this.#invitations.flatMap((room) => this.find(room) ?? []);
  }

  /** It is opened, or not wanted now. */
  dismiss(room: string): void {
    this.#invitations = this.#invitations.filter((each) => each !== room);
    this.#options.onChange();
  }

  find(room: string): PrivateRoom | undefined {
    return this.#rooms.find((each) => each.room === room);
  }

  /** Reads everything anew. Never rejects: what cannot be read now is read with the next connection. */
  async refresh(): Promise<void> {
    const turn = ++this.#turn;
    const rooms = await this.#read().catch(() => undefined);
    if (rooms === undefined || turn !== this.#turn) return;
    const names = (list: readonly PrivateRoom[]) => new Set(list.map(({ room }) => room));
    const [before, after] = [names(this.#rooms), names(rooms)];
    const invited = rooms.filter(({ room, isOwner }) => this.isKnown && !isOwner && !before.has(room));
    const kept = this.#invitations.filter((room) => after.has(room));
    this.#invitations = [...kept, ...invited.map(({ room }) => room)].slice(-maxInvitations);
    this.#rooms = rooms;
    this.isKnown = true;
    this.#options.onRooms(
      [...after].filter((room) => !before.has(room)),
      [...before].filter((room) => !after.has(room)),
    );
    this.#options.onChange();
  }

  /** @returns the new room, or what is wrong */
  async create(title: string): Promise<{ room: string } | { problem: string }> {
    const wrong = nameProblem(title)?.replace(/name\b/, "title");
    if (wrong !== undefined) return { problem: wrong };
    let room = "";
    const problem = await this.#change(async ({ createRoom }) => {
      room = privateRoomOf((await createRoom({ title })).room);
    });
    return problem === undefined ? { room } : { problem };
  }

  /** @returns what is wrong, if anything */
  async invite(room: string, name: string): Promise<string | undefined> {
    const wrong = nameProblem(name);
    if (wrong !== undefined) return wrong;
    return await this.#change(({ invite }) => invite({ room: idOfPrivate(room), name }));
  }

  async removeMember(room: string, user: string): Promise<string | undefined> {
    return await this.#change(({ removeMember }) => removeMember({ room: idOfPrivate(room), user }));
  }

  async leave(room: string): Promise<string | undefined> {
    return await this.#change(({ leaveRoom }) => leaveRoom({ room: idOfPrivate(room) }));
  }

  async #change(act: (methods: RoomMethods) => Promise<unknown>): Promise<string | undefined> {
    try {
      await act(this.#options.methods);
    } catch (error) {
      return textOf(error);
    }
    await this.refresh();
    return undefined;
  }

  async #read(): Promise<readonly PrivateRoom[]> {
    const { methods } = this.#options;
    const rooms = await methods.rooms();
    const read = await Promise.all(
      rooms.map(async ({ room, title, role }) => {
        // Somebody may just have been removed from it.
        const members = await methods.members({ room }).catch((): readonly Member[] => []);
        return { room: privateRoomOf(room), title, isOwner: role === "owner", members: sorted(members) };
      }),
    );
    return read.sort((a, b) => a.title.localeCompare(b.title));
  }
}

/** The owner, then the others by name. */
function sorted(members: readonly Member[]): readonly Member[] {
  const order = ({ role }: Member) => (role === "owner" ? 0 : 1);
  return [...members].sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name));
}

function textOf(error: unknown): string {
  const { message = "the server does not answer" } = (error ?? {}) as { message?: string };
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
