/** Resolved options of a WebSocket on a socket: its limits in time and size, and those of the engine below it. */
import { defaultsOf, pickOptions, resolveOptions, type SettingsOf } from "../options/option.js";
import { connectionEntries, socketEntries } from "../options/websocket.js";
import type { ConnectionOptions, SocketOptions } from "../options/websocket-options.js";

export type { SocketOptions } from "../options/websocket-options.js";

/** Options of a WebSocket in force. */
export type SocketSettings = SettingsOf<typeof socketEntries> & { readonly connection: ConnectionOptions };

/** Their defaults. */
export const defaultSocketSettings = defaultsOf(socketEntries);

/** Every option of a WebSocket, those of its connection included. */
export const socketOptionNames: readonly string[] = Object.keys({ ...socketEntries, ...connectionEntries });

/**
 * Picks the options of sockets out of larger options, with defaults.
 * @throws HF_OPTION_INVALID naming the option, what is accepted and what came
 */
export function resolveSocketOptions(options: SocketOptions): SocketSettings {
  const connection = pickOptions(connectionEntries, options);
  // Refused now rather than at the first connection.
  resolveOptions(connectionEntries, connection);
  const settings = resolveOptions(socketEntries, pickOptions(socketEntries, options));
  return Object.freeze({ ...settings, connection });
}
