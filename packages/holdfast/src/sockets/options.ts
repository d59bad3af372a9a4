/** Bounds in time and size of a WebSocket on a socket: each with its default and what changing it costs. */
import { assertInteger, type ConnectionOptions } from "../websocket/options.js";

/** Bounds of one WebSocket, of a server or a client. */
export interface SocketOptions extends ConnectionOptions {
  /**
   * A peer from which nothing has come for so long is sent a ping. Shorter finds dead peers sooner, and costs a write and a
   * read each time. `null` for no pings.
   * @default 30 s
   */
  readonly pingIntervalMs?: number | null;
  /** How long a pinged peer may stay silent before its connection is terminated. @default 10 s */
  readonly pongTimeoutMs?: number;
  /**
   * How long a message may take from its first byte to its last; beyond, the connection fails with 1008. Holds off peers
   * that send a byte now and then; large messages on slow lines need more. `null` for no bound.
   * @default 60 s
   */
  readonly messageTimeoutMs?: number | null;
  /** A connection on which no message came for so long is closed with 1001. @default null, which is never */
  readonly idleTimeoutMs?: number | null;
  /** A peer that takes nothing for so long while bytes wait for it is terminated. `null` for no bound. @default 30 s */
  readonly stallTimeoutMs?: number | null;
  /** How long a peer may take to answer a Close frame, and the system to send what is left. @default 5 s */
  readonly closeTimeoutMs?: number;
  /**
   * Bytes that may wait for a peer before a message is sent; one more beyond that fails the connection with 1008. A
   * connection costs this much and one message at most. Look at `bufferedAmount`, or wait for `onDrain`, to stay below.
   * @default 16 MiB
   */
  readonly maxUnsentBytes?: number;
  /**
   * Beyond so many unsent bytes, nothing more is read from the peer until it has taken a write, so that a peer that does not take
   * its answers can't ask for more. `null` reads on; pings are then answered all the same.
   * @default 64 KiB for servers, null for clients
   */
  readonly holdReadingAboveBytes?: number | null;
  /**
   * Work that a peer may cause a second beside plain messages, in bytes; beyond, it is read no faster than that. A control
   * frame, and a fragment of fewer than 64 bytes, count as 1 KiB; a compressed message as what it expands to and 1 KiB;
   * after a Close frame whatever still comes. `null` for no bound.
   * @default 16 MiB
   */
  readonly overheadBytesPerSecond?: number | null;
  /** Bytes of such work that may come at once before that rate counts. @default 64 MiB */
  readonly overheadByteBurst?: number;
}

type Bounds = Omit<SocketOptions, keyof ConnectionOptions>;

export type SocketSettings = Readonly<Required<Bounds>> & { readonly connection: ConnectionOptions };

export const defaultSocketSettings = Object.freeze({
  pingIntervalMs: 30_000,
  pongTimeoutMs: 10_000,
  messageTimeoutMs: 60_000,
  idleTimeoutMs: null,
  stallTimeoutMs: 30_000,
  closeTimeoutMs: 5000,
  maxUnsentBytes: 16 * 1024 * 1024,
  holdReadingAboveBytes: 64 * 1024,
  overheadBytesPerSecond: 16 * 1024 * 1024,
  overheadByteBurst: 64 * 1024 * 1024,
}) satisfies Required<Bounds>;

/** The longest that timers of Node.js can wait. */
export const maxTimerMs = 2 ** 31 - 1;

/** Bounds that `null` lifts. */
const liftable: ReadonlySet<string> = new Set([
  "pingIntervalMs",
  "messageTimeoutMs",
  "idleTimeoutMs",
  "stallTimeoutMs",
  "holdReadingAboveBytes",
  "overheadBytesPerSecond",
]);

/**
 * Takes what belongs to sockets out of larger options, with defaults.
 * @throws HF_OPTION_INVALID naming the option, what came and what is accepted
 */
export function resolveSocketOptions(options: SocketOptions): SocketSettings {
  const bounds: Record<string, unknown> = { ...defaultSocketSettings };
  for (const name of Object.keys(defaultSocketSettings)) {
    const value = options[name as keyof Bounds];
    if (value === undefined) continue;
    const max = name.endsWith("Ms") ? maxTimerMs : Number.MAX_SAFE_INTEGER;
    assertInteger(name, value, { max, canBeNull: liftable.has(name) });
    bounds[name] = value;
  }
  const { maxMessageBytes, maxFrameBytes, maxFragments, createMaskingKey } = options;
  // Refused now rather than when the first connection comes.
  for (const [name, value] of Object.entries({ maxMessageBytes, maxFrameBytes, maxFragments }))
    if (value !== undefined) assertInteger(name, value);
  const connection: ConnectionOptions = {
    ...(maxMessageBytes !== undefined && { maxMessageBytes }),
    ...(maxFrameBytes !== undefined && { maxFrameBytes }),
    ...(maxFragments !== undefined && { maxFragments }),
    ...(createMaskingKey !== undefined && { createMaskingKey }),
  };
  return Object.freeze({ ...(bounds as Required<Bounds>), connection });
}

export const socketOptionNames: readonly string[] = [
  ...Object.keys(defaultSocketSettings),
  "maxMessageBytes",
  "maxFrameBytes",
  "maxFragments",
  "createMaskingKey",
];
