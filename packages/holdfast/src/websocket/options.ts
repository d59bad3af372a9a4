/**
 * Options of one WebSocket connection: bounds, and permessage-deflate (RFC 7692). Everything is bounded by default; a larger
 * bound lets one peer hold that much more of the process's memory.
 */
import { defaultsOf, pickOptions, resolveOptions, type SettingsOf } from "../options/option.js";
import { compressionEntries, connectionEntries } from "../options/websocket.js";
import type { ConnectionOptions, DeflateOptions } from "../options/websocket-options.js";
import type { DeflateAgreement } from "./handshake-fields.js";

export type { ConnectionOptions, DeflateOptions } from "../options/websocket-options.js";

/** permessage-deflate (RFC 7692) on one connection: what the opening handshake agreed on, and how this side compresses. */
export interface Deflate {
  readonly agreement: DeflateAgreement;
  readonly settings: DeflateSettings;
}

/** The resolved limits of a connection's incoming messages. */
export interface MessageLimits {
  readonly maxMessageBytes: number;
  /** Largest compressed form of a message: data that does not shrink may grow by an eighth. */
  readonly maxCompressedBytes: number;
  readonly maxFrameBytes: number;
  readonly maxFragments: number;
}

const { maxMessageBytes, maxFragments } = defaultsOf(connectionEntries);
/** Of connections without options of their own. */
export const defaultMessageLimits = Object.freeze({ maxMessageBytes, maxFragments });

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
  const { maxMessageBytes, maxFrameBytes, maxFragments } = resolveOptions(
    connectionEntries,
    pickOptions(connectionEntries, options),
  );
  const maxCompressedBytes = maxMessageBytes + Math.ceil(maxMessageBytes / 8) + 64;
  return {
    maxMessageBytes,
    maxFragments,
    maxCompressedBytes,
    maxFrameBytes: maxFrameBytes ?? maxCompressedBytes,
  };
}

/** Resolved options of permessage-deflate. */
export type DeflateSettings = SettingsOf<typeof compressionEntries>;

/** Their defaults. */
export const defaultDeflateSettings: DeflateSettings = defaultsOf(compressionEntries);

/** @throws HF_OPTION_INVALID naming the option, what is accepted and what came */
export function resolveDeflate(options: DeflateOptions = {}): DeflateSettings {
  return resolveOptions(compressionEntries, options, "compression");
}
