/**
 * Contract of a codec: the client protocol as bytes or text. A codec has no state; one instance serves everybody.
 * It MUST NOT throw on anything a peer may send.
 */
import type { Command, Push, Reply } from "./messages.js";

/** Text for codecs whose frames are text, bytes for binary ones. */
export type Payload = string | Uint8Array;

export interface DecodedFrame {
  /** In the order they stand in the frame, up to the fault if there is one. */
  readonly commands: readonly Command[];
  /** What was wrong with the rest: one sentence without full stop. The connection is to be closed for it. */
  readonly fault?: string;
}

export interface Codec {
  readonly name: string;
  decode(frame: Payload): DecodedFrame;
  encodeReply(reply: Reply): Payload;
  encodePush(push: Push): Payload;
  /** The server's ping. */
  encodePing(): Payload;
  /** Joins encoded messages into the payload of one frame. */
  join(messages: readonly Payload[]): Payload;
}
