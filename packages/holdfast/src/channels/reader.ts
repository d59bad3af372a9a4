/** Contract of a reader of channels on this node, which the delivery writes to. Implemented by sessions. */
import type { Encoded, Encoder } from "../wire/codec.js";
import type { Subscription } from "./channel.js";

/** Codec and framing of a reader. Readers with the same encoding object share encoded and framed bytes. */
export interface Encoding<E extends Encoder = Encoder> {
  readonly codec: E;
  /** Wraps a payload for the transport: a WebSocket frame, a line, an event. */
  frame(payload: Encoded): Uint8Array;
}

/** Messages in one frame, shared by all readers of an encoding. Must not be changed. */
export interface Framed {
  readonly bytes: Uint8Array;
  /** The messages without the frame, for a reader that puts them into one with others. Made when asked for. */
  payload(): Encoded;
}

export interface Reader {
  readonly encoding: Encoding;
  /** Who is charged for it (quota.ts). @default "" */
  readonly owner?: string;
  /**
   * Whether the reader takes more now. While it does not, nothing is queued for it, and it must call `Delivery.resume` once it
   * has drained.
   */
  readonly isReady: boolean;
  /** Its subscriptions, for catching up. */
  readonly subscriptions: Iterable<Subscription>;
  /** Takes messages for this turn. */
  push(framed: Framed): void;
  /** Writes what was pushed, in one write. Called once per turn in which something was pushed. */
  flush(): void;
  /** What lies between the subscription's cursor and the head cannot be read any more: it has to end. */
  onGap(subscription: Subscription): void;
}
