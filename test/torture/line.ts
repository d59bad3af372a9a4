/** Keeps one connection up: a new one follows each that ended, at once but for a little chance, until it is stopped. */
import { Connection, type ConnectionEvents } from "./connection.js";
import type { Random } from "./random.js";

export interface LineOptions extends ConnectionEvents {
  readonly url: string;
  /** As whom it connects. @default anonymous */
  readonly user?: string;
  readonly random: Random;
}

/** Before the first try again; twice as much before each further one, so that a server that starts is not held up. */
const firstDelayMs = 100;
const mostDelayMs = 800;

/** @param failures in a row, this one included */
export function delayAfter(failures: number, random: Random): number {
  return random.integer(0, Math.min(mostDelayMs, firstDelayMs * 2 ** (failures - 1)));
}

export class Line {
  readonly #options: LineOptions;
  /** The one that is open. */
  #connection: Connection | undefined;
  /** The newest, whatever its state. */
  #newest: Connection | undefined;
  #waiting: ((connection: Connection | undefined) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Tries in a row that led to no connection. */
  #failures = 0;
  #isStopped = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#connect();
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** The open connection, as soon as there is one; undefined when the line has been stopped. */
  connected(): Promise<Connection | undefined> {
    if (this.#connection !== undefined || this.#isStopped) return Promise.resolve(this.#connection);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#newest?.terminate();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  #connect(): void {
    const { url, user, random, onPush, onFailure } = this.#options;
    this.#newest = new Connection(url, {
      user,
      onOpen: (connection) => {
        this.#connection = connection;
        this.#failures = 0;
        this.#options.onOpen(connection);
        for (const resolve of this.#waiting.splice(0)) resolve(connection);
      },
      onPush,
      onFailure,
      onClose: (connection) => {
        this.#connection = undefined;
        this.#options.onClose(connection);
        if (this.#isStopped) return;
        this.#timer = setTimeout(() => this.#connect(), delayAfter(++this.#failures, random));
      },
    });
  }
}
