/**
 * Revocations in the broker: a log that every node reads, so that they survive a restart on a store, and reach other nodes
 * on a shared broker. `Revocations` holds the current ones in memory; the log is their history. Entries
 * may be read in any order and any number of times, since the later end and the later moment count. So a log that has
 * grown long is rewritten at its end, and everything before is dropped.
 */
import { type Revocation, type Revocations, revocationDurationMs } from "../auth/revocations.js";
import type { Tokens } from "../auth/tokens.js";
import type { Broker } from "../channels/broker.js";
import type { Log, PublishOptions, Retention } from "../channels/log.js";
import { HoldfastError } from "../errors.js";
import type { ApiTools } from "../http/api/api-method.js";
import type { Audit } from "../observe/audit.js";
import type { NodeCommands } from "../sessions/node-commands.js";
import type { Clock } from "../time/clock.js";
import type { ReplyError } from "../wire/codes.js";
import type { Publication } from "../wire/messages.js";
import { parsePayload } from "../wire/payload.js";

/** No client or API can name it: channel names are printable (findChannelNameFault). */
export const revocationChannel = "\u0001revocations";

export interface RevocationLogOptions {
  readonly log: Log;
  readonly revocations: Revocations;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Called when tokens are revoked, here or on another node: ends connections made with them. */
  readonly onRevoked: () => void;
  /**
   * Superfluous entries before the log is rewritten. As many are left before the ones
   * needed. @default 1,000
   */
  readonly maxSpareEntries?: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

const defaultMaxSpareEntries = 1000;
/** Revocations per entry of a rewritten log. */
const revocationsPerEntry = 100;
const page = { maxEntries: 1000, maxBytes: 1024 * 1024, isReverse: false };
/** Each entry says how many are needed; none is dropped for its size. */
const retention = {
  maxBytes: Number.MAX_SAFE_INTEGER,
  ttlMs: revocationDurationMs,
} satisfies Partial<Retention>;
const stage = "storing revocations";

export class RevocationLog {
  readonly #options: RevocationLogOptions;
  readonly #maxSpareEntries: number;
  #epoch = "";
  /** Offsets of the first needed entry, and of the last one read. */
  #first = 1;
  #head = 0;
  /** Offset of the last entry of this node. */
  #lastOwn = 0;
  /** Entries of this node without an offset yet. */
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

  /** Number of needed entries. */
  get length(): number {
    return this.#last - this.#first + 1;
  }

  /** As far as is known. */
  get #last(): number {
    return Math.max(this.#head, this.#lastOwn);
  }

  /**
   * Reads the current revocations; the broker must be open.
   * @throws HF_REVOCATIONS_FULL when there are more than can be kept, since none may be ignored
   */
  async open(): Promise<void> {
    await this.#options.log.subscribe(revocationChannel);
    await this.#catchUp();
  }

  /** Ignores the results of pending reads. */
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

  /** Reads entries whose events were lost. @throws what reading the log throws */
  async check(): Promise<void> {
    if (!this.#isOpen || this.#isClosed) return;
    const heads = await this.#options.log.heads([revocationChannel]);
    const head = heads.get(revocationChannel);
    if (head && (head.epoch !== this.#epoch || head.offset > this.#head)) await this.#catchUp();
  }

  /**
   * Takes effect at once, even if storing it fails; resolves when it is as durable as the broker can make it, which reserves
   * room for it. Revocations end after 30 days at the latest.
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
      for (const revocation of (parsePayload(data) as Entry).revocations) revocations.add(revocation);
    } catch (error) {
      if (!this.#isOpen && error instanceof HoldfastError && error.code === "HF_REVOCATIONS_FULL")
        throw error;
      this.#report(error);
    }
  }

  /** @returns the entry's offset */
  async #publish(revocations: Entry["revocations"]): Promise<number> {
    this.#underWay++;
    // Unread entries may be from other nodes, and are nowhere else.
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
    // All are published in one turn, so later additions come later in the log.
    const entries = chunksOf([...revocations], revocationsPerEntry).map((chunk) => this.#publish(chunk));
    const offsets = await Promise.all(entries);
    this.#first = offsets[0] ?? this.#last + 1;
    // This one drops everything before.
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

export interface RevocationContext {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly commands: Pick<NodeCommands, "endRevoked">;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Ends connections and subscriptions of revoked tokens, on whichever node they were revoked. */
export function createRevocationLog(
  { revocations }: Tokens,
  { broker, clock, commands, onError }: RevocationContext,
): RevocationLog {
  return new RevocationLog({
    log: broker.log,
    revocations,
    now: () => clock.now(),
    onRevoked: () => commands.endRevoked(),
    onError,
  });
}

/** @throws HF_REVOCATIONS_FULL, and what the broker's `publish` throws */
export async function revokeTokens(
  log: RevocationLog,
  revocation: Parameters<NonNullable<ApiTools["revoke"]>>[0],
  audit: Audit,
): Promise<ReplyError | undefined> {
  const { user, token_id: tokenId, issued_before } = revocation;
  const issuedBefore = issued_before === undefined ? undefined : issued_before * 1000;
  if (tokenId !== undefined) await log.add({ tokenId });
  if (user !== undefined) await log.add({ user, ...(issuedBefore !== undefined && { issuedBefore }) });
  else if (issuedBefore !== undefined) await log.add({ issuedBefore });
  audit("tokensRevoked", {
    ...(user !== undefined && { user }),
    ...(tokenId !== undefined && { tokenId }),
    ...(issuedBefore !== undefined && { issuedBefore }),
  });
  return undefined;
}
