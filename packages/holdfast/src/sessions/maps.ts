/**
 * Channels of kind `map`. A client subscribes in steps: the state page by page, then the changes since the first page, then live.
 * Meanwhile the channel is held open, and the grant of the first step holds for all steps. {@link MapControl} is for the server
 * API.
 */

import { toFull } from "../channels/batches.js";
import type { Broker } from "../channels/broker.js";
import type { Channel } from "../channels/channel.js";
import type { Channels } from "../channels/channels.js";
import type { KeysPage, KeysQuery, Log } from "../channels/log.js";
import type { Recovered } from "../channels/recovery.js";
import { type ChannelRules, storageOf } from "../channels/rules.js";
import type { DeadlineHolder } from "../time/deadlines.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import type { MapParams, MapResult, Position, Publication, SubscribeParams } from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import { nullPayload } from "../wire/payload.js";
import type { Application } from "./application.js";
import type { SessionContext } from "./context.js";
import type { Reader } from "./data-access.js";
import type { Publishing } from "./publishing.js";
import { type Failure, isPatched, keepsFor, type SubscribeGrant } from "./subscribing.js";

/** Time for the client to send the next step. */
const stepTimeoutMs = 30_000;

export class MapPaging implements DeadlineHolder {
  dueTick = 0;
  readonly channel: Channel;
  readonly granted: SubscribeGrant;
  /** Position of the first page of the state; later publications are sent as changes. */
  start: Position | undefined;
  /** Head of the log at the first page of changes. */
  top: number | undefined;
  readonly #onDeadline: (paging: MapPaging) => void;

  constructor(channel: Channel, granted: SubscribeGrant, onDeadline: (paging: MapPaging) => void) {
    this.channel = channel;
    this.granted = granted;
    this.#onDeadline = onDeadline;
  }

  onDeadline(): void {
    this.#onDeadline(this);
  }
}

/** The maps that one session is subscribing to, by channel. */
export class MapPagings {
  readonly #context: Pick<SessionContext, "channels" | "deadlines">;
  readonly #isBusy: () => boolean;
  readonly #pagings = new Map<string, MapPaging>();

  /** @param isBusy whether bytes still wait for the client, or its input waits for the server */
  constructor(context: Pick<SessionContext, "channels" | "deadlines">, isBusy: () => boolean) {
    this.#context = context;
    this.#isBusy = isBusy;
  }

  get count(): number {
    return this.#pagings.size;
  }

  get names(): Iterable<string> {
    return this.#pagings.keys();
  }

