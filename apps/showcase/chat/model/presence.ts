/** Who is in a room: the server's list, kept up to date by joins and leaves. A person may have several windows open. */
import { nameOf, type PublisherInfo } from "./message.js";

export interface Person {
  /** Unique within a room. */
  key: string;
  user: string;
  name: string;
  windows: number;
}

type Change = { kind: "join" | "leave"; info: PublisherInfo };

export class Presence {
  #clients = new Map<string, PublisherInfo>();
  /** What happened since the list was asked for; undefined when none is on its way. */
  #sinceAsked: Change[] | undefined;

  /** Says that a list was asked for. It may be older than joins and leaves that arrive before it. */
  expectList(): void {
    this.#sinceAsked = [];
  }

  receiveList(clients: Readonly<Record<string, PublisherInfo>>): void {
    this.#clients = new Map(Object.entries(clients));
    const changes = this.#sinceAsked ?? [];
    this.#sinceAsked = undefined;
    for (const change of changes) this.#apply(change);
  }

  receiveJoin(info: PublisherInfo): void {
    this.#receive({ kind: "join", info });
  }

  receiveLeave(info: PublisherInfo): void {
    this.#receive({ kind: "leave", info });
  }

  /** Distinct people by name; `me` comes first. */
  people(me: string): Person[] {
    const people = new Map<string, Person>();
    for (const [client, info] of this.#clients) {
      // Without a user id, nothing says that two windows belong together.
      const key = info.user === "" ? `client ${client}` : `user ${info.user}`;
      const windows = (people.get(key)?.windows ?? 0) + 1;
      people.set(key, { key, user: info.user, name: nameOf(info), windows });
    }
    const order = (person: Person) => (person.user === me && me !== "" ? 0 : 1);
    return [...people.values()].sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name));
  }

  #receive(change: Change): void {
    this.#sinceAsked?.push(change);
    this.#apply(change);
  }

  #apply({ kind, info }: Change): void {
    // A client that is there already moves to the end, so that the newest name of a person counts.
    this.#clients.delete(info.client);
    if (kind === "join") this.#clients.set(info.client, info);
  }
}
