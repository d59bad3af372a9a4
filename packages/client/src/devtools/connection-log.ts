/**
 * What happens on connections, in order and bounded: handshakes, frames, closes, waits. From the frames it also reads how far each
 * channel was received, what was recovered, and when the server last sent a ping.
 */
import { readFrame } from "./read-frame.js";

export type Direction = "sent" | "received";

/** The position up to which a channel was received. */
export interface ReceivedPosition {
  readonly epoch: string;
  readonly offset: number;
}

interface EntryBase {
  /** Counts up from 1. */
  readonly id: number;
  /** Unix milliseconds. */
  readonly at: number;
}

/** The browser was asked for a connection. */
export interface OpeningEntry extends EntryBase {
  readonly type: "opening";
  readonly url: string;
  /** Subprotocols that were offered. */
  readonly protocols: readonly string[];
}

/** The handshake succeeded. */
export interface OpenEntry extends EntryBase {
  readonly type: "open";
  readonly durationMs: number;
  /** The subprotocol that the server chose; empty without one. */
  readonly protocol: string;
  /** As in `Sec-WebSocket-Extensions`; empty without any. */
  readonly extensions: string;
}

/** A message. Pages see messages, not frames; servers usually send one frame per message. */
export interface FrameEntry extends EntryBase {
  readonly type: "frame";
  readonly direction: Direction;
  /** RFC 6455 §5.2: 1 is text, 2 is binary. */
  readonly opcode: 1 | 2;
  /** What the message is in the client protocol, such as "publication" or "ping". */
  readonly kind: string;
  /** Of the first line that names one. */
  readonly channel: string | undefined;
  /** Of the payload, uncompressed. */
  readonly bytes: number;
  /** The first 2,000 characters; of a binary message, the first 64 bytes in hexadecimal. */
  readonly text: string;
}

export interface CloseEntry extends EntryBase {
  readonly type: "close";
  /** RFC 6455 §7.4; 1006 where no close frame arrived. */
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  /** False if the connection was never established. */
  readonly wasOpen: boolean;
  /** Whose close frame was first; "devtools" for `interrupt`, "network" where there was none. */
  readonly closedBy: "page" | "server" | "network" | "devtools";
}

/** The client waits before it connects again. */
export interface WaitEntry extends EntryBase {
  readonly type: "wait";
  readonly delayMs: number;
  /** Counts from 1 since the last established connection. */
  readonly attempt: number;
}

export type LogEntry = OpeningEntry | OpenEntry | FrameEntry | CloseEntry | WaitEntry;

/** A subscription that was interrupted, continued, and said what it had missed. */
export interface Recovery {
  /** Unix milliseconds. */
  readonly at: number;
  readonly channel: string;
  /** Where the client asked to continue; undefined if it named no position. */
  readonly since: ReceivedPosition | undefined;
  readonly isRecovered: boolean;
  /** Number of publications in the reply; a longer gap is filled by the publications that follow it. */
  readonly count: number;
}

export interface Totals {
  /** Number of messages. */
  readonly frames: number;
  /** Of payloads, uncompressed. */
  readonly bytes: number;
}

/** Pings of the client protocol, which pages can see; those of RFC 6455 are answered by the browser. */
export interface PingState {
  /** As the connect reply has it; undefined before. */
  readonly intervalMs: number | undefined;
  /** Unix milliseconds. */
  readonly lastAt: number | undefined;
  readonly count: number;
}

export interface LogListeners {
  /** A subscription has continued after an interruption. */
  readonly onRecovery?: (recovery: Recovery) => void;
  /** A subscription has started, other than after an interruption. */
  readonly onSubscribed?: (channel: string) => void;
}

type Unnumbered<Entry> = Entry extends LogEntry ? Omit<Entry, "id" | "at"> : never;

export const defaultMaxEntries = 300;
const maxTextLength = 2000;
const maxHexBytes = 64;
const maxChannels = 300;
const maxRecoveries = 50;

const encoder = new TextEncoder();

export class ConnectionLog {
  readonly #clock: () => number;
  readonly #listeners: LogListeners;
  readonly #maxEntries: number;
  readonly #entries: LogEntry[] = [];
  readonly #positions = new Map<string, ReceivedPosition>();
  readonly #recoveries: Recovery[] = [];
  readonly #totals = { sent: { frames: 0, bytes: 0 }, received: { frames: 0, bytes: 0 } };
  /** Channels and positions of subscribe commands without a reply yet, by id. */
  readonly #subscribing = new Map<number, { channel: string; since: ReceivedPosition | undefined }>();
  #pings: PingState = { intervalMs: undefined, lastAt: undefined, count: 0 };
  #opening: OpeningEntry | undefined;
  #open: OpenEntry | undefined;
  #nextId = 1;
  #attempts = 0;

  constructor(clock: () => number, listeners: LogListeners = {}, maxEntries = defaultMaxEntries) {
    this.#clock = clock;
    this.#listeners = listeners;
    this.#maxEntries = maxEntries;
  }

