/**
 * Entry of `@holdfast/client/devtools`: records what happens on an application's connections, and shows it in a panel of the page. An
 * application that does not import it pays nothing.
 */
export type {
  CloseEntry,
  ConnectionLog,
  Direction,
  FrameEntry,
  LogEntry,
  LogListeners,
  OpenEntry,
  OpeningEntry,
  PingState,
  ReceivedPosition,
  Recovery,
  Totals,
  WaitEntry,
} from "./connection-log.js";
export {
  createDevtools,
  Devtools,
  type DevtoolsAction,
  type DevtoolsOptions,
  type MountTarget,
  type ReconnectingClient,
  type RecordingOptions,
  type WebSocketClass,
} from "./devtools.js";
