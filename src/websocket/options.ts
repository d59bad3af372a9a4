/**
 * Bounds of one WebSocket connection. Everything is bounded by default; a larger bound lets one peer hold that much
 * more of the process's memory.
 */
import { HoldfastError } from "../errors.js";

export interface ConnectionOptions {
  /**
   * Largest message, all fragments together, in bytes. Beyond it the connection fails with 1009.
   * @default 1 MiB
   */
  readonly maxMessageBytes?: number;
  /**
   * Largest payload of one data frame, in bytes. Refused by its header, before any of it is kept.
   * @default the same as `maxMessageBytes`
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

export interface ConnectionLimits {
  readonly maxMessageBytes: number;
  readonly maxFrameBytes: number;
  readonly maxFragments: number;
}

export const defaultConnectionLimits = Object.freeze({ maxMessageBytes: 1024 * 1024, maxFragments: 131_072 });

/** @throws HF_OPTION_INVALID when a bound is not a positive integer */
export function resolveConnectionLimits(options: ConnectionOptions): ConnectionLimits {
  const maxMessageBytes = options.maxMessageBytes ?? defaultConnectionLimits.maxMessageBytes;
  const limits = {
    maxMessageBytes,
    maxFrameBytes: options.maxFrameBytes ?? maxMessageBytes,
    maxFragments: options.maxFragments ?? defaultConnectionLimits.maxFragments,
  };
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new HoldfastError("HF_OPTION_INVALID", `${name} must be a positive integer, but is ${value}`);
  }
  return limits;
}
