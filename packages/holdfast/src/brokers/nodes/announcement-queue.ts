/**
 * Announcements to this node's readers, a limited number per turn of the event loop: when a node with thousands of clients dies, more
 * leaves than a channel's ring holds would drop each other before they are delivered. Keeps their order.
 */
import type { Clock } from "../../time/clock.js";
import type { ClientInfo } from "../../wire/messages.js";

export interface Announcement {
  readonly kind: "join" | "leave";
  readonly channel: string;
  readonly info: ClientInfo;
}

/** A tenth of what a ring holds by default. */
const maxPerTurn = 50;

export class AnnouncementQueue {
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #max: number;
  readonly #tell: (announcement: Announcement) => void;
  #waiting: Announcement[] = [];
  /** In this turn. */
  #told = 0;
  #cancelTurn: (() => void) | undefined;

  /** @param max most announcements that wait; further ones do not wait their turn */
  constructor(clock: Pick<Clock, "setTimer">, max: number, tell: (announcement: Announcement) => void) {
    this.#clock = clock;
    this.#max = max;
    this.#tell = tell;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(announcement: Announcement): void {
    this.#waiting.push(announcement);
    if (this.#waiting.length > this.#max) this.#tellAll(this.#waiting.splice(0, maxPerTurn));
    else if (this.#told < maxPerTurn) this.#tellSome();
    this.#cancelTurn ??= this.#clock.setTimer(() => this.#turn(), 0);
  }

  clear(): void {
    this.#waiting = [];
    this.#cancelTurn?.();
    this.#cancelTurn = undefined;
  }

  #turn(): void {
    this.#cancelTurn = undefined;
    this.#told = 0;
    this.#tellSome();
    if (this.#told > 0) this.#cancelTurn = this.#clock.setTimer(() => this.#turn(), 0);
  }

  #tellSome(): void {
    this.#tellAll(this.#waiting.splice(0, maxPerTurn));
  }

  #tellAll(announcements: readonly Announcement[]): void {
    this.#told += announcements.length;
    for (const announcement of announcements) this.#tell(announcement);
  }
}
