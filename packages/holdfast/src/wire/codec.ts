/**
 * Contract of a codec: messages of the client protocol as bytes or text. A codec has no state; one instance serves all
 * connections. The table of codecs, and how one is chosen, stand in codecs.ts.
 */
import type { Command, ConnectParams, Push, Reply } from "./messages.js";

/** Encoded messages: text where the codec's frames are text, bytes where they are binary. */
export type Encoded = string | Uint8Array;

export interface DecodedFrame {
  /** In the order they stand in the frame, up to the fault if there is one. */
  readonly commands: readonly Command[];
  /** What was wrong with the rest: one sentence without full stop. The connection is to be closed for it. */
  readonly fault?: string;
}

/** The half that encodes what the server says by itself, which is all that a client hears that sends no commands. */
export interface Encoder {
  /** Unique among encoders: what is encoded once for all readers is kept by it. */
  readonly name: string;
  encodePush(push: Push): Encoded;
  /** The server's ping. */
  encodePing(): Encoded;
  /** Joins encoded messages into what one frame carries. */
  join(messages: readonly Encoded[]): Encoded;
}

/** MUST NOT throw on anything that a peer may send. */
export interface Codec extends Encoder {
  /** What queries and requests name it by. */
  readonly name: string;
  /** WebSocket subprotocol (RFC 6455 §1.9). */
  readonly subprotocol: string;
  /** Of requests with commands, and of streamed responses. */
  readonly contentType: string;
  /** Whether frames are bytes. */
  readonly isBinary: boolean;
  decode(frame: Encoded): DecodedFrame;
  /** @returns parameters of a connect command without the command, or a sentence that says why they are none */
  decodeConnect(params: Encoded): ConnectParams | string;
  encodeReply(reply: Reply): Encoded;
  /** Messages without the envelope of replies, for clients that only read. */
  readonly oneWay: Encoder;
}
