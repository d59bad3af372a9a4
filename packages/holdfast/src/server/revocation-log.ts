/**
 * Revocations in the broker: a log that every node reads, so that they outlast a process on a store, and reach other nodes
 * on a broker that has some. What is in force is in memory (`Revocations`); that log only says how it came about. Entries
 * may be read in any order and any number of times, since the later end and the later moment count. Hence a log that has
 * grown long is written anew at its own end, and what lies before is dropped.
 */
import { type Revocation, type Revocations, revocationDurationMs } from "../auth/revocations.js";
import type { Log, PublishOptions, Retention } from "../channels/log.js";
import { HoldfastError } from "../errors.js";
import type { Publication } from "../wire/messages.js";

/** No client and no interface can name it: names of channels are printable (wire/channel-name.ts). */
export const revocationChannel = "\u0001revocations";

export interface RevocationLogOptions {
  readonly log: Log;
  readonly revocations: Revocations;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Tokens were revoked, here or on another node: connections that came with them have to end. */
  readonly onRevoked: () => void;
  /**
   * Entries beyond one for each revocation in force before the log is written anew. As many are left before what is
   * needed. @default 1,000
   */
  readonly maxSpareEntries?: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

const defaultMaxSpareEntries = 1000;
/** Of one entry, where the log is written anew. */
const revocationsPerEntry = 100;
const page = { maxEntries: 1000, maxBytes: 1024 * 1024, isReverse: false };
/** How many entries are needed is said with each; none is dropped for its size. */
const retention = {
  maxBytes: Number.MAX_SAFE_INTEGER,
  ttlMs: revocationDurationMs,
} satisfies Partial<Retention>;
const stage = "storing revocations";

export class RevocationLog {
  readonly #options: RevocationLogOptions;
  readonly #maxSpareEntries: number;
  #epoch = "";
  /** The offset from which on entries are needed, and that of the last one that was read. */
  #first = 1;
  #head = 0;
  /** Of the last entry of this node. */
  #lastOwn = 0;
  /** Entries of this node that have no offset yet. */
  #underWay = 0;
  #isOpen = false;
  #mustRead = false;
  #reading: Promise<void> | undefined;
  #isRewriting = false;
  #isClosed = false;

  constructor(options: RevocationLogOptions) {
    this.#options = options;
    this.#maxSpareEntries = options.maxSpareEntries ?? defaultMaxSpareEntries;
  }

  /** Entries that are needed. */
  get length(): number {
    return this.#last - this.#first + 1;
  }

  /** As far as is known. */
  get #last(): number {
    return Math.max(this.#head, this.#lastOwn);
  }

  /**
   * Reads what is in force; the broker is open.
   * @throws HF_REVOCATIONS_FULL when there are more than may be kept, of which none may be left out
   */
  async open(): Promise<void> {
    await this.#options.log.subscribe(revocationChannel);
    await this.#catchUp();
  }

