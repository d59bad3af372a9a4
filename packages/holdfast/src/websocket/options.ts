/**
 * Options of one WebSocket connection: bounds, and permessage-deflate (RFC 7692). Everything is bounded by default; a larger
 * bound lets one peer hold that much more of the process's memory.
 */
import { HoldfastError, refuseUnknownOptions } from "../errors.js";
import type { DeflateAgreement } from "./deflate-negotiation.js";

export interface ConnectionOptions {
  /**
   * Largest message, all fragments together, in bytes. Beyond it the connection fails with 1009.
   * @default 1 MiB
   */
  readonly maxMessageBytes?: number;
  /**
   * Largest payload of one data frame, in bytes as they travel. Refused by its header, before any of it is kept.
   * @default none beside `maxMessageBytes`
   */
  readonly maxFrameBytes?: number;
  /**
   * Most frames that one message may come in; empty ones count. Beyond it the connection fails with 1009.
   * @default 131,072
   */
  readonly maxFragments?: number;
  /** Source of masking keys: unpredictable unsigned 32-bit integers (RFC 6455 §10.3). Used by clients only. */
  readonly createMaskingKey?: () => number;
}

/** permessage-deflate (RFC 7692) on one connection: what the opening handshake agreed on, and how this side compresses. */
export interface Deflate {
  readonly agreement: DeflateAgreement;
  readonly settings: DeflateSettings;
}

/** The resolved bounds of a connection's incoming messages. */
export interface MessageLimits {
  readonly maxMessageBytes: number;
  /** Largest compressed form of a message: data that does not shrink may grow by an eighth. */
  readonly maxCompressedBytes: number;
  readonly maxFrameBytes: number;
  readonly maxFragments: number;
}

export const defaultMessageLimits = Object.freeze({ maxMessageBytes: 1024 * 1024, maxFragments: 131_072 });

/** Connections of a server share one options object, and with it one object of limits. */
const resolved = new WeakMap<ConnectionOptions, MessageLimits>();

/** @throws HF_OPTION_INVALID when a bound is not a positive integer */
export function resolveMessageLimits(options: ConnectionOptions): MessageLimits {
  let limits = resolved.get(options);
  if (limits === undefined) {
    limits = resolve(options);
    resolved.set(options, limits);
  }
  return limits;
}

function resolve(options: ConnectionOptions): MessageLimits {
  const maxMessageBytes = options.maxMessageBytes ?? defaultMessageLimits.maxMessageBytes;
  const limits = {
    maxMessageBytes,
    maxFrameBytes: options.maxFrameBytes ?? maxMessageBytes,
    maxFragments: options.maxFragments ?? defaultMessageLimits.maxFragments,
  };
  for (const [name, value] of Object.entries(limits)) assertInteger(name, value);
  const maxCompressedBytes = maxMessageBytes + Math.ceil(maxMessageBytes / 8) + 64;
  return { ...limits, maxCompressedBytes, maxFrameBytes: options.maxFrameBytes ?? maxCompressedBytes };
}

/** Options of permessage-deflate (RFC 7692). */
export interface DeflateOptions {
  /**
   * Messages with fewer bytes go out as they are: small ones hardly shrink, and every compression costs time.
   * @default 1,024
   */
  readonly thresholdBytes?: number;
  /** How hard zlib tries, from 1 (fast) to 9 (small). @default 3 */
  readonly level?: number;
  /** Memory of a compressor, from 1 to 9: 2 ** (memLevel + 9) bytes beside its window. @default 8 */
  readonly memLevel?: number;
  /**
   * Whether a message may refer to the ones before it. Similar small messages shrink much more, but each connection then
   * keeps a compressor and a decompressor (some 300 KiB), and a broadcast is compressed once per connection.
   * @default false
   */
  readonly contextTakeover?: boolean;
  /** Largest window of this side's compressor, as a power of two from 8 to 15. @default 15 */
  readonly maxWindowBits?: number;
  /** Largest window that the peer may use, where it lets us choose, as a power of two from 8 to 15. @default 15 */
  readonly maxPeerWindowBits?: number;
}

export type DeflateSettings = Readonly<Required<DeflateOptions>>;

export const defaultDeflateSettings: DeflateSettings = Object.freeze({
  thresholdBytes: 1024,
  level: 3,
  memLevel: 8,
  contextTakeover: false,
  maxWindowBits: 15,
  maxPeerWindowBits: 15,
});

const ranges: Readonly<Record<string, readonly [min: number, max: number]>> = {
  thresholdBytes: [0, Number.MAX_SAFE_INTEGER],
  level: [1, 9],
  memLevel: [1, 9],
  maxWindowBits: [8, 15],
  maxPeerWindowBits: [8, 15],
};

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function resolveDeflate(options: DeflateOptions = {}): DeflateSettings {
  refuseUnknownOptions(options, Object.keys(defaultDeflateSettings), "compression");
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings = { ...defaultDeflateSettings, ...Object.fromEntries(given) };
  for (const [name, [min, max]] of Object.entries(ranges))
    assertInteger(`compression.${name}`, settings[name as keyof DeflateSettings], { min, max });
  if (typeof settings.contextTakeover !== "boolean")
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `compression.contextTakeover must be true or false, but is ${JSON.stringify(settings.contextTakeover)}`,
    );
  return Object.freeze(settings);
}

/** @throws HF_OPTION_INVALID unless it is an integer from `min` (1) to `max`, or `null` where that is allowed */
export function assertInteger(
  name: string,
  value: unknown,
  range: { readonly min?: number; readonly max?: number; readonly canBeNull?: boolean } = {},
): void {
  const { min = 1, max = Number.MAX_SAFE_INTEGER, canBeNull = false } = range;
  if (value === null && canBeNull) return;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
  const accepted = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `${name} must be an integer ${accepted}${canBeNull ? ", or null for no bound" : ""}, but is ${typeof value === "number" ? value : JSON.stringify(value)}`,
    { details: { option: name, value } },
  );
}
