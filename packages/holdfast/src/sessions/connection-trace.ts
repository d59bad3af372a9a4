/**
 * What one session tells the recorder: who it is, when it falls behind and has caught up, limits that it hits, and its end. A session
 * that keeps up costs one comparison per flush.
 */
import type { Channel, Subscription } from "../channels/channel.js";
import type { Recovered } from "../channels/recovery.js";
import { messageOf } from "../errors.js";
import type { Log } from "../observe/log.js";
import type { Meters } from "../observe/meters.js";
import type { Clock } from "../time/clock.js";
import { type Disconnect, errorTable } from "../wire/codes.js";
import type { Reply, SubscribeParams } from "../wire/messages.js";
import type { ConnectionEvent, ConnectionNote, Recorder } from "./recorder.js";
import type { Failure } from "./subscribing.js";

/** Shorter times behind are those of any busy socket. */
const minBehindMs = 1000;
/** Commands beyond a limit are counted together for this time. */
const limitedMs = 10_000;

interface IdentifiedSession extends Pick<ConnectionNote, "user" | "openedAt"> {
  readonly id: string;
  readonly transport: { readonly name: string };
}

/** Where a client connects from, and what it says that it is. */
export interface ClientOrigin {
  readonly address: string;
  readonly name?: string;
  readonly version?: string;
}

const maxNameCharacters = 64;

/** @param said by the connect command. Longer names are left out, since every connection keeps them. */
export function originOf(
  address: string,
  { name = "", version = "" }: { readonly name?: string; readonly version?: string },
): ClientOrigin {
  const isKept = (text: string) => text !== "" && text.length <= maxNameCharacters;
  return { address, ...(isKept(name) && { name }), ...(isKept(version) && { version }) };
}

/** How a connect command was refused. */
export interface RefusedOutcome {
  readonly reply?: Reply;
  readonly disconnect?: Disconnect;
  /** Who asked, if that is known for sure. */
  readonly user?: string;
}

export interface TraceContext {
  readonly clock: Pick<Clock, "now">;
  readonly recorder: Recorder;
  /** Counts the ends of connections by their code. */
  readonly meters?: Pick<Meters, "disconnected">;
  readonly eventLog?: Log;
}

interface Subscribed {
  readonly start: number;
  /** Undefined where none was tried. */
  readonly recovery: Recovered | undefined;
  readonly isByServer: boolean;
}

export class ConnectionTrace {
  readonly #context: TraceContext;
  #note: ConnectionNote | undefined;
  #origin: ClientOrigin | undefined;
  #behindSince = 0;
  #readsLog = false;
  #limited: { readonly at: number; readonly code: number; readonly event: { count: number } } | undefined;

  constructor(context: TraceContext) {
    this.#context = context;
  }

  /** Undefined before the client is identified. */
  get note(): ConnectionNote | undefined {
    return this.#note;
  }

  /** Undefined before the client is identified. */
  get origin(): ClientOrigin | undefined {
    return this.#origin;
  }

  /** Unix milliseconds; undefined for a client that has everything, or lags no longer than any busy socket. */
  get behindSince(): number | undefined {
    const { clock } = this.#context;
    return this.isBehind && clock.now() - this.#behindSince >= minBehindMs ? this.#behindSince : undefined;
  }

  get isBehind(): boolean {
    return this.#behindSince !== 0;
  }

  identified({ id, user, transport, openedAt }: IdentifiedSession, origin: ClientOrigin): void {
    this.#origin = origin;
    this.#note = { client: id, user, transport: transport.name, openedAt };
  }

  record(event: ConnectionEvent): void {
    if (this.#note) this.#context.recorder.record(this.#note, event);
  }

  /** @param start the offset that the client has read up to, before the publications that it missed */
  subscribed(
    { name: channel, epoch, head }: Pick<Channel, "name" | "epoch" | "head">,
    { recover, filter }: Pick<SubscribeParams, "recover" | "filter">,
    { start, recovery, isByServer }: Subscribed,
  ): void {
    this.record({
      kind: "subscribed",
      channel,
      epoch,
      start,
      head,
      ...(recovery && {
        recovery: recovery.isRecovered ? ("recovered" as const) : recovery.cause,
        ...(!recovery.isRecovered && { reason: recovery.reason }),
      }),
      ...(recovery === undefined && recover && { recovery: "off" as const }),
      isByServer,
      ...(filter && { filter }),
    });
  }

  /** A client subscribes; why it is refused, if it is, is recorded. */
  async subscribing(channel: string, pending: Promise<Failure | undefined>): Promise<Failure | undefined> {
    try {
      const failure = await pending;
      if (failure !== undefined) {
        const { code, ...text } = "error" in failure ? failure.error : failure.disconnect;
        const reason = "message" in text ? text.message : text.reason;
        // What is subscribed already stays so.
        if (code !== errorTable.alreadySubscribed.code)
          this.record({ kind: "refused", channel, code, reason });
      }
      return failure;
    } catch (error) {
      this.record({ kind: "refused", channel, code: errorTable.internal.code, reason: messageOf(error) });
      throw error;
    }
  }

  /** The client lacks publications: its socket is full, or the log is read for it. */
  fellBehind(readsLog = false): void {
    if (this.#behindSince === 0) this.#behindSince = this.#context.clock.now();
    if (readsLog) this.#readsLog = true;
  }

  /** Looks whether the client, whose socket takes more, has everything. */
  findCaughtUp(subscriptions: Iterable<Pick<Subscription, "isBehind">>): boolean {
    for (const { isBehind } of subscriptions) if (isBehind) return false;
    this.#endBehind(true);
    return true;
  }

  /** A command was refused for a limit. */
  limited(code: number, reason: string): void {
    const at = this.#context.clock.now();
    if (this.#limited && this.#limited.code === code && at - this.#limited.at < limitedMs) {
      this.#limited.event.count++;
      return;
    }
    const event = { kind: "limited" as const, code, reason, count: 1 };
    this.#limited = { at, code, event };
    this.record(event);
  }

  /** The connect command was refused. */
  refused(client: string, outcome: RefusedOutcome | { readonly isAnswered: true }): void {
    if ("isAnswered" in outcome) return;
    const { recorder } = this.#context;
    const error = outcome.reply && "error" in outcome.reply ? outcome.reply.error : undefined;
    const { code, reason } = outcome.disconnect ?? { code: error?.code, reason: error?.message };
    if (code === undefined || reason === undefined) return;
    const user = this.#note?.user ?? outcome.user;
    if (user === undefined) recorder.turnAway(reason);
    else recorder.recordRefusal({ user, client, code, reason });
  }

  /** @param code 0 if the client or the network ended it */
  closed(code: number, reason: string, session?: Omit<IdentifiedSession, "openedAt">): void {
    this.#endBehind(false);
    const { meters, eventLog } = this.#context;
    if (code !== 0) meters?.disconnected(code);
    if (code !== 0 && session !== undefined) {
      const facts = { client: session.id, user: session.user, transport: session.transport.name, code };
      eventLog?.info(`disconnected a client: ${reason}`, facts);
    }
    if (this.#note) this.record({ kind: "closed", code, reason });
    else if (code !== 0) this.#context.recorder.turnAway(reason);
  }

  #endBehind(isCaughtUp: boolean): void {
    const since = this.#behindSince;
    if (since === 0) return;
    const readsLog = this.#readsLog;
    this.#behindSince = 0;
    this.#readsLog = false;
    if (this.#context.clock.now() - since >= minBehindMs)
      this.record({ kind: "behind", since, readsLog, isCaughtUp });
  }
}
