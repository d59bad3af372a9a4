/**
 * What a person is told about the connection: whether it is live, when the next attempt comes, and what became of the
 * messages that were missed. Fed by events, read at any time; knows no timers.
 */

export type ConnectionState =
  | { state: "connecting"; attempt: number }
  /** The next attempt starts at `retryAt`. */
  | { state: "retrying"; attempt: number; retryAt: number }
  | { state: "live" }
  /** The device itself says that it has no network. */
  | { state: "offline" }
  /** The server, or this page, ended the connection for good. */
  | { state: "ended"; code: number; reason: string };

/** What became of the missed messages when the connection, or one room's subscription, came back. */
export interface Return {
  at: number;
  recovered: number;
  /** The rooms whose missed messages could not all be recovered. */
  lostRooms: readonly string[];
}

export type RoomReturn = { isRecovered: true; count: number } | { isRecovered: false };

const maxKeptDelays = 20;

export class ConnectionStatus {
  readonly #clock: () => number;
  readonly #onChange: () => void;
  #state: ConnectionState = { state: "connecting", attempt: 1 };
  #isDeviceOnline = true;
  #wasLive = false;
  /** Rooms that have still to say what they missed. */
  #awaited = new Set<string>();
  #gathered: Omit<Return, "at"> = { recovered: 0, lostRooms: [] };
  #lastReturn: Return | undefined;
  #retryDelaysMs: number[] = [];
  #recoveredTotal = 0;

  constructor(clock: () => number, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get current(): ConnectionState {
    const isTrying = this.#state.state === "connecting" || this.#state.state === "retrying";
    return isTrying && !this.#isDeviceOnline ? { state: "offline" } : this.#state;
  }

  /** Undefined until every room is back after the latest break. */
  get lastReturn(): Return | undefined {
    return this.#lastReturn;
  }

  /** The delays before the attempts since the latest break, oldest first. */
  get retryDelaysMs(): readonly number[] {
    return this.#retryDelaysMs;
  }

  get recoveredTotal(): number {
    return this.#recoveredTotal;
  }

  receiveConnecting(): void {
    this.#lastReturn = undefined;
    this.#awaited.clear();
    this.#retryDelaysMs = [];
    this.#state = { state: "connecting", attempt: this.#wasLive ? 0 : 1 };
    this.#onChange();
  }

  receiveRetryDelay(delayMs: number): void {
    const attempt = "attempt" in this.#state ? this.#state.attempt + 1 : 1;
    this.#state = { state: "retrying", attempt, retryAt: this.#clock() + delayMs };
    this.#retryDelaysMs = [...this.#retryDelaysMs, delayMs].slice(-maxKeptDelays);
    this.#onChange();
  }

  /** @param rooms those that are subscribed again on this connection */
  receiveConnected(rooms: Iterable<string>): void {
    this.#state = { state: "live" };
    this.#awaited = new Set(this.#wasLive ? rooms : []);
    this.#gathered = { recovered: 0, lostRooms: [] };
    this.#wasLive = true;
    this.#onChange();
  }

  receiveDisconnected(code: number, reason: string): void {
    this.#state = { state: "ended", code, reason };
    this.#onChange();
  }

  receiveDeviceOnline(isOnline: boolean): void {
    this.#isDeviceOnline = isOnline;
    // Attempts start at once when a device comes back.
    if (isOnline && this.#state.state === "retrying")
      this.#state = { state: "connecting", attempt: this.#state.attempt };
    this.#onChange();
  }

  receiveRoomReturn(room: string, result: RoomReturn): void {
    if (result.isRecovered) this.#recoveredTotal += result.count;
    if (this.#awaited.size === 0) this.#gathered = { recovered: 0, lostRooms: [] };
    const { recovered, lostRooms } = this.#gathered;
    this.#gathered = result.isRecovered
      ? { recovered: recovered + result.count, lostRooms }
      : { recovered, lostRooms: [...lostRooms, room] };
    this.#settle(room);
  }

  /** A room that has nothing to tell: it was joined for the first time, left, or refused. */
  forgetRoom(room: string): void {
    if (this.#awaited.has(room)) this.#settle(room);
  }

  #settle(room: string): void {
    this.#awaited.delete(room);
    if (this.#awaited.size === 0) this.#lastReturn = { at: this.#clock(), ...this.#gathered };
    this.#onChange();
  }
}

export interface StatusText {
  /** One word, for the badge. */
  label: string;
  /** What else there is to say, without anything that changes by the second. */
  detail: string;
  /** The whole seconds to the next attempt. */
  countdown: number | undefined;
}

export function describeState(status: ConnectionState, now: number): StatusText {
  switch (status.state) {
    case "live":
      return { label: "Live", detail: "", countdown: undefined };
    case "offline":
      return { label: "Offline", detail: "this device has no network", countdown: undefined };
    case "ended":
      return { label: "Offline", detail: `${status.reason} (${status.code})`, countdown: undefined };
    case "connecting":
      return { label: "Connecting", detail: attemptText(status.attempt), countdown: undefined };
    case "retrying": {
      const left = Math.max(0, Math.ceil((status.retryAt - now) / 1000));
      const countdown = left > 0 ? left : undefined;
      return { label: "Connecting", detail: attemptText(status.attempt), countdown };
    }
  }
}

export function describeReturn({ recovered, lostRooms }: Return): string {
  if (lostRooms.length > 0) return "Back: some history could not be recovered, reloaded the latest";
  if (recovered === 0) return "Back: no messages were missed";
  return `Back: recovered ${recovered} missed ${recovered === 1 ? "message" : "messages"}`;
}

function attemptText(attempt: number): string {
  return attempt > 1 ? `attempt ${attempt}` : "";
}
