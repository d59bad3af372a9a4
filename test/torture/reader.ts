/**
 * A subscriber on the plain client: reads its channels, recovers after every cut from where it was, and notes what it is
 * delivered and told, in the order in which it comes.
 */
import type { Answer, Connection, WirePublication, WirePush } from "./connection.js";
import type { Position, PublicationId, ReaderEvent, Reading, Recorder } from "./history.js";
import { Line, type LineOptions } from "./line.js";

export interface ReaderOptions extends Pick<LineOptions, "url" | "random" | "onFailure"> {
  readonly name: string;
  readonly channels: readonly string[];
  /** Asks for everything from the beginning of the logs, where others begin at the head. */
  readonly startsAtBeginning: boolean;
  /** Asks for error 112 in place of `recovered: false`. */
  readonly wantsError: boolean;
  /** Asks for publications that are not tagged. */
  readonly onlyUntagged?: boolean;
  readonly recorder: Recorder;
}

/** What all kinds of readers offer to a run. */
export interface TortureReader {
  readonly name: string;
  /** As the server knows it; undefined where it is anonymous. */
  readonly user: string | undefined;
  readonly localPort: number | undefined;
  readonly counts: { delivered: number; told: number };
  readonly channels: readonly string[];
  /** Up to where it has come. */
  positionIn(channel: string): Position | undefined;
  pause(ms: number): void;
  leave(awayMs: number): void;
  stop(): void;
}

interface Seat {
  readonly reading: Reading;
  position: Position | undefined;
  /** Whether the server said that it can go on from a position. */
  isRecoverable: boolean;
  isAway: boolean;
  /** Counts what was begun for it, so that a retry of what is over does nothing. */
  turn: number;
}

/** Bits of a subscribe command's flag. */
const errorInsteadOfUnrecovered = 2;
const unrecoverablePosition = 112;
const retryDelayMs = 100;

export function idIn(data: unknown): PublicationId {
  const { p, n } = data as { p: unknown; n: unknown };
  if (typeof p !== "number" || typeof n !== "number") throw new Error(`no publication of this run: ${data}`);
  return { publisher: p, n };
}

