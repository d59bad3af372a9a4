/** The contract of a reader of channels, which delivery writes to. Implemented in sessions/. */
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
  /** The messages without the frame, to be framed together with others. Encoded on demand. */
  payload(): Encoded;
}

export interface Reader {
  readonly encoding: Encoding;
  /** Who is charged for it (quota.ts). @default "" */
  readonly owner?: string;
  /**
   * Whether the reader takes more now. While it does not, nothing is queued for it, and it must have `Delivery.resume` called once
   * it has drained.
   */
  readonly isReady: boolean;
  /** Its subscriptions, for catching up. */
  readonly subscriptions: Iterable<Subscription>;
  /** Takes messages for this turn. */
  push(framed: Framed): void;
  /** Writes what was pushed, in one write. Called once per turn in which something was pushed. */
  flush(): void;
  /** What the subscription lacks can no longer be read: it has to end. */
  onGap(subscription: Subscription): void;
}