  /** What is under way is of no interest any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** An event of the broker for this channel. */
  receive(publication: Publication, epoch: string): void {
    const { offset } = publication;
    if (epoch === this.#epoch && offset <= this.#head) return;
    if (this.#reading === undefined && epoch === this.#epoch && offset === this.#head + 1) {
      this.#head = offset;
      this.#take(publication);
      this.#options.onRevoked();
    } else this.#catchUp().catch((error: unknown) => this.#report(error));
  }

  /** Reads what events have failed to bring. @throws what reading the log throws */
  async check(): Promise<void> {
    if (!this.#isOpen || this.#isClosed) return;
    const heads = await this.#options.log.heads([revocationChannel]);
    const head = heads.get(revocationChannel);
    if (head && (head.epoch !== this.#epoch || head.offset > this.#head)) await this.#catchUp();
  }

  /**
   * In force at once, also where it could not be kept; resolves when it is as durable as the broker can make it, which has
   * room for it where it is full for all others. They end after 30 days at the latest.
   * @throws HF_REVOCATIONS_FULL, with nothing done; HF_BROKER_FULL and others of the broker's `publish`
   */
  async add(revocation: Revocation): Promise<void> {
    const latest = this.#options.now() + revocationDurationMs;
    const bounded = { ...revocation, untilMs: Math.min(revocation.untilMs ?? latest, latest) };
    this.#options.revocations.add(bounded);
    this.#options.onRevoked();
    await this.#publish([bounded]);
    const { size } = this.#options.revocations;
    if (this.length > size + this.#maxSpareEntries) void this.#rewrite();
  }

  #catchUp(): Promise<void> {
    this.#mustRead = true;
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOn(): Promise<void> {
    while (this.#mustRead) {
      this.#mustRead = false;
      while (await this.#readPage());
    }
    this.#isOpen = true;
    this.#options.onRevoked();
  }

  /** @returns whether there is more */
  async #readPage(): Promise<boolean> {
    const { log } = this.#options;
    const { publications, position } = await log.history(revocationChannel, {
      ...page,
      sinceOffset: this.#head,
    });
    if (position.epoch !== this.#epoch) {
      const isRead = this.#head === 0;
      this.#epoch = position.epoch;
      this.#head = 0;
      this.#lastOwn = 0;
      if (!isRead) return true;
    }
    if (this.#head === 0) this.#first = publications[0]?.offset ?? position.offset + 1;
    for (const publication of publications) this.#take(publication);
    this.#head = Math.max(this.#head, publications.at(-1)?.offset ?? position.offset);
    return this.#head < position.offset;
  }

  /** @throws HF_REVOCATIONS_FULL before the log is open; later, it is reported */
  #take({ data }: Publication): void {
    const { revocations } = this.#options;
    try {
      for (const revocation of (JSON.parse(data) as Entry).revocations) revocations.add(revocation);
    } catch (error) {
      if (!this.#isOpen && error instanceof HoldfastError && error.code === "HF_REVOCATIONS_FULL")
        throw error;
      this.#report(error);
    }
  }

  /** @returns the entry's offset */
  async #publish(revocations: Entry["revocations"]): Promise<number> {
    this.#underWay++;
    // What was not read yet may be of other nodes, and is nowhere else.
    const needed = this.#last - Math.min(this.#first, this.#head + 1) + 1;
    const maxEntries = needed + this.#underWay + this.#maxSpareEntries;
    const options: PublishOptions = {
      retention: { ...retention, maxEntries },
      durability: "disk",
      isReserved: true,
    };
    const data = JSON.stringify({ revocations } satisfies Entry);
    try {
      const { position } = await this.#options.log.publish(revocationChannel, { data }, options);
      this.#lastOwn = Math.max(this.#lastOwn, position.offset);
      return position.offset;
    } finally {
      this.#underWay--;
    }
  }

  async #rewrite(): Promise<void> {
    if (this.#isRewriting) return;
    this.#isRewriting = true;
    try {
      await this.#writeAnew();
    } catch (error) {
      this.#report(error);
    }
    this.#isRewriting = false;
  }

  async #writeAnew(): Promise<void> {
    const { revocations } = this.#options;
    revocations.prune();
    // All are asked for in one turn, so what is added later comes later in the log.
    const entries = chunksOf([...revocations], revocationsPerEntry).map((chunk) => this.#publish(chunk));
    const offsets = await Promise.all(entries);
    this.#first = offsets[0] ?? this.#last + 1;
    // With this one, what lies before is dropped.
    await this.#publish([]);
  }

  #report(error: unknown): void {
    if (!this.#isClosed) this.#options.onError(error, { stage });
  }
}

/** The data of an entry. */
interface Entry {
  readonly revocations: readonly (Revocation & { readonly untilMs: number })[];
}

function chunksOf<T>(all: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let i = 0; i < all.length; i += size) chunks.push(all.slice(i, i + size));
  return chunks;
}
