/**
 * The flight recorder of a node: what changed for connections and channels, in memory and bounded in bytes. Answers what is known of one
 * user and one channel; `verdict.ts` makes a sentence of the answers of all nodes.
 */
import type { WhyQuery } from "../channels/cluster.js";
import type {
  ChannelEvent,
  ConnectionEvent,
  ConnectionFacts,
  ConnectionNote,
  ConnectRefusal,
  PublishEvent,
  Recollection,
  Recorder,
  Timed,
} from "../sessions/recorder.js";
import type { Clock } from "../time/clock.js";
import { EventLog } from "./event-log.js";

export interface FlightRecorderOptions {
  readonly clock: Pick<Clock, "now">;
  /** Of everything that is kept, estimated. */
  readonly maxBytes: number;
}

interface OfConnection {
  readonly connection: ConnectionNote;
  readonly event: ConnectionEvent;
}

type OfUser = ConnectRefusal & { readonly kind: "connect refused" };

/** Estimated memory of an event beyond its texts, and of what is kept once per connection. */
const eventBytes = 160;
const noteBytes = 200;
const maxReasonCharacters = 300;
/** Publishes, refusals and channels cannot take the room of connections, nor these theirs. */
const shareOfConnections = 0.75;
const maxTurnedAway = 100;
/** In one answer: connections, and events of each before and after the publication. */
const maxConnections = 50;
const maxEvents = 20;
const maxPublishes = 20;

export class FlightRecorder implements Recorder {
  readonly #clock: Pick<Clock, "now">;
  readonly #startedAt: number;
  readonly #connections: EventLog<OfConnection>;
  readonly #others: EventLog<OfUser | ChannelEvent | PublishEvent>;
  readonly #turnedAway = new Map<string, { count: number; first: number; last: number }>();

  constructor({ clock, maxBytes }: FlightRecorderOptions) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#connections = new EventLog(maxBytes * shareOfConnections);
    this.#others = new EventLog(maxBytes * (1 - shareOfConnections));
  }

  /** Estimated memory of what is kept. */
  get bytes(): number {
    return this.#connections.bytes + this.#others.bytes;
  }

  record(connection: ConnectionNote, event: ConnectionEvent): void {
    const now = this.#clock.now();
    if (event.kind === "connected") connection.connectedAt = now;
    else if (event.kind === "closed") connection.closedAt = now;
    const log = this.#connections;
    const { segment } = log;
    let bytes = eventBytes + textBytes("channel" in event ? event.channel : "", reasonOf(event));
    if ("filter" in event && event.filter) bytes += textBytes(event.filter.key) + eventBytes;
    // Counted for each segment that refers to it, since any may be the last.
    if (connection.segment !== segment) {
      connection.segment = segment;
      bytes += noteBytes + textBytes(connection.user, connection.client);
    }
    log.add(now, { connection, event: clipReason(event) }, bytes);
  }

  recordRefusal(refusal: ConnectRefusal): void {
    this.#addOther(
      { kind: "connect refused", ...clipReason(refusal) },
      textBytes(refusal.user, refusal.client),
    );
  }

  recordChannel(event: ChannelEvent): void {
    this.#addOther(event, textBytes(event.channel));
  }

  recordPublish(event: PublishEvent): void {
    const { channel, by, idempotencyKey = "" } = event;
    this.#addOther(clipReason(event), textBytes(channel, by, idempotencyKey));
  }

  turnAway(reason: string): void {
    const now = this.#clock.now();
    const text = reason.slice(0, maxReasonCharacters);
    const known = this.#turnedAway.get(text) ?? { count: 0, first: now, last: now };
    known.count++;
    known.last = now;
    this.#turnedAway.delete(text);
    this.#turnedAway.set(text, known);
    if (this.#turnedAway.size > maxTurnedAway)
      this.#turnedAway.delete(this.#turnedAway.keys().next().value ?? "");
  }

  recall(query: WhyQuery, open: readonly ConnectionNote[]): Recollection {
    const { connections, omitted } = this.#recallConnections(query, open);
    const droppedUntil = Math.max(this.#connections.droppedUntil ?? 0, this.#others.droppedUntil ?? 0);
    const turnedAway = [...this.#turnedAway].map(([reason, times]) => ({ reason, ...times }));
    return {
      recordedSince: Math.max(this.#startedAt, droppedUntil),
      connections,
      omitted,
      ...this.#recallOthers(query),
      turnedAway: turnedAway.slice(-maxPublishes),
    };
  }

  #recallConnections(
    { user, client, channel, publication }: WhyQuery,
    open: readonly ConnectionNote[],
  ): Pick<Recollection, "connections" | "omitted"> {
    const traces = new Map<ConnectionNote, Trace>(open.map((note) => [note, new Trace(publication?.time)]));
    this.#connections.forEach(({ connection, event }, at) => {
      if (connection.user !== user || (client !== undefined && connection.client !== client)) return;
      let trace = traces.get(connection);
      if (trace === undefined) {
        trace = new Trace(publication?.time);
        traces.set(connection, trace);
      }
      if ("channel" in event && event.channel !== channel) return;
      trace.add({ ...event, at });
    });
    // Of those that ended long before or after, the ones nearest to the publication say most.
    const time = publication?.time ?? this.#clock.now();
    const byDistance = [...traces].sort(([a], [b]) => distanceOf(a, time) - distanceOf(b, time));
    const tags = publication?.tags;
    return {
      connections: byDistance
        .slice(0, maxConnections)
        .map(
          ([note, trace]): ConnectionFacts =>
            // Without a time it is no longer kept, and its tags are unknown.
            factsOf(note, trace, publication?.time === undefined ? undefined : (tags ?? {})),
        )
        .sort((a, b) => a.openedAt - b.openedAt),
      omitted: Math.max(0, traces.size - maxConnections),
    };
  }

  #recallOthers({
    user,
    channel,
    idempotencyKey,
  }: WhyQuery): Pick<Recollection, "refusals" | "channel" | "publishes"> {
    const refusals: Timed<Omit<ConnectRefusal, "user">>[] = [];
    const ofChannel: Timed<ChannelEvent>[] = [];
    const publishes: Timed<PublishEvent>[] = [];
    this.#others.forEach((event, at) => {
      if (event.kind === "connect refused") {
        const { user: refused, client, code, reason } = event;
        if (refused === user) keepNewest(refusals, { client, code, reason, at });
      } else if (event.channel !== channel) return;
      else if (event.kind === "restarted" || event.kind === "history removed")
        keepNewest(ofChannel, { ...event, at });
      else if (
        idempotencyKey === undefined ? event.kind !== "published" : event.idempotencyKey === idempotencyKey
      )
        keepNewest(publishes, { ...event, at });
    });
    return { refusals, channel: ofChannel, publishes };
  }

  #addOther<E extends OfUser | ChannelEvent | PublishEvent>(event: E, bytes: number): void {
    this.#others.add(this.#clock.now(), event, eventBytes + bytes + textBytes(reasonOf(event)));
  }
}

