/**
 * A subscriber of maps on the plain client: reads the state page by page, then the changes since, then live, with stalls
 * between the steps, and goes on with them though the server has unsubscribed it meanwhile. What it has of the values in
 * the end is held against the map.
 */
import type { Answer, Connection, WirePublication, WirePush } from "./connection.js";
import { nameOf, type Position, type ReaderEvent, type Reading } from "./history.js";
import { Line } from "./line.js";
import { idIn, type ReaderOptions, type TortureReader } from "./reader.js";

interface Seat {
  readonly reading: Reading;
  /** Up to here it has everything; undefined while the state is read. */
  position: Position | undefined;
  isLive: boolean;
  isAway: boolean;
  /** Whether a step waits for its answer, which is as good as what comes with it: it is not left alone then. */
  isAsking: boolean;
  /** Counts the beginnings: an answer to what was begun before is nobody's any more. */
  turn: number;
}

interface StepResult {
  readonly phase?: number;
  readonly epoch?: string;
  readonly offset?: number;
  readonly recovered?: boolean;
  readonly cursor?: string;
  readonly state?: readonly WirePublication[];
  readonly publications?: readonly WirePublication[];
}

/** The values of the state so far, and the position of its first page. */
interface Loading {
  readonly values: Map<string, string>;
  readonly start: Position | undefined;
  readonly cursor: string | undefined;
}

const statePhase = 2;
const streamPhase = 1;
const pageEntries = 100;
const unrecoverablePosition = 112;
const retryDelayMs = 100;

