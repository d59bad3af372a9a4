/**
 * The contract of a codec, which turns messages of the client protocol into text or bytes and back. A codec is stateless; one
 * instance serves all connections. codecs.ts lists the codecs and chooses one.
 */
import type { Command, ConnectParams, Push, Reply } from "./messages.js";

/** Encoded messages: text where the codec's frames are text, bytes where they are binary. */
export type Encoded = string | Uint8Array;

export interface DecodedFrame {
  /** In frame order, up to the fault if there is one. */
  readonly commands: readonly Command[];
  /** What is wrong with the rest: one sentence without a full stop. The connection must be closed. */
  readonly fault?: string;
}

/** Commands that come in a request of their own, and the session that they are for. */
export interface CommandEnvelope {
  readonly session: string;
  /** The server that has the session. */
  readonly node: string;
  readonly data: Encoded;
}

/** Encodes what the server sends on its own: all that a client without commands ever gets. */
export interface Encoder {
  /** Unique among encoders: shared encodings are cached under it. */
  readonly name: string;
  encodePush(push: Push): Encoded;
  /** The server's ping. */
  encodePing(): Encoded;
  /** Joins encoded messages into what one frame carries. */
  join(messages: readonly Encoded[]): Encoded;
}

/** MUST NOT throw, whatever a peer sends. */
export interface Codec extends Encoder {
  /** The name by which queries and requests select it. */
  readonly name: string;
  /** WebSocket subprotocol (RFC 6455 §1.9). */
  readonly subprotocol: string;
  /** Content type of command requests and of streamed responses. */
  readonly contentType: string;
  /** Whether frames are bytes. */
  readonly isBinary: boolean;
  decode(frame: Encoded): DecodedFrame;
  /** Decodes connect parameters that come without a command. @returns the parameters, or a sentence that says what is wrong */
  decodeConnect(params: Encoded): ConnectParams | string;
  /** Decodes the body of a request with commands. @returns undefined if it is not an envelope */
  decodeEnvelope(body: Encoded): CommandEnvelope | undefined;
  encodeReply(reply: Reply): Encoded;
  /** Encodes pushes without their envelope, for clients that only read. */
  readonly oneWay: Encoder;
}
