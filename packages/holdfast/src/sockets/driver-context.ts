/** What all connections of a server or client share. */
import type { Clock } from "../time/clock.js";
import type { Deadlines } from "../time/deadlines.js";
import type { Flusher } from "./flusher.js";
import type { SocketSettings } from "./options.js";

export interface DriverContext {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly flusher: Flusher;
  readonly settings: SocketSettings;
}
