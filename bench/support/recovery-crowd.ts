/**
 * Many subscribers and one publisher that come back at once when the server has died: without any backoff, but with a bound
 * on how many are connecting at a time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { inParallel } from "@holdfast/lab/load";
import { markedPayload } from "./payload.js";
import { holdfastProtocol } from "./protocols.js";
import { RawClient, sourceOf } from "./raw-client.js";
import { Ledger, RecoveringClient } from "./recovering-client.js";

export interface RecoveryCrowdOptions {
  /** Of nodes: clients spread over all; the publisher is the last one's. */
  readonly ports: readonly number[];
  readonly clients: number;
  readonly channels: readonly string[];
  /** Publications a second, over all channels. */
  readonly rate: number;
  readonly bytes: number;
  /** Most connections that are being made at a time. */
  readonly maxConnecting: number;
}

/** Options of every bench that measures such a crowd. */
export const crowdOptions = {
  channels: { value: "N", default: "100", about: "channels they spread over, one each" },
  rate: { value: "N", default: "100", about: "publications a second, over all channels" },
  bytes: { value: "N", default: "100", about: "bytes of a message" },
  connecting: { value: "N", default: "500", about: "most clients that are connecting at a time" },
  seconds: { value: "S", default: "2", about: "of publishing, before the kill and after all are back" },
  folder: { value: "DIR", about: "where data is kept (default: the system's folder for temporary files)" },
} as const;

export const recoveryTimeoutMs = 120_000;

export interface Faults {
  /** Publications that some client did not get. */
  readonly gaps: number;
  readonly duplicates: number;
  readonly maxGaps: number;
  readonly maxDuplicates: number;
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
    const { ports, clients, channels, rate, bytes } = options;
    this.#options = options;
    this.#ledgers = channels.map(() => new Ledger());
    this.publisher = new SteadyPublisher({
      port: ports.at(-1) as number,
      channels,
      ledgers: this.#ledgers,
      perSecond: rate,
      bytes,
    });
    this.publisher.onLost = () => void this.#return(() => this.publisher.connect());
    this.#clients = Array.from({ length: clients }, (_, i) => {
      const at = i % channels.length;
      const client = new RecoveringClient(i, ports, channels[at] as string, this.#ledgers[at] as Ledger);
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
    this.publisher.expectAcknowledgement();
    for (const ledger of this.#ledgers) ledger.delaysMs = [];
  }

  /** To be called when all are back. @returns delays of deliveries meanwhile to those that were, ascending */
  takeDelays(): number[] {
    const delays = this.#ledgers.flatMap(({ delaysMs }) => delaysMs ?? []);
    for (const ledger of this.#ledgers) ledger.delaysMs = undefined;
    return delays.sort((a, b) => a - b);
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
      maxGaps: Math.max(...gaps),
      maxDuplicates: Math.max(...duplicates),
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
    while (this.#connecting < this.#options.maxConnecting && !this.#isClosed) {
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

export interface SteadyPublisherOptions {
  readonly port: number;
  readonly channels: readonly string[];
  /** One for each channel. */
  readonly ledgers: readonly Ledger[];
  readonly perSecond: number;
  readonly bytes: number;
}

const tickMs = 5;
const idsUsed = 2;

export class SteadyPublisher {
  onLost: (() => void) | undefined;
  published = 0;
  acknowledged = 0;
  /** Refused for a moment, such as while another node takes a store over; not sent again. */
  refused = 0;
  /** When a publication was acknowledged that was sent after `expectAcknowledgement`. */
  acknowledgedAt: number | undefined;
  readonly #options: SteadyPublisherOptions;
  #client: RawClient | undefined;
  #generation = 0;
  #timer: NodeJS.Timeout | undefined;
  /** How long each acknowledgement was waited for. */
  readonly latenciesMs: number[] = [];
  /** Sequence numbers that wait for an acknowledgement, and since when. */
  readonly #waiting = new Map<number, number>();
  #lastBefore = Number.POSITIVE_INFINITY;

  constructor(options: SteadyPublisherOptions) {
    this.#options = options;
  }

  get outstanding(): number {
    return this.#waiting.size;
  }

  /** Connects and begins, or goes on with the next sequence number. */
  async connect(): Promise<void> {
    const source = sourceOf(0, this.#generation);
    const client = await RawClient.open({ port: this.#options.port, protocol: holdfastProtocol, ...source });
    await holdfastProtocol.signOn(client);
    this.#client = client;
    this.#generation++;
    this.#waiting.clear();
    client.onMessage = (message) => this.#receive(message);
    client.onLost = () => {
      clearInterval(this.#timer);
      this.onLost?.();
    };
    this.#start(client);
  }

  expectAcknowledgement(): void {
    this.#lastBefore = this.published;
    this.acknowledgedAt = undefined;
  }

  /** Publishes nothing more; acknowledgements may still come. */
  stop(): void {
    clearInterval(this.#timer);
  }

  destroy(): void {
    this.stop();
    this.#client?.destroy();
  }

  #start(client: RawClient): void {
    const { perSecond } = this.#options;
    const start = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - start) / 1000) * perSecond) - sent;
      if (due <= 0) return;
      sent += due;
      client.send(...Array.from({ length: due }, () => this.#next()));
    }, tickMs);
  }

  #next(): string {
    const { channels, bytes } = this.#options;
    const sequence = ++this.published;
    this.#waiting.set(sequence, performance.now());
    const channel = channels[sequence % channels.length] as string;
    this.#options.ledgers[sequence % channels.length]?.send(sequence);
    return holdfastProtocol.publish(channel, markedPayload.create(sequence, bytes), sequence);
  }

  #receive(message: string): void {
    for (const line of message.split("\n"))
      if (line.includes('"temporary":true')) this.#take(line, () => this.refused++);
      // Throws on other errors, and with that ends the benchmark.
      else if (holdfastProtocol.acknowledgementsIn(line) > 0)
        this.#take(line, (sequence) => {
          this.acknowledged++;
          if (sequence > this.#lastBefore) this.acknowledgedAt ??= performance.now();
          this.#options.ledgers[sequence % this.#options.ledgers.length]?.acknowledge(sequence);
        });
  }

  #take(reply: string, then: (sequence: number) => void): void {
    const { id } = JSON.parse(reply) as { readonly id: number };
    const sequence = id - idsUsed;
    const sentAt = this.#waiting.get(sequence);
    if (sentAt === undefined) throw new Error(`answered twice, or never published: ${id}`);
    this.#waiting.delete(sequence);
    this.latenciesMs.push(performance.now() - sentAt);
    then(sequence);
  }
}
