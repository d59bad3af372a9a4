/**
 * What moderators have said, as the rules of rooms go by it. Moderators write it over the server's HTTP interface with an
 * API key: `map_publish` and `map_remove` in the maps `sanctions` and `room-settings`. Here it is only read.
 */
import { reject } from "holdfast";
import { maps, type Store } from "./store.js";

/** In the map `sanctions`, by user id. */
export interface Sanction {
  readonly kind: "mute" | "ban";
  /** The person's name then, for the list. */
  readonly name?: string;
}

/** In the map `room-settings`, by channel. */
export interface RoomSettings {
  /** Least time between two messages of one person. */
  readonly slowModeSeconds?: number;
}

export const moderatedCode = 403;
/** Pages send again later what was refused with it. */
export const tooFastCode = 429;

const maxRemembered = 10_000;

export class Moderation {
  readonly #store: Store;
  readonly #now: () => number;
  /** When each person wrote last in a room with slow mode, oldest first. */
  readonly #lastWritten = new Map<string, number>();

  constructor(store: Store, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  async isBanned(user: string): Promise<boolean> {
    return user !== "" && (await this.#sanctionOf(user))?.kind === "ban";
  }

  /** Has the last word on a message. @throws Rejection where its author may not write, or not yet */
  async admit(user: string, channel: string): Promise<void> {
    if (user === "") return;
    const sanction = await this.#sanctionOf(user);
    if (sanction)
      reject(
        moderatedCode,
        sanction.kind === "ban" ? "a moderator has banned you" : "a moderator has muted you",
      );
    const { slowModeSeconds = 0 } = (await this.#store.read<RoomSettings>(maps.settings, channel)) ?? {};
    if (slowModeSeconds > 0) this.#admitSlowly(`${channel} ${user}`, slowModeSeconds);
  }

  #admitSlowly(key: string, seconds: number): void {
    const now = this.#now();
    const last = this.#lastWritten.get(key);
    if (last !== undefined && now - last < seconds * 1000)
      reject(tooFastCode, `slow mode: one message in ${seconds} s`);
    this.#lastWritten.delete(key);
    this.#lastWritten.set(key, now);
    if (this.#lastWritten.size > maxRemembered)
      this.#lastWritten.delete(this.#lastWritten.keys().next().value as string);
  }

  async #sanctionOf(user: string): Promise<Sanction | undefined> {
    return await this.#store.read<Sanction>(maps.sanctions, user);
  }
}
