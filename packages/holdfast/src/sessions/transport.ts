/**
 * Contract of a transport: carries one session's messages over whatever connection it is. Implementations stand in
 * transports/ and hand what happens to the session.
 *
 * - `closed` MUST be called once, when the peer or the network has ended the connection; nothing may be called after it.
 * - After `close` or `destroy`, which is this side's end, a transport MUST NOT write, and MUST NOT call the session again.
 */
import type { Encoding } from "../channels/reader.js";
import type { Codec, Encoded } from "../wire/codec.js";
import type { Disconnect } from "../wire/codes.js";
import type { Command, Push, Reply } from "../wire/messages.js";
import type { ConnectionRequest } from "./identity.js";

export interface Transport {
  readonly name: string;
  readonly encoding: Encoding;
  /** The client protocol that frames given to `receive` are in. Left out: all commands come by `execute`. */
  readonly codec?: Codec;
  /** Bytes written that the operating system has not taken yet. Above 0, `drained` follows once it is 0 again. */
  readonly unsentBytes: number;
  /** Whether the client wants pings of the transport's own kind, and none of the protocol's. */
  readonly hasOwnPings?: boolean;
  /** How commands in requests of their own name the session. Secret between the server and this client. */
  readonly emulation?: Emulation;
  /** The one channel that the connection is for: the server subscribes it to no other. */
  readonly onlyChannel?: string;
  /**
   * For clients that read no pushes of the protocol: takes those for this client alone, instead of the encoding's codec.
   * @returns what the client is told of it, if anything
   */
  translate?(push: Push): Encoded | undefined;
  /** The request that opened the connection, which is kept until it is taken. To be called once. */
  takeRequest(): ConnectionRequest;
  /** Writes framed bytes, all in one write. */
  write(parts: readonly Uint8Array[]): void;
  /** Sends a ping of its own kind, where it has them; the answer goes to `receivePong`. */
  sendPing?(): void;
  /** Stops reading, so that the peer is held back by its own connection. What was read already may still come. */
  pauseReading(): void;
  resumeReading(): void;
  /** Whether input was throttled since the last call. Resets it. */
  consumeThrottled?(): boolean;
  /** Tells the peer why, and ends the connection within a bounded time. */
  close(reason: Disconnect): void;
  /** Ends the connection without another message, and drops what waits for the peer. */
  destroy(): void;
}

/**
 * Takes the reply to one command where its client reads no replies of the protocol.
 * @returns what the client is told of it, if anything; it goes out in the order of all messages
 */
export type OnReply = (reply: Reply) => Encoded | undefined;

/** What a transport reports to. */
export interface TransportEvents {
  /** Frames of the transport's codec. */
  receive(frame: Encoded): void;
  /**
   * A command that did not come as a frame. The ids of pending commands must differ.
   * @param inputLength of what the client sent and the command was parsed from, charged as a frame is
   */
  execute(command: Command, onReply?: OnReply, inputLength?: number): void;
  /** The answer to a ping of the transport's own. */
  receivePong(): void;
  drained(): void;
  closed(): void;
}

export interface Emulation {
  /** Unguessable, since it is the only credential of a command. */
  readonly session: string;
  /** The server that has the session. */
  readonly node: string;
}
