/**
 * Many subscribers and one publisher that come back at once when the server has died: without any backoff, but with a bound
 * on how many are connecting at a time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Ledger } from "./continuity.js";
import { inParallel } from "./in-parallel.js";
import { RecoveringClient } from "./recovering-client.js";
import { SteadyPublisher } from "./steady-publisher.js";

export interface RecoveryCrowdOptions {
  readonly port: number;
  readonly clients: number;
  readonly channels: readonly string[];
  /** Publications a second, over all channels. */
  readonly rate: number;
  readonly bytes: number;
  /** Most connections that are being made at a time. */
  readonly mostConnecting: number;
}

export interface Faults {
  /** Publications that some client did not get. */
  readonly gaps: number;
  readonly duplicates: number;
  readonly mostGaps: number;
  readonly mostDuplicates: number;
  /** Clients whose position the server could not recover. */
  readonly unrecovered: number;
  /** Publications that were acknowledged and that nobody saw. */
  readonly lostAcknowledged: number;
  /** Times that two clients got different publications at one offset. */
  readonly contradictions: number;
}

/** Between attempts while nobody listens. */
const refusedPauseMs = 20;
const settleTimeoutMs = 30_000;

export class RecoveryCrowd {
  readonly publisher: SteadyPublisher;
  /** Attempts to connect that failed, and how the last of them did. */
  attemptsFailed = 0;
  lastFailure = "";
  /** Connections of subscribers that were lost. */
  losses = 0;
  readonly #options: RecoveryCrowdOptions;
  readonly #ledgers: readonly Ledger[];
  readonly #clients: readonly RecoveringClient[];
  /** Of clients that wait for their turn to connect. */
  readonly #queue: number[] = [];
  #connecting = 0;
  #isReturning = false;
  #isClosed = false;

  constructor(options: RecoveryCrowdOptions) {
    const { port, clients, channels, rate, bytes } = options;
    this.#options = options;
    this.#ledgers = channels.map(() => new Ledger());
    this.publisher = new SteadyPublisher({
      port,
      channels,
      ledgers: this.#ledgers,
      perSecond: rate,
      bytes,
    });
    this.publisher.onLost = () => void this.#return(() => this.publisher.connect());
    this.#clients = Array.from({ length: clients }, (_, i) => {
      const at = i % channels.length;
      const client = new RecoveringClient(i, port, channels[at] as string, this.#ledgers[at] as Ledger);
      client.onLost = () => {
        this.losses++;
        this.#queue.push(i);
        this.#connectNext();
      };
      return client;
    });
  }

  async connect(): Promise<void> {
    await inParallel(this.#clients.length, (i) => (this.#clients[i] as RecoveringClient).connect());
    await this.publisher.connect();
  }

  /** To be called when the server is killed: from now on, lost connections are expected. */
  expectLoss(): void {
    this.#isReturning = true;
  }

  /** When each client was live again, ascending; those that are not yet are left out. */
  liveTimes(): number[] {
    const times = this.#clients.map(({ liveAt }) => liveAt).filter((liveAt) => liveAt !== undefined);
    return times.sort((a, b) => a - b);
  }

  /** Stops publishing, and waits until everybody has what is in the logs. */
  async settle(): Promise<void> {
    this.publisher.stop();
    const deadline = performance.now() + settleTimeoutMs;
    while (performance.now() < deadline && (this.publisher.outstanding > 0 || this.#missing() > 0))
      await sleep(50);
    // Deliveries too many would come now.
    await sleep(200);
  }

  faults(): Faults {
    const gaps = this.#clients.map((client, i) => client.continuity.gaps + this.#behind(client, i));
    const duplicates = this.#clients.map(({ continuity }) => continuity.duplicates);
    return {
      gaps: sum(gaps),
      duplicates: sum(duplicates),
      mostGaps: Math.max(...gaps),
      mostDuplicates: Math.max(...duplicates),
      unrecovered: this.#clients.filter(({ unrecovered }) => unrecovered > 0).length,
      lostAcknowledged: sum(this.#ledgers.map((ledger) => ledger.countLost())),
      contradictions: sum(this.#ledgers.map(({ contradictions }) => contradictions)),
    };
  }

  close(): void {
    this.#isClosed = true;
    this.publisher.destroy();
    for (const client of this.#clients) client.destroy();
  }

  #missing(): number {
    return sum(this.#clients.map((client, i) => this.#behind(client, i)));
  }

  /** Publications at the end of the log that the client has not got. */
  #behind({ continuity }: RecoveringClient, index: number): number {
    return this.#ledgerOf(index).head - continuity.offset;
  }

  #ledgerOf(index: number): Ledger {
    return this.#ledgers[index % this.#ledgers.length] as Ledger;
  }

  #connectNext(): void {
    while (this.#connecting < this.#options.mostConnecting && !this.#isClosed) {
      const index = this.#queue.shift();
      if (index === undefined) return;
      this.#connecting++;
      const client = this.#clients[index] as RecoveringClient;
      const { lastAcknowledged } = this.#ledgerOf(index);
      void this.#return(() => client.connect(lastAcknowledged)).then(() => {
        this.#connecting--;
        this.#connectNext();
      });
    }
  }

  /** Tries again and again. */
  async #return(connect: () => Promise<void>): Promise<void> {
    if (!this.#isReturning && !this.#isClosed) throw new Error("a connection was lost before the kill");
    while (!this.#isClosed)
      try {
        await connect();
        return;
      } catch (error) {
        this.attemptsFailed++;
        this.lastFailure = (error as Error).message;
        await sleep(refusedPauseMs);
      }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
