/**
 * Bounds of one WebSocket connection. Everything is bounded by default; a larger bound lets one peer hold that much
 * more of the process's memory.
 */
import { HoldfastError } from "../errors.js";
import type { DeflateAgreement } from "./deflate/negotiation.js";
import type { DeflateSettings } from "./deflate/options.js";

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

export interface ConnectionLimits {
  readonly maxMessageBytes: number;
  /** Largest compressed form of a message: data that does not shrink may grow by an eighth. */
  readonly maxCompressedBytes: number;
  readonly maxFrameBytes: number;
  readonly maxFragments: number;
}

export const defaultConnectionLimits = Object.freeze({ maxMessageBytes: 1024 * 1024, maxFragments: 131_072 });

/** Connections of a server share one options object, and with it one object of limits. */
const resolved = new WeakMap<ConnectionOptions, ConnectionLimits>();

/** @throws HF_OPTION_INVALID when a bound is not a positive integer */
export function resolveConnectionLimits(options: ConnectionOptions): ConnectionLimits {
  let limits = resolved.get(options);
  if (limits === undefined) {
    limits = resolve(options);
    resolved.set(options, limits);
  }
  return limits;
}

function resolve(options: ConnectionOptions): ConnectionLimits {
  const maxMessageBytes = options.maxMessageBytes ?? defaultConnectionLimits.maxMessageBytes;
  const given = {
    maxMessageBytes,
    maxFrameBytes: options.maxFrameBytes ?? maxMessageBytes,
    maxFragments: options.maxFragments ?? defaultConnectionLimits.maxFragments,
  };
  for (const [name, value] of Object.entries(given)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new HoldfastError("HF_OPTION_INVALID", `${name} must be a positive integer, but is ${value}`);
  }
  const maxCompressedBytes = maxMessageBytes + Math.ceil(maxMessageBytes / 8) + 64;
  return { ...given, maxCompressedBytes, maxFrameBytes: options.maxFrameBytes ?? maxCompressedBytes };
}