export class MapReader implements TortureReader {
  readonly counts = { delivered: 0, told: 0 };
  readonly #options: ReaderOptions;
  readonly #seats = new Map<string, Seat>();
  readonly #line: Line;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: ReaderOptions) {
    this.#options = options;
    for (const channel of options.channels) {
      const reading = options.recorder.reading(options.name, channel);
      reading.values = new Map();
      this.#seats.set(channel, {
        reading,
        position: undefined,
        isLive: false,
        isAway: false,
        isAsking: false,
        turn: 0,
      });
    }
    this.#line = new Line({
      ...options,
      user: options.name,
      onOpen: (connection) => {
        for (const seat of this.#seats.values()) if (!seat.isAway) this.#begin(connection, seat);
      },
      onPush: (connection, push) => this.#receive(connection, push),
      onClose: (connection) => {
        for (const seat of this.#seats.values()) {
          this.#end(seat);
          this.#note(seat, { kind: "closed", ...this.#now(connection) });
        }
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
    const seat = this.#seats.get(channel);
    return seat?.isLive ? seat.position : undefined;
  }

  pause(ms: number): void {
    const { connection } = this.#line;
    connection?.pause();
    this.#later(ms, () => connection?.resume());
  }

  leave(awayMs: number): void {
    const { connection } = this.#line;
    const seat = [...this.#seats.values()].find(({ isAway, isAsking }) => !isAway && !isAsking);
    if (connection === undefined || seat === undefined) return;
    seat.isAway = true;
    this.#end(seat);
    connection.call("unsubscribe", { channel: seat.reading.channel }, (answer) => {
      if (answer.kind === "result")
        this.#note(seat, { kind: "unsubscribed", ...this.#now(connection), code: 0 });
      this.#later(awayMs, () => {
        seat.isAway = false;
        if (this.#line.connection !== undefined) this.#begin(this.#line.connection, seat);
      });
    });
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#line.stop();
  }

  #begin(connection: Connection, seat: Seat): void {
    this.#end(seat);
    if (seat.position === undefined)
      this.#readState(connection, seat, { values: new Map(), start: undefined, cursor: undefined });
    else this.#readChanges(connection, seat, seat.position, "recover");
  }

  /** Whatever was begun for it is over. */
  #end(seat: Seat): void {
    seat.turn++;
    seat.isLive = false;
  }

  #readState(connection: Connection, seat: Seat, { values, start, cursor }: Loading): void {
    const params = { phase: statePhase, ...(cursor !== undefined && { cursor }), ...start };
    this.#step(connection, seat, params, cursor !== undefined, (result) => {
      const { phase = 0, epoch = "", offset = 0, state = [], publications = [] } = result;
      for (const { key = "", data } of state) values.set(key, nameOf(idIn(data)));
      const first = publications[0]?.offset;
      const begin = start ?? { epoch, offset: first === undefined ? offset : first - 1 };
      if (phase === statePhase && result.cursor !== undefined) {
        const next = { values, start: begin, cursor: result.cursor };
        this.#stall(seat, () => this.#readState(connection, seat, next));
        return;
      }
      seat.reading.values = values;
      if (phase === statePhase) {
        this.#stall(seat, () => this.#readChanges(connection, seat, begin, "first"));
        return;
      }
      this.#note(seat, { kind: "subscribed", ...this.#now(connection), position: begin, isRecovered: false });
      this.#goLive(connection, seat, begin, publications);
    });
  }

  /** @param from whether a position is taken up again, or follows the state, or a page before */
  #readChanges(
    connection: Connection,
    seat: Seat,
    since: Position,
    from: "recover" | "first" | "next",
  ): void {
    const recovery = from === "recover" ? { recover: true } : {};
    this.#step(
      connection,
      seat,
      { phase: streamPhase, ...since, ...recovery },
      from !== "recover",
      (result) => {
        const { phase = 0, epoch = "", offset = 0, publications = [] } = result;
        const asked = from === "first" ? {} : { asked: since };
        const position = from === "first" ? since : { epoch, offset };
        this.#note(seat, {
          kind: "subscribed",
          ...this.#now(connection),
          ...asked,
          position,
          isRecovered: from !== "first",
        });
        if (phase !== streamPhase) {
          this.#goLive(connection, seat, since, publications);
          return;
        }
        seat.position = since;
        for (const publication of publications) this.#deliver(connection, seat, publication);
        const next = { epoch, offset };
        this.#stall(seat, () => this.#readChanges(connection, seat, next, "next"));
      },
    );
  }

  #goLive(
    connection: Connection,
    seat: Seat,
    since: Position,
    publications: readonly WirePublication[],
  ): void {
    seat.position = since;
    seat.isLive = true;
    for (const publication of publications) this.#deliver(connection, seat, publication);
  }

  #step(
    connection: Connection,
    seat: Seat,
    params: object,
    isLater: boolean,
    onResult: (result: StepResult) => void,
  ): void {
    const { turn, reading } = seat;
    const common = { channel: reading.channel, type: 1, limit: pageEntries };
    seat.isAsking = true;
    connection.call("subscribe", { ...common, ...params }, (answer: Answer) => {
      seat.isAsking = false;
      if (answer.kind === "lost" || seat.turn !== turn) return;
      if (answer.kind === "result") onResult(answer.result as StepResult);
      else this.#refused(connection, seat, answer.error, isLater);
    });
  }

  #refused(
    connection: Connection,
    seat: Seat,
    { code, message, temporary }: { code: number; message: string; temporary?: boolean },
    isLater: boolean,
  ): void {
    if (code === unrecoverablePosition) {
      this.counts.told++;
      // In the middle of the steps nothing is claimed of what the log has.
      if (!isLater) this.#note(seat, { kind: "refused", ...this.#now(connection), code });
      seat.position = undefined;
      this.#begin(connection, seat);
    } else if (temporary === true) {
      const { turn } = seat;
      this.#later(retryDelayMs, () => seat.turn === turn && this.#again(connection, seat));
    } else this.#options.onFailure(`${this.name} was refused ${seat.reading.channel}: ${code} ${message}`);
  }

  #again(connection: Connection, seat: Seat): void {
    if (!seat.isAway && this.#line.connection === connection) this.#begin(connection, seat);
  }

  #receive(connection: Connection, { channel, pub, unsubscribe }: WirePush): void {
    const seat = this.#seats.get(channel);
    if (seat === undefined) throw new Error(`a push for ${channel}, which was not asked for`);
    if (pub !== undefined) this.#deliver(connection, seat, pub);
    if (unsubscribe === undefined) return;
    this.#note(seat, { kind: "unsubscribed", ...this.#now(connection), code: unsubscribe.code });
    // The steps go on, as of a client that hears of it too late.
    if (seat.isAsking) return;
    if (seat.isLive || this.#options.random.chance(0.5)) this.#again(connection, seat);
  }

  #deliver(connection: Connection, seat: Seat, { key = "", data, offset = 0, epoch }: WirePublication): void {
    this.counts.delivered++;
    const position = { epoch: epoch ?? seat.position?.epoch ?? "", offset };
    const id = idIn(data);
    this.#note(seat, { kind: "delivered", ...this.#now(connection), position, id });
    seat.reading.values?.set(key, nameOf(id));
    seat.position = position;
  }

  /** Most steps follow at once, as an SDK's do; some come after a while, as those of a page in the background. */
  #stall(seat: Seat, next: () => void): void {
    const { turn } = seat;
    const { random } = this.#options;
    const ms = random.chance(0.4) ? random.integer(0, 2500) : 0;
    this.#later(ms, () => {
      if (seat.turn === turn) next();
    });
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
