/** Loads of the engine benchmark: echoes, and opening handshakes. */
import { setTimeout as sleep } from "node:timers/promises";
import { inParallel } from "@holdfast/lab/load";
import { replaceText, textFrame } from "@holdfast/lab/node";
import { type Done, FirstFailure, type Load, stallTimeoutMs, watchForStall } from "./load.js";
import { markedPayload } from "./payload.js";
import type { Protocol } from "./protocols.js";
import { RawClient, sourceOf } from "./raw-client.js";
import type { ServerProcess } from "./server-process.js";
import { emptiedStats, isEmpty } from "./server-usage.js";

export interface EchoLoadOptions {
  readonly port: number;
  readonly protocol: Protocol;
  readonly connections: number;
  /** Of each message. */
  readonly bytes: number;
}

/** "#" and the digits of the sequence number, with which a payload begins. */
const headBytes = 11;
/** How long echoes too many may take to come. */
const surplusWaitMs = 100;

export class EchoLoad implements Load {
  readonly #echoers: readonly Echoer[];
  #sent = 0;
  #received = 0;
  #deadline = 0;
  readonly #failure = new FirstFailure();
  #onEnd: { resolve(): void; reject(error: Error): void } | undefined;

  private constructor(clients: readonly RawClient[], bytes: number) {
    this.#failure.onFail = (error) => this.#onEnd?.reject(error);
    this.#echoers = clients.map((client) => new Echoer(client, bytes));
    for (const echoer of this.#echoers) {
      echoer.client.onLost = this.#failure.fail;
      echoer.client.onMessage = (text) => this.#receive(echoer, text);
    }
  }

  static async open({ port, protocol, connections, bytes }: EchoLoadOptions): Promise<EchoLoad> {
    const clients = await inParallel(connections, () => RawClient.open({ port, protocol }));
    return new EchoLoad(clients, bytes);
  }

  async runFor(seconds: number): Promise<Done> {
    const before = this.#received;
    const start = performance.now();
    this.#deadline = start + seconds * 1000;
    if (seconds > 0) await this.#run();
    return { units: this.#received - before, seconds: (performance.now() - start) / 1000 };
  }

  async verify(): Promise<void> {
    await sleep(surplusWaitMs);
    if (this.#failure.error) throw this.#failure.error;
  }

  close(): void {
    for (const { client } of this.#echoers) client.destroy();
  }

  async #run(): Promise<void> {
    const watchdog = watchForStall(
      () => this.#received,
      () => this.#failure.fail(new Error(`no echo has come for ${stallTimeoutMs / 1000} s`)),
    );
    try {
      await new Promise<void>((resolve, reject) => {
        if (this.#failure.error) reject(this.#failure.error);
        this.#onEnd = { resolve, reject };
        for (const echoer of this.#echoers) echoer.send(++this.#sent);
      });
    } finally {
      clearInterval(watchdog);
    }
  }

  #receive(echoer: Echoer, text: string): void {
    if (!echoer.take(text))
      this.#failure.fail(new Error(`an echo is wrong or one too many: ${text.slice(0, 300)}`));
    this.#received++;
    if (performance.now() < this.#deadline) echoer.send(++this.#sent);
    else if (this.#received === this.#sent) this.#onEnd?.resolve();
  }
}

/** Sends one frame again and again, with another number in it each time, so that sending costs the load little. */
class Echoer {
  readonly client: RawClient;
  readonly #frame: Buffer;
  readonly #bytes: number;
  readonly #rest: string;
  #awaited: string | undefined;

  constructor(client: RawClient, bytes: number) {
    const text = markedPayload.create(0, bytes);
    this.client = client;
    this.#bytes = bytes;
    this.#frame = textFrame(text);
    this.#rest = text.slice(headBytes);
  }

  send(sequence: number): void {
    this.#awaited = `#${String(sequence).padStart(headBytes - 1, "0")}`;
    replaceText(this.#frame, this.#bytes, 0, this.#awaited);
    this.client.sendFrame(this.#frame);
  }

  /** Whether the text is what was sent last and has not come back yet. */
  take(text: string): boolean {
    const isRight = text.slice(0, headBytes) === this.#awaited && text.slice(headBytes) === this.#rest;
    this.#awaited = undefined;
    return isRight;
  }
}

const width = 64;

export class HandshakeLoad implements Load {
  readonly #server: ServerProcess;
  readonly #protocol: Protocol;
  #opened = 0;

  constructor(server: ServerProcess, protocol: Protocol) {
    this.#server = server;
    this.#protocol = protocol;
  }

  async runFor(seconds: number): Promise<Done> {
    const { port } = this.#server;
    const before = this.#opened;
    const start = performance.now();
    const deadline = start + seconds * 1000;
    const work = async () => {
      while (performance.now() < deadline) {
        const client = await RawClient.open({ port, protocol: this.#protocol, ...sourceOf(this.#opened++) });
        client.destroy();
      }
    };
    await Promise.all(Array.from({ length: width }, work));
    return { units: this.#opened - before, seconds: (performance.now() - start) / 1000 };
  }

  async verify(): Promise<void> {
    const stats = await emptiedStats(this.#server);
    if (!isEmpty(stats))
      throw new Error(`tables are not empty after all have closed: ${JSON.stringify(stats)}`);
  }

  close(): void {}
}
