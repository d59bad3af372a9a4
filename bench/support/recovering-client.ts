/**
 * A subscriber that comes back where it was: it remembers the position it has read to, subscribes with it again after
 * its connection was lost, and notes when it is live once more.
 */
import { holdfastProtocol } from "./protocols.js";
import { RawClient, sourceOf } from "./raw-client.js";

interface Pub {
  readonly data: string;
  readonly offset: number;
}

interface Line {
  readonly id?: number;
  readonly error?: object;
  readonly subscribe?: {
    readonly epoch: string;
    readonly offset?: number;
    readonly publications?: readonly Pub[];
    readonly recovered?: boolean;
  };
  readonly push?: { readonly pub?: Pub; readonly unsubscribe?: object };
}

const subscribeId = 2;

export class RecoveringClient {
  readonly continuity = new Continuity();
  /** When it was live again, by `performance.now()`; undefined while it is not. */
  liveAt: number | undefined;
  /** Times that the server said that it could not recover. */
  unrecovered = 0;
  onLost: (() => void) | undefined;
  readonly #ledger: Ledger;
  readonly #channel: string;
  readonly #index: number;
  readonly #ports: readonly number[];
  #client: RawClient | undefined;
  /** Connections that it has had. */
  #generation = 0;
  #attempts = 0;
  /** What it has to have read to be live: an offset, and a sequence number that was acknowledged before the kill. */
  #wanted: { readonly offset: number; readonly sequence: number } | undefined;

  /** @param ports of nodes: its own by `index`, and another at each further attempt to connect */
  constructor(index: number, ports: readonly number[], channel: string, ledger: Ledger) {
    this.#index = index;
    this.#ports = ports;
    this.#channel = channel;
    this.#ledger = ledger;
  }

  /** Connects and subscribes, from the position it has read to where there is one. @throws Error when it can't */
  async connect(acknowledgedBefore?: number): Promise<void> {
    const { epoch, offset } = this.continuity;
    const port = this.#ports[(this.#index + this.#attempts++) % this.#ports.length] as number;
    const client = await RawClient.open({
      port,
      protocol: holdfastProtocol,
      ...sourceOf(this.#index, this.#generation),
    });
    this.#client = client;
    this.#generation++;
    const isRecovering = epoch !== "";
    const position = isRecovering ? { recover: true, epoch, offset } : {};
    const subscribe = { channel: this.#channel, recoverable: true, positioned: true, ...position };
    await new Promise<void>((resolve, reject) => {
      client.onLost = reject;
      client.onMessage = (message) => {
        try {
          for (const line of linesOf(message))
            if (this.#receive(line, isRecovering, acknowledgedBefore)) resolve();
        } catch (error) {
          reject(error as Error);
          client.destroy();
        }
      };
      client.send(`{"id":1,"connect":{}}\n${JSON.stringify({ id: subscribeId, subscribe })}`);
    });
    client.onLost = () => this.onLost?.();
  }

  destroy(): void {
    this.#client?.destroy();
  }

  /** @returns whether the line is the reply to subscribe */
  #receive(line: Line, isRecovering: boolean, acknowledgedBefore: number | undefined): boolean {
    const { subscribe, push } = line;
    if (line.error || push?.unsubscribe)
      throw new Error(`the server refused or ended the subscription: ${JSON.stringify(line)}`);
    if (subscribe) {
      const { epoch, offset = 0, publications = [], recovered = false } = subscribe;
      if (!recovered) this.continuity.begin(epoch, offset);
      if (isRecovering && !recovered) this.unrecovered++;
      for (const pub of publications) this.#take(pub);
      // Where nothing could be recovered, what it missed will never come.
      const wanted = { offset: this.#ledger.head, sequence: acknowledgedBefore ?? 0 };
      if (isRecovering) this.#wanted = recovered ? wanted : { offset: 0, sequence: 0 };
    }
    if (push?.pub) {
      const sequence = this.#take(push.pub);
      if (this.liveAt !== undefined) this.#ledger.deliver(sequence);
    }
    if (this.#wanted && this.continuity.sequence >= this.#wanted.sequence)
      this.#noteWhetherLive(this.#wanted.offset);
    return subscribe !== undefined;
  }

  #noteWhetherLive(wantedOffset: number): void {
    if (this.continuity.offset < wantedOffset) return;
    this.#wanted = undefined;
    this.liveAt = performance.now();
  }

  /** @returns its sequence number */
  #take({ data, offset }: Pub): number {
    const sequence = Number(data.slice(1, 11));
    this.continuity.take(offset, sequence);
    this.#ledger.see(offset, sequence);
    return sequence;
  }
}

/** As many as there are channels of a usual run, and some. */
const maxKnown = 256;
const known = new Map<string, readonly Line[]>();

/** All subscribers of a channel get the same message, and many of those that come back the same reply. */
function linesOf(message: string): readonly Line[] {
  const parsed = known.get(message);
  if (parsed) return parsed;
  const lines = message.split("\n").map((line) => JSON.parse(line) as Line);
  known.set(message, lines);
  if (known.size > maxKnown) known.delete(known.keys().next().value as string);
  return lines;
}

export class Continuity {
  epoch = "";
  /** Of the last publication that came, or where the subscription began. */
  offset = 0;
  /** The highest number of a publisher's that came. */
  sequence = 0;
  /** Offsets that were passed over. */
  gaps = 0;
  /** Publications that came again, at the same offset or at another. */
  duplicates = 0;

  begin(epoch: string, offset: number): void {
    this.epoch = epoch;
    this.offset = offset;
  }

  /** @param sequence the publisher's number, which rises within a channel */
  take(offset: number, sequence: number): void {
    if (offset <= this.offset) {
      this.duplicates++;
      return;
    }
    if (sequence <= this.sequence) this.duplicates++;
    else this.sequence = sequence;
    this.gaps += offset - this.offset - 1;
    this.offset = offset;
  }
}

/** What all know of one channel together: which publication stands where, and which were acknowledged. */
export class Ledger {
  /** The highest offset that anybody has seen. */
  head = 0;
  /** Times that two saw different publications at one offset. */
  contradictions = 0;
  /** The highest sequence number that was acknowledged. */
  lastAcknowledged = 0;
  /** Milliseconds from sending to delivery, to clients that were live; undefined while they are not measured. */
  delaysMs: number[] | undefined;
  /** When what is under way was sent, while delays are measured. */
  readonly #sentAt = new Map<number, number>();
  readonly #sequences = new Map<number, number>();
  readonly #acknowledged = new Set<number>();

  see(offset: number, sequence: number): void {
    const known = this.#sequences.get(offset);
    if (known === undefined) this.#sequences.set(offset, sequence);
    else if (known !== sequence) this.contradictions++;
    if (offset > this.head) this.head = offset;
  }

  send(sequence: number): void {
    if (this.delaysMs) this.#sentAt.set(sequence, performance.now());
  }

  deliver(sequence: number): void {
    const sentAt = this.#sentAt.get(sequence);
    if (sentAt !== undefined) this.delaysMs?.push(performance.now() - sentAt);
  }

  acknowledge(sequence: number): void {
    this.#acknowledged.add(sequence);
    if (sequence > this.lastAcknowledged) this.lastAcknowledged = sequence;
  }

  /** Publications that were acknowledged and that nobody ever saw. */
  countLost(): number {
    const seen = new Set(this.#sequences.values());
    return [...this.#acknowledged].filter((sequence) => !seen.has(sequence)).length;
  }
}
