/**
 * A subscriber without an SDK: one channel as JSON lines over HTTP/2, taken up again from its position after every cut.
 * What it is told is noted as for all others.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { WirePublication } from "./connection.js";
import type { Position, ReaderEvent, Reading } from "./history.js";
import { delayAfter } from "./line.js";
import { idIn, type ReaderOptions, type TortureReader } from "./reader.js";

type Notice = WirePublication & {
  readonly position?: Partial<Position> & { readonly recovered?: boolean };
  readonly lost?: Position;
  readonly error?: { readonly code: number; readonly message: string };
  readonly keepalive?: object;
};

/** Keepalives come every 3 s. */
const silenceMs = 6500;
/** The server says that it is for the client to come again. */
const temporaryStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

export class EventsReader implements TortureReader {
  readonly counts = { delivered: 0, told: 0 };
  readonly user = undefined;
  readonly #options: ReaderOptions;
  readonly #channel: string;
  readonly #reading: Reading;
  #session: ClientHttp2Session | undefined;
  #stream: ClientHttp2Stream | undefined;
  #localPort: number | undefined;
  #position: Position | undefined;
  #connection = 0;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** @param options with one channel */
  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#channel = options.channels[0] as string;
    this.#reading = options.recorder.reading(options.name, this.#channel);
    this.#position = options.startsAtBeginning ? { epoch: "", offset: 0 } : undefined;
    this.#connect();
  }

  get name(): string {
    return this.#options.name;
  }

  get channels(): readonly string[] {
    return [this.#channel];
  }

  get localPort(): number | undefined {
    return this.#localPort;
  }

  positionIn(): Position | undefined {
    return this.#position;
  }

  pause(ms: number): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    clearTimeout(this.#silence);
    stream.pause();
    setTimeout(() => {
      stream.resume();
      this.#silence?.refresh();
    }, ms);
  }

  leave(awayMs: number): void {
    this.#end(awayMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#session?.destroy();
  }

  #connect(): void {
    if (this.#isStopped) return;
    const session = connect(new URL(this.#options.url.replace("ws:", "http:")).origin);
    this.#session = session;
    this.#connection++;
    session.on("connect", (_session, { localPort }) => {
      this.#localPort = localPort;
    });
    session.on("error", () => {});
    session.once("close", () => {
      if (this.#session !== session) return;
      this.#end(delayAfter(++this.#failures, this.#options.random));
    });
    const since =
      this.#position === undefined ? "" : `?since=${this.#position.epoch}:${this.#position.offset}`;
    const stream = session.request({
      ":path": `/channels/${encodeURIComponent(this.#channel)}/events${since}`,
      accept: "application/x-ndjson",
    });
    this.#stream = stream;
    this.#silence = setTimeout(() => session.destroy(), silenceMs);
    const asked = this.#position;
    let text = "";
    let isRefused = false;
    stream.setEncoding("utf8");
    stream.on("error", () => {});
    stream.on("response", ({ ":status": status = 0 }) => {
      isRefused = status !== 200;
      if (isRefused && !temporaryStatuses.has(status))
        this.#options.onFailure(`${this.name} was refused ${this.#channel} with status ${status}`);
    });
    stream.on("data", (chunk: string) => {
      if (this.#session !== session || isRefused) return;
      if (!stream.isPaused()) this.#silence?.refresh();
      const lines = (text + chunk).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(line) as Notice, asked);
    });
    stream.once("close", () => session.destroy());
  }

  #take({ position, lost, error, keepalive, ...publication }: Notice, asked: Position | undefined): void {
    if (keepalive !== undefined) return;
    if (error !== undefined) {
      // The end follows. Whoever may come back does so with its position.
      if (error.code < 2500)
        this.#options.onFailure(`${this.name} was ended: ${error.code} ${error.message}`);
    } else if (position !== undefined || lost !== undefined) {
      this.#failures = 0;
      const { epoch = "", offset = 0 } = lost ?? position ?? {};
      const isRecovered = position?.recovered === true;
      if (lost !== undefined) this.counts.told++;
      const where = { epoch, offset };
      this.#note({
        kind: "subscribed",
        ...this.#now(),
        ...(asked && { asked }),
        position: where,
        isRecovered,
      });
      this.#position = isRecovered && asked ? { epoch, offset: asked.offset } : where;
    } else this.#deliver(publication);
  }

  #deliver({ data, offset = 0, epoch = "" }: WirePublication): void {
    this.counts.delivered++;
    const position = { epoch, offset };
    this.#note({ kind: "delivered", ...this.#now(), position, id: idIn(data) });
    this.#position = position;
  }

  /** Ends what there is, and comes back later. */
  #end(awayMs: number): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    this.#stream = undefined;
    this.#localPort = undefined;
    clearTimeout(this.#silence);
    session.destroy();
    this.#note({ kind: "closed", ...this.#now() });
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#connect(), awayMs);
  }

  #note(event: ReaderEvent): void {
    this.#reading.events.push(event);
  }

  #now(): { at: number; connection: number } {
    return { at: this.#options.recorder.tick(), connection: this.#connection };
  }
}
