/** The others' pointers: where they were seen last, and on the way there. Gone as soon as their windows are. */
import type { ClientInfo } from "@holdfast/client";
import { type CursorEvent, updatesPerSecond } from "../server/board.js";
import type { Time } from "./canvas.js";

export interface Cursor {
  /** Id of the connection. */
  readonly client: string;
  readonly user: string;
  readonly name: string;
  /** What it draws with; undefined while it does not draw. */
  readonly colour: number | undefined;
  /** Where it is shown. */
  readonly x: number;
  readonly y: number;
}

interface Moving extends Cursor {
  readonly toX: number;
  readonly toY: number;
}

const maxCursors = 200;
const maxGone = 1000;
/** How fast the way to where a pointer was seen becomes shorter: two thirds in that time. */
const settleMs = 60;
const close = 1;

export class Cursors {
  readonly #byClient = new Map<string, Moving>();
  /** Connections that have ended: what they sent last may come after that. */
  readonly #gone = new Set<string>();

  get list(): readonly Cursor[] {
    return [...this.#byClient.values()];
  }

  receive(info: ClientInfo, { x, y, colour }: CursorEvent): void {
    const { client, user, connInfo } = info;
    const before = this.#byClient.get(client);
    if (x === undefined || y === undefined || this.#gone.has(client)) {
      this.#byClient.delete(client);
      return;
    }
    const { name } = (connInfo ?? {}) as { readonly name?: string };
    const at = before ?? { x, y };
    this.#byClient.set(client, {
      ...{ client, user, colour, name: name ?? "someone" },
      ...{ x: at.x, y: at.y, toX: x, toY: y },
    });
    if (this.#byClient.size > maxCursors) this.#byClient.delete(this.#byClient.keys().next().value as string);
  }

  leave(client: string): void {
    this.#byClient.delete(client);
    this.#gone.add(client);
    if (this.#gone.size > maxGone) this.#gone.delete(this.#gone.keys().next().value as string);
  }

  join(client: string): void {
    this.#gone.delete(client);
  }

  clear(): void {
    this.#byClient.clear();
  }

  /** Moves all on by some time. @returns whether there is way left to go */
  step(elapsedMs: number, isCalm: boolean): boolean {
    const share = isCalm ? 1 : 1 - Math.exp(-elapsedMs / settleMs);
    let isMoving = false;
    for (const [client, cursor] of this.#byClient) {
      const { x, y, toX, toY } = cursor;
      if (x === toX && y === toY) continue;
      const isThere = isCalm || Math.hypot(toX - x, toY - y) <= close;
      const next = isThere ? { x: toX, y: toY } : { x: x + (toX - x) * share, y: y + (toY - y) * share };
      this.#byClient.set(client, { ...cursor, ...next });
      isMoving ||= !isThere;
    }
    return isMoving;
  }
}

export interface PointerOptions extends Time {
  readonly publish: (event: CursorEvent) => Promise<unknown>;
  /** Nothing waits for a line: by then the pointer is elsewhere. */
  readonly isLive: () => boolean;
}

const pauseMs = 1000 / updatesPerSecond;

export class Pointer {
  readonly #options: PointerOptions;
  #next: CursorEvent | undefined;
  #isBusy = false;
  #isClosed = false;
  #callOff: (() => void) | undefined;

  constructor(options: PointerOptions) {
    this.#options = options;
  }

  tell(event: CursorEvent): void {
    this.#next = event;
    if (!this.#isBusy) void this.#send();
  }

  close(): void {
    this.#isClosed = true;
    this.#callOff?.();
  }

  async #send(): Promise<void> {
    const { clock, later, publish, isLive } = this.#options;
    const event = this.#next;
    this.#next = undefined;
    if (!event || this.#isClosed || !isLive()) {
      this.#isBusy = false;
      return;
    }
    this.#isBusy = true;
    const sentAt = clock();
    // Whatever went wrong, the next place is told anew.
    await publish(event).catch(() => {});
    if (this.#isClosed) return;
    this.#callOff = later(Math.max(0, sentAt + pauseMs - clock()), () => void this.#send());
  }
}