  /** The latest, newest last. */
  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** Messages among the entries, newest last. */
  get frames(): readonly FrameEntry[] {
    return this.#entries.filter((entry) => entry.type === "frame");
  }

  /** By channel; only channels with a log have one. */
  get positions(): ReadonlyMap<string, ReceivedPosition> {
    return this.#positions;
  }

  /** Newest last. */
  get recoveries(): readonly Recovery[] {
    return this.#recoveries;
  }

  get totals(): Readonly<Record<Direction, Totals>> {
    return this.#totals;
  }

  get pings(): PingState {
    return this.#pings;
  }

  /** The latest request for a connection, kept when it has left the entries. */
  get opening(): OpeningEntry | undefined {
    return this.#opening;
  }

  /** The latest handshake that succeeded; undefined while its connection is not open. */
  get open(): OpenEntry | undefined {
    return this.#open;
  }

  /** Removes the entries; totals, positions and recoveries stay. */
  clear(): void {
    this.#entries.length = 0;
  }

  receiveOpening(url: string, protocols: readonly string[]): void {
    this.#opening = this.#add({ type: "opening", url, protocols }) as OpeningEntry;
    this.#open = undefined;
  }

  receiveOpen(protocol: string, extensions: string): void {
    // Ids of commands start anew with each connection.
    this.#subscribing.clear();
    this.#attempts = 0;
    this.#pings = { intervalMs: undefined, lastAt: undefined, count: 0 };
    const durationMs = this.#clock() - (this.#opening?.at ?? this.#clock());
    this.#open = this.#add({ type: "open", durationMs, protocol, extensions }) as OpenEntry;
  }

  receiveClose(close: Omit<CloseEntry, "id" | "at" | "type" | "wasOpen">): void {
    this.#add({ type: "close", ...close, wasOpen: this.#open !== undefined });
    this.#open = undefined;
  }

  receiveWait(delayMs: number): void {
    this.#attempts += 1;
    this.#add({ type: "wait", delayMs, attempt: this.#attempts });
  }

  receiveBinary(direction: Direction, bytes: number, start: Uint8Array): void {
    this.#count(direction, bytes);
    const text = [...start.subarray(0, maxHexBytes)].map((byte) => byte.toString(16).padStart(2, "0"));
    const more = bytes > maxHexBytes ? [" …"] : [];
    this.#add({
      ...{ type: "frame", direction, opcode: 2, kind: "binary", channel: undefined, bytes },
      text: [text.join(" "), ...more].join(""),
    });
  }

  receiveText(direction: Direction, text: string): void {
    const bytes = encoder.encode(text).length;
    this.#count(direction, bytes);
    const contents = readFrame(direction, text);
    const { kind, channel, subscribes, replies, publications, left, pingSeconds } = contents;
    const shown = text.length > maxTextLength ? `${text.slice(0, maxTextLength)} …` : text;
    this.#add({ type: "frame", direction, opcode: 1, kind, channel, bytes, text: shown });
    if (pingSeconds !== undefined) this.#pings = { ...this.#pings, intervalMs: pingSeconds * 1000 };
    if (direction === "received" && kind === "ping")
      this.#pings = { ...this.#pings, lastAt: this.#clock(), count: this.#pings.count + 1 };
    for (const { id, ...asked } of subscribes) keep(this.#subscribing, id, asked, maxChannels);
    for (const reply of replies) this.#receiveReply(reply);
    for (const { channel: name, offset } of publications) {
      const epoch = this.#positions.get(name)?.epoch ?? "";
      keep(this.#positions, name, { epoch, offset }, maxChannels);
    }
    for (const name of left) this.#positions.delete(name);
  }

  #receiveReply(reply: ReturnType<typeof readFrame>["replies"][number]): void {
    const asked = this.#subscribing.get(reply.id);
    if (!asked) return;
    this.#subscribing.delete(reply.id);
    const { channel } = asked;
    const wasSubscribed = this.#positions.has(channel);
    if (reply.position) keep(this.#positions, channel, reply.position, maxChannels);
    // A client that starts from a position it was given has missed nothing.
    if (!reply.wasRecovering || !wasSubscribed) {
      this.#listeners.onSubscribed?.(channel);
      return;
    }
    const { isRecovered, count } = reply;
    const recovery = { at: this.#clock(), ...asked, isRecovered, count };
    this.#recoveries.push(recovery);
    if (this.#recoveries.length > maxRecoveries) this.#recoveries.shift();
    this.#listeners.onRecovery?.(recovery);
  }

  #count(direction: Direction, bytes: number): void {
    const total = this.#totals[direction];
    total.frames += 1;
    total.bytes += bytes;
  }

  #add(entry: Unnumbered<LogEntry>): LogEntry {
    const added = { id: this.#nextId++, at: this.#clock(), ...entry } as LogEntry;
    this.#entries.push(added);
    if (this.#entries.length > this.#maxEntries) this.#entries.shift();
    return added;
  }
}

function keep<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, max: number): void {
  if (!map.has(key) && map.size >= max) map.delete(map.keys().next().value as Key);
  map.set(key, value);
}
