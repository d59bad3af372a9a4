/** Sizes of everything in a server that grows with use. */
import type { RegistryStats } from "../sessions/registry.js";

export interface ServerStats extends RegistryStats {
  /** Channels that somebody on this node uses. */
  readonly channels: number;
  /** Bytes of the newest entries of all channels in use. */
  readonly ringBytes: number;
  /** Sockets and streamed responses, those that are closing included. */
  readonly sockets: number;
  /** Requests over HTTP that are not answered in full, streams included. */
  readonly openRequests: number;
  /** What is kept of their bodies, and unsent of their answers, in bytes. */
  readonly bodyBytes: number;
  readonly answerBytes: number;
  /** Requests of channels that are not answered yet, and those of them that wait for a publication. */
  readonly requests: number;
  readonly waitingRequests: number;
  /** Sessions that wait for a deadline. */
  readonly deadlines: number;
  /** Channels and readers with deliveries to come. */
  readonly deliveries: number;
}
