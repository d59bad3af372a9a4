/** The whole story: what each scene has done so far. It holds the one line that scenes 3 to 7 share, and the two readers before it. */
import type { Crowd } from "../trace-types.js";
import { followEvents } from "./follow-events.js";
import { Letters } from "./letters.js";
import { Line, type Recovered } from "./line.js";
import { type Letter, type Place, type Position, post, readChannel } from "./place.js";
import { Race } from "./race.js";
import { type Reader, startLongPolling, startPolling } from "./readers.js";
import type { Tally, Tap } from "./tap.js";

/** What became of one request of a reader. */
export interface Tick {
  readonly hadNews: boolean;
  readonly tookMs: number;
}

export interface ReaderState {
  reader: Reader | undefined;
  ticks: Tick[];
  /** When the open request began. */
  askedAt: number | undefined;
  body: string;
  lastDelay: number | undefined;
  problem: string | undefined;
}

/** A way of loading data once, measured. */
export interface Load {
  readonly tookMs: number;
  readonly tally: Tally;
}

type LoadWay = "http" | "line" | "again";

interface MeasuredLoad {
  readonly label: string;
  readonly tookMs: number;
  /** What the server had counted before. */
  readonly before: Tally;
}

export interface StoryOptions {
  readonly place: Place;
  readonly tap: Tap;
  readonly now: () => number;
  readonly random: () => number;
}

const maxTicks = 40;
const lettersWhileCut = 5;
const letterEveryMs = 600;
const loadedLetters = 20;

const maxTries = 3;
const retryMs = 1000;
/** After that, figures are shown as they are told. */
const maxToldMs = 10_000;

function assertLoaded({ ok, status }: Response): void {
  // RFC 9110 §15.4.5: it has not changed.
  if (!ok && status !== 304) throw new Error(`The server answered ${status}`);
}

export class Story {
  readonly place: Place;
  readonly tap: Tap;
  readonly letters = new Letters();
  readonly poll = newReaderState();
  readonly long = newReaderState();
  line: Line | undefined;
  /** The line could not be opened although the server is there. */
  isRefused = false;
  crowd: Crowd | undefined;
  /** The newest letters over the line. */
  inbox: Letter[] = [];
  lineDelay: number | undefined;
  cutState: "whole" | "cut" | "back" = "whole";
  cutAt: Position | undefined;
  recovered: Recovered | undefined;
  sendResult: string | undefined;
  race: Race | undefined;
  #loads: Partial<Record<LoadWay, MeasuredLoad>> = {};
  isLoading = false;
  problem: string | undefined;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #listeners = new Set<() => void>();

  constructor({ place, tap, now, random }: StoryOptions) {
    this.place = place;
    this.tap = tap;
    this.#now = now;
    this.#random = random;
    tap.onChange(() => this.changed());
  }

  get isOpen(): boolean {
    return this.line?.state === "open";
  }

  /** As the server has counted it up to now. */
  loadOf(way: LoadWay): Load | undefined {
    const load = this.#loads[way];
    return load && { tookMs: load.tookMs, tally: this.tap.tallySince(load.label, load.before) };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  toggleReader(way: "poll" | "long"): void {
    const state = this[way];
    const wasRunning = state.reader !== undefined;
    this.stopReaders();
    if (!wasRunning) this.#startReader(way);
    this.changed();
  }

  /** One way at a time, so that figures are its own. */
  stopReaders(): void {
    for (const state of [this.poll, this.long]) {
      state.reader?.stop();
      state.reader = undefined;
      state.askedAt = undefined;
    }
  }

  /** Writes into the channel over plain HTTP, whoever reads it. */
  async write(): Promise<void> {
    const text = this.letters.next(this.#now());
    await this.#try(async () => {
      const { offset } = await post(this.place.request("post"), text);
      if (this.cutState === "cut" && this.letters.stateOf(offset) === undefined)
        this.letters.mark(offset, text, "missed");
    });
  }

  openLine(): void {
    this.stopReaders();
    this.#connect();
    this.changed();
  }

