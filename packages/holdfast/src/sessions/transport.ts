/**
 * The contract of a transport, which carries one session's messages over some kind of connection. Implementations live in
 * transports/ and report to the session.
 *
 * - `closed` MUST be called once, when the peer or the network has ended the connection; nothing may be called after it.
 * - After `close` or `destroy`, which is this side's end, a transport MUST NOT write, and MUST NOT call the session again.
 */
import type { Encoding } from "../channels/batches.js";
import type { Codec, Encoded } from "../wire/codec.js";
import type { Disconnect } from "../wire/codes.js";
import type { Command, Push, Reply } from "../wire/messages.js";
import type { PassedConnection } from "./handover.js";
import type { ConnectionRequest } from "./identity.js";

export interface Transport {
  readonly name: string;
  readonly encoding: Encoding;
  /** Decodes the frames given to `receive`. Undefined: all commands come by `execute`. */
  readonly codec?: Codec;
  /** Bytes written that the operating system has not taken yet. Above 0, `drained` follows once it is 0 again. */
  readonly unsentBytes: number;
  /** Whether the client wants the transport's own pings instead of the protocol's. */
  readonly hasOwnPings?: boolean;
  /** How commands in separate requests name the session. Secret between the server and this client. */
  readonly emulation?: Emulation;
  /** The only channel that the server subscribes the connection to. */
  readonly onlyChannel?: string;
  /**
   * Encodes pushes for this client alone, instead of the codec, if its client does not read the protocol's pushes.
   * @returns what to send, if anything
   */
  translate?(push: Push): Encoded | undefined;
  /** The request that opened the connection. It is released then, so this must be called only once. */
  takeRequest(): ConnectionRequest;
  /**
   * Writes framed bytes, all in one write.
   * @param isHandledAtOnce whether every client is done with them before it starts on what is written next
   */
  write(parts: readonly Uint8Array[], isHandledAtOnce?: boolean): void;
  /**
   * From now on, what is written counts as unsent until the client itself has it, unless it is handled at once: for clients that,
   * given several frames at a time, start on one before they are done with the one before.
   */
  confirmFrames?(): void;
  /** Whether all bytes have left, and nothing but the client's word for it is missing. */
  readonly lacksOnlyConfirmation?: boolean;
  /** Sends a ping of the transport's own; the answer goes to `receivePong`. */
  sendPing?(): void;
  /** Stops reading, which slows the peer down. Input that was read already may still come. */
  pauseReading(): void;
  resumeReading(): void;
  /** Whether input was throttled since the last call. Resets it. */
  consumeThrottled?(): boolean;
  /** Tells the peer the reason, and ends the connection within a bounded time. */
  close(reason: Disconnect): void;
  /** Ends the connection without another message, and drops what waits for the peer. */
  destroy(): void;
  /** Whether another process may go on with the connection. @default false */
  readonly canBePassedOn?: boolean;
  /** Whether a message of the peer has begun and not ended. */
  readonly isMidMessage?: boolean;
  /**
   * Takes the connection apart, so that another process goes on with it; the session is not called any more. The peer notices nothing.
   * @returns undefined if a message has begun, or bytes are unsent
   */
  passOn?(): PassedConnection | undefined;
}

/**
 * Encodes the reply to one command, if its client does not read the protocol's replies.
 * @returns what to send, if anything; sent in the order of all messages
 */
export type OnReply = (reply: Reply) => Encoded | undefined;

/** What a transport reports to. */
export interface TransportEvents {
  /** A frame of the transport's codec. */
  receive(frame: Encoded): void;
  /**
   * A command that did not come in a frame. The ids of pending commands must differ.
   * @param inputLength of what the client sent and the command was parsed from, charged as a frame is
   */
  execute(command: Command, onReply?: OnReply, inputLength?: number): void;
  /** The answer to `sendPing`. */
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

/** Who encodes the replies to commands that did not come in a frame. */
export class PendingReplies {
  #onReplies: Map<number, OnReply> | undefined;

  get isEmpty(): boolean {
    return this.#onReplies === undefined || this.#onReplies.size === 0;
  }

  expect(command: Command, onReply: OnReply | undefined): void {
    if (onReply === undefined || !("id" in command)) return;
    this.#onReplies ??= new Map();
    this.#onReplies.set(command.id, onReply);
  }

  /** @param encode for all others */
  encode(reply: Reply, encode: (reply: Reply) => Encoded): Encoded | undefined {
    const onReply = this.#onReplies?.get(reply.id);
    if (onReply === undefined) return encode(reply);
    this.#onReplies?.delete(reply.id);
    return onReply(reply);
  }
}