  namesWhere(matches: (paging: MapPaging) => unknown): readonly string[] {
    return [...this.#pagings].filter(([, paging]) => matches(paging)).map(([channel]) => channel);
  }

  has(channel: string): boolean {
    return this.#pagings.has(channel);
  }

  /** The one that a step continues; undefined if the step begins one. */
  find(channel: string, { phase, cursor }: MapParams): MapPaging | undefined {
    return phase === "state" && cursor === undefined ? undefined : this.#pagings.get(channel);
  }

  /** @throws what the broker's `subscribe` throws */
  async begin(channel: string, granted: SubscribeGrant, owner: string): Promise<MapPaging> {
    const acquired = await this.#context.channels.acquire(channel, owner);
    this.end(channel);
    const paging = new MapPaging(acquired, granted, (each) => {
      // A slow client may not have read the page yet, or its next step waits here. Keepalive bounds that.
      if (this.#isBusy()) this.await(each);
      else this.end(channel, each);
    });
    this.#pagings.set(channel, paging);
    this.await(paging);
    return paging;
  }

  /** Waits for the client's next step. */
  await(paging: MapPaging): void {
    this.#context.deadlines.set(paging, stepTimeoutMs);
  }

  /** A step is running, which may take any time. */
  hold(paging: MapPaging): void {
    this.#context.deadlines.clear(paging);
  }

  /**
   * @param only ends nothing if another has replaced this one
   * @returns whether one was ended
   */
  end(channel: string, only?: MapPaging): boolean {
    const paging = this.#pagings.get(channel);
    if (paging === undefined || (only && only !== paging)) return false;
    this.#pagings.delete(channel);
    this.#context.deadlines.clear(paging);
    this.#context.channels.release(paging.channel);
    return true;
  }

  endAll(): void {
    for (const channel of [...this.#pagings.keys()]) this.end(channel);
  }
}

/** The subscription is live from here. */
export interface LiveStep {
  readonly state: readonly Publication[];
  readonly recovery: Extract<Recovered, { isRecovered: true }>;
  /** Whether the client has all values after this step. */
  readonly hasValues: boolean;
}

export type Step =
  /** A page, after which another step follows. */
  | {
      readonly page: MapResult;
      readonly position: Position;
      readonly publications: readonly Publication[];
    }
  | LiveStep;

/** @throws what the broker throws */
export async function nextStep(
  context: SessionContext,
  paging: MapPaging,
  params: SubscribeParams & { readonly map: MapParams },
  reader: Reader,
): Promise<Step | Failure> {
  return params.map.phase === "state"
    ? await stateStep(context, paging, params)
    : await streamStep(context, paging, params, reader);
}

async function stateStep(
  context: SessionContext,
  paging: MapPaging,
  params: SubscribeParams & { readonly map: MapParams },
): Promise<Step | Failure> {
  const { channel, granted } = paging;
  const { map, filter } = params;
  const isDelta = isPatched(params, granted);
  if (isDelta) channel.keepValues();
  const page = await readState(context.broker.log, granted.rules, {
    ...map,
    channel: channel.name,
    minEntries: minMapPage,
  });
  if (page === undefined) return { error: replyError("badRequest", `subscribe.${cursorFault}`) };
  const start = startOf(paging, page);
  if (start === undefined) return unrecoverable();
  channel.addValues(page.publications, page.position);
  // Newer values come as changes.
  const wanted = page.publications.filter(
    ({ offset, tags }) => offset <= start.offset && (filter?.passes(tags) ?? true),
  );
  const state = isDelta ? wanted.map(toFull) : wanted;
  const { cursor } = page;
  const answer = { position: start, publications: [] };
  if (cursor !== undefined) return { ...answer, page: { phase: "state", state, cursor } };
  const isFar = channel.head - start.offset > pageEntries(map.limit, minMapPage);
  if (isFar && granted.rules.retention.maxEntries > 0) return { ...answer, page: { phase: "state", state } };
  const recovery = await context.channels.recovery.recover(channel, start, () => true);
  return recovery.isRecovered ? { state, recovery, hasValues: true } : unrecoverable();
}

/** Set by the first page. @returns undefined if the log has started afresh since */
function startOf(paging: MapPaging, { position }: KeysPage): Position | undefined {
  paging.start ??= position;
  return position.epoch === paging.start.epoch ? paging.start : undefined;
}

async function streamStep(
  { access, channels, clock }: SessionContext,
  paging: MapPaging,
  params: SubscribeParams & { readonly map: MapParams },
  reader: Reader,
): Promise<Step | Failure> {
  const { channel, granted, start } = paging;
  const { recover: isRecovering, map } = params;
  const { retention, recovery = "force" } = granted.rules;
  if (isRecovering && (recovery === "off" || retention.maxEntries === 0)) return unrecoverable();
  const since = startOfChanges(params, start);
  // Live at once, without earlier publications.
  if (since === undefined)
    return {
      state: [],
      recovery: { isRecovered: true, publications: [], offset: channel.head },
      hasValues: false,
    };
  const follows = start !== undefined && since.epoch === start.epoch && since.offset >= start.offset;
  if (!follows && !access.canReadFrom(reader, channel, since, granted.rights)) return unrecoverable();
  const found = await channels.recovery.recover(
    channel,
    since,
    isRecovering ? keepsFor(channel, granted.rules, clock.now()) : () => true,
  );
  if (!found.isRecovered) return unrecoverable();
  paging.top ??= channel.head;
  const page = limited(found, map.limit);
  if (map.phase === "live" || page.offset >= paging.top)
    return { state: [], recovery: page, hasValues: true };
  const publications = page.publications.filter(({ tags }) => params.filter?.passes(tags) ?? true);
  return {
    page: { phase: "stream", state: [] },
    position: { epoch: channel.epoch, offset: page.offset },
    publications: isPatched(params, granted) ? publications.map(toFull) : publications,
  };
}

/**
 * Where a step reads changes from: the position that it names, or else that of the state. Clients omit an offset of 0.
 * @returns undefined if it names none, and asks to be live at once
 */
function startOfChanges(
  { epoch, offset, recover, map }: SubscribeParams & { readonly map: MapParams },
  start: Position | undefined,
): Position | undefined {
  if (epoch !== "" || offset > 0) return { epoch: epoch || (start?.epoch ?? ""), offset };
  return start ?? (recover || map.phase === "stream" ? { epoch: "", offset: 0 } : undefined);
}

function limited(
  recovery: Extract<Recovered, { isRecovered: true }>,
  limit: number,
): Extract<Recovered, { isRecovered: true }> {
  const { publications } = recovery;
  if (limit === 0 || publications.length <= limit) return recovery;
  const page = publications.slice(0, limit);
  return { isRecovered: true, publications: page, offset: page.at(-1)?.offset ?? recovery.offset };
}

function unrecoverable(): Failure {
  return { error: replyError("unrecoverablePosition") };
}

/** Most entries of a page; fewer if they are large. */
const maxMapPage = 1000;
/** Fewest entries of a page for subscribers. */
export const minMapPage = 100;
/** Most characters of a page. */
const maxPageCharacters = 128 * 1024;

export interface StateRequest {
  readonly channel: string;
  /** Most entries; 0 for as many as a page may have. */
  readonly limit: number;
  /** Raises a smaller `limit`. @default 1 */
  readonly minEntries?: number;
  /** Where the previous page ended. */
  readonly cursor?: string | undefined;
  /** Lowest score first. @default false */
  readonly isAscending?: boolean;
}

export interface StatePage extends KeysPage {
  /** Where the next page begins; undefined after the last one. */
  readonly cursor: string | undefined;
}

/**
 * One page of a map in its order, for every kind of reader.
 * @returns undefined if the cursor is invalid
 * @throws what the broker's `keys` throws
 */
export async function readState(
  log: Pick<Log, "keys">,
  { map }: ChannelRules,
  { channel, limit, minEntries = 1, cursor, isAscending = false }: StateRequest,
): Promise<StatePage | undefined> {
  const after = cursor === undefined ? undefined : parseCursor(cursor);
  if (after === null) return undefined;
  const isOrdered = map?.isOrdered === true;
  const page = await log.keys(channel, {
    order: isOrdered ? "score" : "key",
    isReverse: isOrdered && isAscending,
    ...(after && { after }),
    maxEntries: pageEntries(limit, minEntries),
    maxBytes: maxPageCharacters,
  });
  const last = page.publications.at(-1);
  return { ...page, cursor: page.hasMore && last ? cursorOf(last) : undefined };
}

/** The text for an invalid cursor. */
export const cursorFault = "cursor was not issued by this server";

/** Most entries of a page with the limit that was asked for. */
export function pageEntries(limit: number, minEntries: number): number {
  return limit === 0 ? maxMapPage : Math.min(maxMapPage, Math.max(minEntries, limit));
}

/** Where a page ended; clients send it back as it is. */
function cursorOf({ key = "", score = 0 }: Publication): string {
  return `${score}:${key}`;
}

/** @returns null if it is invalid */
function parseCursor(cursor: string): KeysQuery["after"] | null {
  const [, score = "", key = ""] = /^([^:]+):(.+)$/s.exec(cursor) ?? [];
  return key === "" || !Number.isFinite(Number(score)) ? null : { score: Number(score), key };
}

const removalsAtOnce = 128;

/** Reads and clears maps for the HTTP interface and for programs that embed a server. */
export class MapControl {
  readonly #broker: Broker;
  readonly #application: Pick<Application, "policyFor">;
  readonly #channels: Pick<Channels, "whenReadersCatchUp">;

  constructor({ broker, application, channels }: Publishing) {
    this.#broker = broker;
    this.#channels = channels;
    this.#application = application;
  }

  /** Values of keys, in the map's order. */
  async read(
    params: Omit<StateRequest, "limit"> & { readonly limit?: number },
  ): Promise<StatePage | ReplyError> {
    const rules = this.#rulesOf(params.channel);
    if ("code" in rules) return rules;
    const page = await readState(this.#broker.log, rules, { limit: 0, ...params });
    return page ?? replyError("badRequest", cursorFault);
  }

  /** @returns undefined if the key has no value */
  async value(channel: string, key: string): Promise<Publication | undefined | ReplyError> {
    const rules = this.#rulesOf(channel);
    return "code" in rules ? rules : await this.#broker.log.value(channel, key);
  }

  async numKeys(channel: string): Promise<number | ReplyError> {
    const page = await this.read({ channel, limit: 1 });
    return "code" in page ? page : page.numKeys;
  }

  /** Removes every key that has a value now. Readers get each removal. */
  async clear(channel: string): Promise<ReplyError | undefined> {
    const rules = this.#rulesOf(channel);
    if ("code" in rules) return rules;
    let cursor: string | undefined;
    do {
      const page = await this.read({ channel, ...(cursor !== undefined && { cursor }) });
      if ("code" in page) return page;
      await this.#remove(channel, page.publications, rules);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return undefined;
  }

  /** Some at a time, so that readers keep up. */
  async #remove(channel: string, publications: readonly Publication[], rules: ChannelRules): Promise<void> {
    for (let i = 0; i < publications.length; i += removalsAtOnce) {
      for (
        let wait = this.#channels.whenReadersCatchUp(channel);
        wait;
        wait = this.#channels.whenReadersCatchUp(channel)
      )
        await wait;
      await Promise.all(
        publications
          .slice(i, i + removalsAtOnce)
          .map(({ key = "" }) =>
            this.#broker.log.publish(channel, { key, data: nullPayload, isRemoved: true }, storageOf(rules)),
          ),
      );
    }
  }

  #rulesOf(channel: string): ChannelRules | ReplyError {
    const fault = findChannelNameFault(channel);
    if (fault !== undefined) return replyError("badRequest", fault);
    const policy = this.#application.policyFor(channel);
    if (policy === undefined) return replyError("unknownChannel");
    return policy.rules.kind === "map" ? policy.rules : replyError("badRequest", "this channel is not a map");
  }
}
