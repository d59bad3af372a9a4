/** A reader that keeps what it is given, and takes more or not as a test says. */
import { type Encoding, type Framed, viewOf } from "../../../src/channels/batches.js";
import { type Channel, type Reader, Subscription } from "../../../src/channels/channel.js";
import type { Delivery } from "../../../src/channels/delivery.js";
import type { Encoded } from "../../../src/wire/codec.js";
import { jsonCodec } from "../../../src/wire/json-codec.js";

/** Payloads as they are, as UTF-8. */
export function createPlainEncoding(): Encoding {
  return Object.freeze({ codec: jsonCodec, frame: (payload: Encoded) => Buffer.from(payload) });
}

export const plainEncoding = createPlainEncoding();

interface PushedMessage {
  readonly push: {
    readonly channel: string;
    readonly pub?: { readonly offset: number; readonly data: unknown };
    readonly join?: { readonly info: { readonly client: string } };
    readonly leave?: { readonly info: { readonly client: string } };
  };
}

export function messagesOf(frames: readonly Uint8Array[]): PushedMessage[] {
  return frames.flatMap((frame) =>
    Buffer.from(frame)
      .toString()
      .split("\n")
      .map((line) => JSON.parse(line) as PushedMessage),
  );
}

/** "pub 1", "join ann", "leave ann" */
function labelOf({ push }: PushedMessage): string {
  if (push.pub) return `pub ${push.pub.offset}`;
  return push.join ? `join ${push.join.info.client}` : `leave ${push.leave?.info.client}`;
}

export class FakeReader implements Reader {
  readonly subscriptions = new Set<Subscription>();
  readonly encoding: Encoding;
  readonly lost: Subscription[] = [];
  /** Everything pushed, each turn's frames together. */
  readonly writes: Uint8Array[][] = [];
  isReady = true;
  /** Called after each write. */
  onFlush: (() => void) | undefined;
  /** Ends a subscription that was lost. */
  endAfterGap: (subscription: Subscription) => void = (subscription) => this.unfollow(subscription);
  readonly #delivery: Delivery;
  #pushed: Uint8Array[] = [];

  constructor(delivery: Delivery, encoding = plainEncoding) {
    this.#delivery = delivery;
    this.encoding = encoding;
  }

  /** Reads a channel from after `offset`, without a registry of channels. */
  follow(channel: Channel, options: { offset?: number; hasJoinLeave?: boolean } = {}): Subscription {
    const { offset = channel.head, hasJoinLeave = false } = options;
    const cursor = channel.cursorAfter(offset);
    const subscription = new Subscription(channel, this, { cursor, offset, view: viewOf({ hasJoinLeave }) });
    channel.add(subscription);
    this.subscriptions.add(subscription);
    return subscription;
  }

  unfollow(subscription: Subscription): void {
    subscription.channel.remove(subscription);
    this.subscriptions.delete(subscription);
  }

  /** The socket has drained. */
  drain(): void {
    this.isReady = true;
    this.#delivery.resume(this);
  }

  /** As the delivery pushes a message. */
  pushText(text: string): void {
    this.push({ bytes: Buffer.from(text), count: 1, payload: () => text });
  }

  push({ bytes }: Framed): void {
    if (!this.isReady) throw new Error("pushed to a reader that is not ready");
    if (this.#pushed.length === 0) this.#delivery.flushLater(this);
    this.#pushed.push(bytes);
  }

  flush(): void {
    if (this.#pushed.length === 0) throw new Error("flushed without a push");
    this.writes.push(this.#pushed);
    this.#pushed = [];
    this.onFlush?.();
  }

  onGap(subscription: Subscription): void {
    this.lost.push(subscription);
    this.endAfterGap(subscription);
  }

  get frames(): Uint8Array[] {
    return this.writes.flat();
  }

  labels(channel?: string): string[] {
    return messagesOf(this.frames)
      .filter(({ push }) => channel === undefined || push.channel === channel)
      .map(labelOf);
  }

  offsets(channel?: string): number[] {
    return messagesOf(this.frames)
      .filter(({ push }) => channel === undefined || push.channel === channel)
      .flatMap(({ push }) => (push.pub ? [push.pub.offset] : []));
  }
}
