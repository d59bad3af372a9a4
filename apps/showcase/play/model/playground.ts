/** The code in the editor, where it came from, and the two clients that run it. Nothing runs before `run` is called. */
import type { Devtools } from "@holdfast/client/devtools";
import { Relay, type RelayOptions } from "./relay.js";
import { findSample, type Sample, samples } from "./samples.js";
import { maxCodeLength, type SharedCode } from "./share.js";

export interface PlaygroundOptions {
  readonly room: string;
  readonly createDevtools: () => Devtools;
  /** Of the server's WebSocket. */
  readonly address: string;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
}

export interface Problem {
  /** "A" or "B". */
  readonly client: string;
  readonly message: string;
  /** Counts from 1. */
  readonly line: number | undefined;
}

const clients = ["A", "B"] as const;
const maxProblems = 6;

/** One of the two clients, while it runs. */
export interface PlayClient {
  readonly me: string;
  readonly devtools: Devtools;
  /** Why it was ended; undefined while it runs. */
  readonly ended: string | undefined;
}

export class Playground {
  readonly #options: PlaygroundOptions;
  readonly #listeners = new Set<() => void>();
  readonly #relays = new Map<string, Relay>();
  #code: string;
  #room: string;
  #sample: Sample | undefined;
  #running: PlayClient[] = [];
  #runs = 0;
  #problems: Problem[] = [];
  #note: string | undefined;

  constructor(options: PlaygroundOptions) {
    this.#options = options;
    this.#room = options.room;
    const [first] = samples;
    this.#sample = first;
    this.#code = first?.code ?? "";
  }

  get code(): string {
    return this.#code;
  }

  get room(): string {
    return this.#room;
  }

  /** Undefined once the code is the visitor's own. */
  get sample(): Sample | undefined {
    return this.#sample;
  }

  get running(): readonly PlayClient[] {
    return this.#running;
  }

  /** Counts the runs, so that each gets documents of its own. */
  get runs(): number {
    return this.#runs;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** What the visitor should know about the code in the editor. */
  get note(): string | undefined {
    return this.#note;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  edit(code: string): void {
    this.#code = code.slice(0, maxCodeLength);
    this.#note =
      code.length > maxCodeLength ? `Only the first ${maxCodeLength} characters were kept.` : undefined;
    this.#sample = undefined;
    this.#problems = [];
    this.#changed();
  }

  open(id: string): void {
    const sample = findSample(id);
    if (!sample) return;
    this.stop();
    this.#code = sample.code;
    this.#sample = sample;
    this.#note = undefined;
    this.#problems = [];
    this.#changed();
  }

  openShared({ code, room }: SharedCode): void {
    this.stop();
    this.#code = code;
    this.#room = room;
    this.#sample = samples.find((sample) => sample.code === code);
    this.#problems = [];
    this.#note = "This code came with the link. Read it, then press Run: nothing has run yet.";
    this.#changed();
  }

  refuseLink(): void {
    this.#note = "The link’s code is damaged or too long, so a sample is shown. Ask for the link again.";
    this.#changed();
  }

  run(): void {
    this.stop();
    this.#runs += 1;
    this.#problems = [];
    this.#note = undefined;
    this.#running = clients.map((me) => ({ me, devtools: this.#options.createDevtools(), ended: undefined }));
    this.#changed();
  }

  stop(): void {
    for (const relay of this.#relays.values()) relay.close();
    this.#relays.clear();
    this.#running = [];
    this.#changed();
  }

  /** The document of a client is ready: its code begins there. */
  connect(client: PlayClient, port: RelayOptions["port"]): void {
    const { me, devtools } = client;
    if (this.#running.includes(client) && !this.#relays.has(me))
      this.#relays.set(
        me,
        new Relay({
          ...{ port, clock: this.#options.clock },
          open: () => new devtools.webSocket(this.#options.address) as WebSocket,
          onWait: (delayMs) => devtools.clientOptions.onReconnectDelay(delayMs),
          onError: (message, line) => this.#addProblem({ client: me, message, line }),
          onExcess: (why) => this.#end(me, why),
        }),
      );
  }

  #end(me: string, why: string): void {
    this.#running = this.#running.map((each) => (each.me === me ? { ...each, ended: why } : each));
    this.#addProblem({ client: me, message: `Stopped: ${why}.`, line: undefined });
  }

  #addProblem(problem: Problem): void {
    this.#problems = [...this.#problems, problem].slice(-maxProblems);
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
