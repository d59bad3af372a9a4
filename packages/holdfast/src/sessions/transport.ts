/**
 * Contract of a transport: carries one session's payloads over whatever connection it is. Implementations stand in
 * transports/ and hand what happens to the session.
 *
 * - `closed` MUST be called once, when the peer or the network has ended the connection; nothing may be called after it.
 * - After `close` or `destroy`, which is this side's end, a transport MUST NOT write, and MUST NOT call the session again.
 */
import type { Encoding } from "../channels/reader.js";
import type { Payload } from "../wire/codec.js";
import type { Disconnect } from "../wire/codes.js";
import type { Push, Reply } from "../wire/messages.js";
import type { ConnectionRequest } from "./identity.js";

export interface Transport {
  readonly name: string;
  readonly encoding: Encoding;
  /** Bytes written that the operating system has not taken yet. Above 0, `drained` follows once it is 0 again. */
  readonly unsentBytes: number;
  /** Whether the client wants pings of the transport's own kind, and none of the protocol's. */
  readonly hasOwnPings?: boolean;
  /** By what commands name the session that come in requests of their own. For its client's eyes only. */
  readonly emulation?: Emulation;
  /** The one channel that the connection is for: the server subscribes it to no other. */
  readonly onlyChannel?: string;
  /**
   * For clients that send no commands of the protocol: takes what is said to this client alone.
   * @returns what the client is told of it, if anything
   */
  translate?(message: Reply | Push): Payload | undefined;
  /** The request that opened the connection, which is kept until it is taken. To be called once. */
  takeRequest(): ConnectionRequest;
  /** Writes framed bytes, all in one write. */
  write(parts: readonly Uint8Array[]): void;
  /** Sends a ping of its own kind, where it has them; the answer goes to `receivePong`. */
  sendPing?(): void;
  /** Takes no more input, so that the peer is held up by its own connection. What was read already may still come. */
  pauseReading(): void;
  resumeReading(): void;
  /** Whether it has read nothing for a while since this was asked last, for the peer made too much work. */
  takeHasBeenSlowed?(): boolean;
  /** Tells the peer why, and ends the connection within a bounded time. */
  close(reason: Disconnect): void;
  /** Ends the connection without another word, and lets go of what waits for the peer. */
  destroy(): void;
}

/** What a transport reports to. */
export interface TransportEvents {
  receive(payload: Payload): void;
  /** The answer to a ping of the transport's own. */
  receivePong(): void;
  drained(): void;
  closed(): void;
}

export interface Emulation {
  /** Nobody can guess it: it is all that a command shows. */
  readonly session: string;
  /** The server that has the session. */
  readonly node: string;
}