  async send(text: string): Promise<void> {
    this.letters.wrote(text, this.#now());
    await this.#try(async () => {
      if (this.isOpen) await this.line?.publish(text);
      else await post(this.place.request("post"), text);
    });
  }

  async askServerToSpeak(): Promise<void> {
    await this.#try(async () => await this.line?.call("speak", { trace: this.place.trace }));
  }

  /** The server ends the line without a word, and letters go on meanwhile. */
  async cut(): Promise<void> {
    this.cutAt = this.line?.position;
    this.recovered = undefined;
    this.cutState = "cut";
    this.changed();
    await this.#try(async () => {
      const response = await fetch(this.place.cut("line"), { method: "POST" });
      if (!response.ok) throw new Error(`The server answered ${response.status}`);
      for (let count = 0; count < lettersWhileCut && this.cutState === "cut"; count++) {
        await new Promise((resolve) => setTimeout(resolve, letterEveryMs));
        if (this.cutState === "cut") await this.write();
      }
    });
  }

  comeBack(): void {
    this.#connect(this.cutAt);
    this.changed();
  }

  hangUp(): void {
    this.sendResult = undefined;
    this.line?.close(1000, "goodbye");
    this.changed();
  }

  async askServerToHangUp(): Promise<void> {
    this.sendResult = undefined;
    await this.#try(async () => await this.line?.call("hangUp"));
  }

  /** What happens to bytes after the close. */
  sendAfterClose(): void {
    const { line } = this;
    if (line === undefined) return;
    const before = line.bufferedBytes;
    const framesBefore = this.tap.socketOf("line")?.counts.framesReceived ?? 0;
    line.sendRaw('{"id":99,"publish":{}}');
    const kept = line.bufferedBytes - before;
    this.sendResult = `readyState is ${line.readyState} (CLOSED). The browser took ${kept} bytes and will never send them. The server still counts ${framesBefore} frames from this page.`;
    this.changed();
  }

  startRace(): void {
    this.stopReaders();
    this.race?.stop();
    const { place, tap } = this;
    this.race = new Race({
      place,
      tap,
      now: this.#now,
      random: this.#random,
      onChange: () => this.changed(),
    });
    this.changed();
  }

  /** The last letters over plain HTTP, the same over a line of its own, and over HTTP once more. */
  async loadBothWays(): Promise<void> {
    if (this.isLoading) return;
    this.isLoading = true;
    this.#loads = {};
    this.changed();
    await this.#try(async () => {
      const url = this.place.request("once", `limit=${loadedLetters}&`);
      let etag: string | null = null;
      this.#loads.http = await this.#measure("once", async () => {
        const response = await fetch(url, { cache: "no-store" });
        assertLoaded(response);
        etag = response.headers.get("etag");
        await response.text();
      });
      this.#loads.again = await this.#measure("again", async () => {
        const again = this.place.request("again", `limit=${loadedLetters}&`);
        const headers = { "If-None-Match": etag ?? "" };
        const response = await fetch(again, { cache: "no-store", headers });
        assertLoaded(response);
        await response.text();
      });
      if (!this.isRefused) this.#loads.line = await this.#measure("onceline", () => this.#loadOverLine());
    });
    this.isLoading = false;
    this.changed();
  }

  #loadOverLine(): Promise<void> {
    return new Promise((resolve, reject) => {
      const line = new Line({
        url: this.place.webSocket("onceline"),
        channel: this.place.channel,
        subscribes: false,
        onLetter: () => {},
        onChange: () => {
          if (line.state === "closed") (line.wasOpen ? resolve : reject)(new Error("no WebSocket") as never);
          else if (line.state === "open" && !asked) {
            asked = true;
            line.history(loadedLetters).then(() => line.close(1000, "loaded"), reject);
          }
        },
      });
      let asked = false;
    });
  }

  async #measure(label: string, load: () => Promise<void>): Promise<MeasuredLoad> {
    let before = this.tap.tallyOf(label);
    let startedAt = this.#now();
    for (let tries = 1; ; tries++)
      try {
        await load();
        break;
      } catch (error) {
        if (tries === maxTries) throw error;
        // Such as a server that is busy: it is asked again, a little later, and only the answer counts.
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        before = this.tap.tallyOf(label);
        startedAt = this.#now();
      }
    const tookMs = this.#now() - startedAt;
    await this.#untilTold(label, before.answers);
    return { label, tookMs, before };
  }

  /** The server's figures come over another connection. */
  async #untilTold(label: string, answers: number): Promise<void> {
    const lastAt = this.#now() + maxToldMs;
    while (this.#now() < lastAt) {
      const socket = this.tap.socketOf(label);
      const isTold = socket ? socket.isGone : this.tap.tallyOf(label).answers > answers;
      if (isTold) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #startReader(way: "poll" | "long"): void {
    const state = this[way];
    state.problem = undefined;
    const start = way === "poll" ? startPolling : startLongPolling;
    state.reader = start({
      place: this.place,
      label: way,
      now: this.#now,
      onAsk: () => {
        state.askedAt = this.#now();
        this.changed();
      },
      onAnswer: (hadNews, tookMs, body) => {
        state.askedAt = undefined;
        state.problem = undefined;
        state.body = body;
        state.ticks = [...state.ticks, { hadNews, tookMs }].slice(-maxTicks);
        this.changed();
      },
      onLetters: (letters) => {
        for (const letter of letters)
          state.lastDelay = this.letters.arrived(way, letter, this.#now()) ?? state.lastDelay;
        this.changed();
      },
      onError: (message) => {
        state.problem = message;
        state.askedAt = undefined;
        this.changed();
      },
    });
  }

  #connect(since?: Position): void {
    const line: Line = new Line({
      url: this.place.webSocket("line"),
      channel: this.place.channel,
      crowd: "crowd",
      ...(since && { since }),
      onChange: () => {
        if (line === this.line && line.state === "closed" && !line.wasOpen) void this.#findWhyNot(line);
        this.changed();
      },
      onLetter: (letter) => {
        this.lineDelay = this.letters.arrived("line", letter, this.#now()) ?? this.lineDelay;
        this.inbox = [...this.inbox, letter].slice(-5);
        this.letters.mark(letter.offset, letter.data.text, "live");
        this.changed();
      },
      onCrowd: (crowd) => {
        this.crowd = crowd as Crowd;
        this.changed();
      },
      onRecovered: (recovered) => {
        this.recovered = recovered;
        this.cutState = "back";
        for (const { offset, data } of recovered.letters) this.letters.mark(offset, data.text, "recovered");
        this.changed();
      },
    });
    this.line = line;
  }

  /** A refused upgrade looks like a line that was never open; whether the server is there, HTTP tells. */
  async #findWhyNot({ wasUpgraded, closed }: Line): Promise<void> {
    await this.#try(async () => {
      // Such as a server that is busy: that is no proxy, and the visitor may try again.
      if (wasUpgraded)
        throw new Error(
          `The server closed the connection: ${closed?.code} ${closed?.reason ?? ""}`.trimEnd(),
        );
      const position = await readChannel(this.place.request("probe", "limit=0&"));
      if (!this.isRefused) this.#listenOverHttp(position);
      this.isRefused = true;
    });
  }

  /** From a position on, so that what is written while the stream opens is not missed. */
  #listenOverHttp(position: Position): void {
    followEvents({
      begin: () => Promise.resolve(position),
      address: (since) => this.place.events("events", since),
      onData: (data) => {
        const letter = data as Letter;
        this.lineDelay = this.letters.arrived("line", letter, this.#now()) ?? this.lineDelay;
        this.inbox = [...this.inbox, letter].slice(-5);
        this.changed();
      },
    });
  }

  async #try(run: () => Promise<unknown>): Promise<void> {
    try {
      this.problem = undefined;
      await run();
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.changed();
  }
}

function newReaderState(): ReaderState {
  return {
    reader: undefined,
    ticks: [],
    askedAt: undefined,
    body: "",
    lastDelay: undefined,
    problem: undefined,
  };
}