export class Reader implements TortureReader {
  readonly counts = { delivered: 0, told: 0 };
  readonly #options: ReaderOptions;
  readonly #seats = new Map<string, Seat>();
  readonly #line: Line;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: ReaderOptions) {
    this.#options = options;
    for (const channel of options.channels) {
      const position = options.startsAtBeginning ? { epoch: "", offset: 0 } : undefined;
      const reading = options.recorder.reading(options.name, channel, options.onlyUntagged);
      this.#seats.set(channel, { reading, position, isRecoverable: true, isAway: false, turn: 0 });
    }
    this.#line = new Line({
      ...options,
      user: options.name,
      onOpen: (connection) => {
        for (const seat of this.#seats.values()) if (!seat.isAway) this.#subscribe(connection, seat);
      },
      onPush: (connection, push) => this.#receive(connection, push),
      onClose: (connection) => {
        for (const seat of this.#seats.values())
          this.#note(seat, { kind: "closed", ...this.#now(connection) });
      },
    });
  }

  get name(): string {
    return this.#options.name;
  }

  get user(): string {
    return this.#options.name;
  }

  get channels(): readonly string[] {
    return this.#options.channels;
  }

  get localPort(): number | undefined {
    return this.#line.connection?.localPort;
  }

  positionIn(channel: string): Position | undefined {
    return this.#seats.get(channel)?.position;
  }

  pause(ms: number): void {
    const { connection } = this.#line;
    if (connection === undefined) return;
    connection.pause();
    this.#later(ms, () => connection.resume());
  }

  leave(awayMs: number): void {
    const { connection } = this.#line;
    const seat = [...this.#seats.values()].find(({ isAway }) => !isAway);
    if (connection === undefined || seat === undefined) return;
    const { channel } = seat.reading;
    seat.isAway = true;
    seat.turn++;
    connection.call("unsubscribe", { channel }, (answer) => {
      if (answer.kind === "result")
        this.#note(seat, { kind: "unsubscribed", ...this.#now(connection), code: 0 });
      if (answer.kind === "error") this.#options.onFailure(`unsubscribe: ${answer.error.code}`);
      this.#later(awayMs, () => {
        seat.isAway = false;
        if (this.#line.connection !== undefined) this.#subscribe(this.#line.connection, seat);
      });
    });
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#line.stop();
  }

  #subscribe(connection: Connection, seat: Seat): void {
    const { reading } = seat;
    const turn = ++seat.turn;
    const position = seat.isRecoverable ? seat.position : undefined;
    const recovery = position === undefined ? {} : { recover: true, ...position };
    const flag = this.#options.wantsError ? { flag: errorInsteadOfUnrecovered } : {};
    const filter = this.#options.onlyUntagged ? { tf: { key: "side", cmp: "nex" } } : {};
    connection.call("subscribe", { channel: reading.channel, ...recovery, ...flag, ...filter }, (answer) =>
      this.#subscribed(connection, seat, position, answer, turn),
    );
  }

  #subscribed(
    connection: Connection,
    seat: Seat,
    asked: Position | undefined,
    answer: Answer,
    turn: number,
  ): void {
    if (answer.kind === "lost") return;
    if (answer.kind === "error") {
      this.#note(seat, { kind: "refused", ...this.#now(connection), code: answer.error.code });
      if (seat.turn === turn) this.#refused(connection, seat, answer.error);
      return;
    }
    const {
      epoch = "",
      offset = 0,
      recovered = false,
      publications = [],
      recoverable = false,
    } = answer.result as {
      epoch?: string;
      offset?: number;
      recovered?: boolean;
      recoverable?: boolean;
      publications?: readonly WirePublication[];
    };
    const position = { epoch, offset };
    if (asked !== undefined && !recovered) this.counts.told++;
    const event = { kind: "subscribed", ...this.#now(connection), position, isRecovered: recovered } as const;
    this.#note(seat, asked === undefined ? event : { ...event, asked });
    seat.position = position;
    seat.isRecoverable = recoverable;
    for (const publication of publications) this.#deliver(connection, seat, publication);
  }

  #refused(
    connection: Connection,
    seat: Seat,
    error: { code: number; message: string; temporary?: boolean },
  ): void {
    if (error.code === unrecoverablePosition) {
      this.counts.told++;
      seat.position = undefined;
      this.#subscribe(connection, seat);
    } else if (error.temporary === true) {
      const { turn } = seat;
      this.#later(retryDelayMs, () => seat.turn === turn && this.#subscribe(connection, seat));
    } else
      this.#options.onFailure(
        `${this.name} was refused ${seat.reading.channel}: ${error.code} ${error.message}`,
      );
  }

  #receive(connection: Connection, { channel, pub, unsubscribe }: WirePush): void {
    const seat = this.#seats.get(channel);
    if (seat === undefined) throw new Error(`a push for ${channel}, which was not asked for`);
    if (pub !== undefined) this.#deliver(connection, seat, pub);
    if (unsubscribe === undefined) return;
    this.#note(seat, { kind: "unsubscribed", ...this.#now(connection), code: unsubscribe.code });
    // It unsubscribed itself at the same time, and comes back later.
    if (seat.isAway) return;
    // By 2000 the server's own side did it, and may not do so again.
    if (unsubscribe.code >= 2500 || unsubscribe.code === 2000) this.#subscribe(connection, seat);
    else this.#options.onFailure(`${this.name} was unsubscribed from ${channel}: ${unsubscribe.code}`);
  }

  #deliver(connection: Connection, seat: Seat, { data, offset = 0, epoch }: WirePublication): void {
    this.counts.delivered++;
    const position = { epoch: epoch ?? seat.position?.epoch ?? "", offset };
    this.#note(seat, { kind: "delivered", ...this.#now(connection), position, id: idIn(data) });
    seat.position = position;
  }

  #note(seat: Seat, event: ReaderEvent): void {
    seat.reading.events.push(event);
  }

  #now(connection: Connection): { at: number; connection: number } {
    return { at: this.#options.recorder.tick(), connection: connection.number };
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }
}