/** The events of one connection around the time of a publication. */
class Trace {
  readonly #time: number;
  readonly #before: Timed<ConnectionEvent>[] = [];
  readonly #after: Timed<ConnectionEvent>[] = [];

  constructor(time = Number.POSITIVE_INFINITY) {
    this.#time = time;
  }

  get events(): readonly Timed<ConnectionEvent>[] {
    return [...this.#before, ...this.#after];
  }

  add(event: Timed<ConnectionEvent>): void {
    if (event.at > this.#time) {
      if (this.#after.length < maxEvents) this.#after.push(event);
      return;
    }
    this.#before.push(event);
    if (this.#before.length <= maxEvents) return;
    // How a subscription began says more than how often the client was behind.
    const dropped = this.#before.findIndex(({ kind }) => kind === "behind" || kind === "limited");
    this.#before.splice(Math.max(0, dropped), 1);
  }
}

function factsOf(
  { segment: _, ...note }: ConnectionNote,
  trace: Trace,
  tags: Readonly<Record<string, string>> | undefined,
): ConnectionFacts {
  const events = trace.events.map((event) => {
    if (event.kind !== "subscribed") return event;
    const { filter, ...told } = event;
    return { ...told, ...(filter && tags && { isFiltered: !filter.passes(tags) }) };
  });
  return { ...note, events };
}

/** How far a connection was from being open at a time, in milliseconds. */
function distanceOf({ openedAt, closedAt = Number.POSITIVE_INFINITY }: ConnectionNote, time: number): number {
  return Math.max(0, openedAt - time, time - closedAt);
}

function keepNewest<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > maxPublishes) list.shift();
}

function reasonOf(event: object): string {
  return "reason" in event ? String(event.reason ?? "") : "";
}

function clipReason<E extends object>(event: E): E {
  return reasonOf(event).length > maxReasonCharacters
    ? { ...event, reason: reasonOf(event).slice(0, maxReasonCharacters) }
    : event;
}

function textBytes(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + 2 * text.length, 0);
}
