/**
 * What the application keeps, and does to its own server: maps in channels that no client may use, which live where all
 * channels do, and so outlast a restart on a store. Bound to the server once that is made, since each needs the other.
 */

import type { HoldfastServer } from "holdfast";
import { HoldfastError } from "holdfast";

/** The maps, by their channels. */
export const maps = {
  /** Who has which name. */
  names: "names",
  /** Who may not write, or not be here. */
  sanctions: "sanctions",
  /** What moderators have set for a room, by its channel. */
  settings: "room-settings",
  /** Who may use a private room. */
  members: (room: string) => `members:${room}`,
  /** Which private rooms a person has. */
  memberships: (user: string) => `memberships:${user}`,
} as const;

export type StoreServer = Pick<
  HoldfastServer,
  | "publish"
  | "history"
  | "presenceStats"
  | "stats"
  | "entry"
  | "entries"
  | "remove"
  | "clear"
  | "removeHistory"
  | "unsubscribe"
  | "disconnect"
  | "send"
>;

export class Store {
  #server: StoreServer | undefined;

  use(server: StoreServer): void {
    this.#server = server;
  }

  get server(): StoreServer {
    if (this.#server === undefined)
      throw new HoldfastError("HF_SERVER_STATE", "the showcase has no server yet; call use(server) first");
    return this.#server;
  }

  async read<T>(map: string, key: string): Promise<T | undefined> {
    return (await this.server.entry(map, key))?.data as T | undefined;
  }

  async write<T>(map: string, key: string, value: T): Promise<void> {
    await this.server.publish(map, value, { key });
  }

  /** @returns what the key has then: the value, or that of somebody who came first */
  async claim<T>(map: string, key: string, value: T): Promise<T> {
    await this.server.publish(map, value, { key, keyMode: "if_new" });
    return (await this.read<T>(map, key)) ?? value;
  }

  async remove(map: string, key: string): Promise<void> {
    await this.server.remove(map, key);
  }

  async list<T>(map: string): Promise<readonly { readonly key: string; readonly value: T }[]> {
    const found: { key: string; value: T }[] = [];
    for await (const { key, data } of this.server.entries(map)) found.push({ key, value: data as T });
    return found;
  }
}
