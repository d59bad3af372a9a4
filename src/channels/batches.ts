/**
 * Builds what readers at one cursor get: the entries from there to the head, encoded once per codec and framed once per
 * encoding. All readers at the same cursor share the same bytes.
 */
import type { Payload } from "../wire/codec.js";
import type { Publication, Push } from "../wire/messages.js";
import type { Channel } from "./channel.js";
import type { Encoding } from "./reader.js";
import type { Entry } from "./ring.js";

/** A batch ends with the entry that takes it past this many characters, so one reader never needs much at once. */
export const maxBatchBytes = 64 * 1024;

export interface Batch {
  /** Undefined where nothing between the cursors is for this reader. */
  readonly bytes: Uint8Array | undefined;
  /** Cursor after the batch. */
  readonly cursor: number;
  /** Offset of the last publication in or before the batch. */
  readonly offset: number;
}

export class BatchCache {
  readonly #channel: Channel;
  /** Per encoding: two batches per cursor, without and with joins and leaves. Emptied when the ring changes or the turn ends. */
  readonly #batches = new Map<Encoding, Map<number, Batch>>();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  get isEmpty(): boolean {
    return this.#batches.size === 0;
  }

  clear(): void {
    if (this.#batches.size > 0) this.#batches.clear();
  }

  /** @param cursor must lie within the ring */
  get(cursor: number, hasJoinLeave: boolean, encoding: Encoding): Batch {
    const key = cursor * 2 + (hasJoinLeave ? 1 : 0);
    let ofEncoding = this.#batches.get(encoding);
    if (ofEncoding === undefined) {
      ofEncoding = new Map();
      this.#batches.set(encoding, ofEncoding);
    }
    let batch = ofEncoding.get(key);
    if (batch === undefined) {
      batch = this.#build(cursor, hasJoinLeave, encoding);
      ofEncoding.set(key, batch);
    }
    return batch;
  }

  #build(start: number, hasJoinLeave: boolean, encoding: Encoding): Batch {
    const { ring } = this.#channel;
    const messages: Payload[] = [];
    let size = 0;
    let cursor = start;
    let { offset } = ring.at(start);
    while (cursor < ring.next && size < maxBatchBytes) {
      const entry = ring.at(cursor++);
      offset = entry.offset;
      if (entry.kind !== "pub" && !hasJoinLeave) continue;
      const message = encodeEntry(this.#channel, entry, encoding);
      size += message.length;
      messages.push(message);
    }
    return { bytes: frameMessages(messages, encoding), cursor, offset };
  }
}

function encodeEntry(channel: Channel, entry: Entry, { codec }: Encoding): Payload {
  const known = entry.encoded.get(codec.name);
  if (known !== undefined) return known;
  const push: Push =
    entry.kind === "pub"
      ? { kind: "pub", channel: channel.name, publication: entry.publication, epoch: channel.epoch }
      : { kind: entry.kind, channel: channel.name, info: entry.info };
  const message = codec.encodePush(push);
  entry.encoded.set(codec.name, message);
  return message;
}

/** Publications read from the log, as one framed batch. */
export function framePublications(
  channel: Channel,
  publications: readonly Publication[],
  encoding: Encoding,
): Uint8Array | undefined {
  const messages = publications.map((publication) =>
    encoding.codec.encodePush({ kind: "pub", channel: channel.name, publication, epoch: channel.epoch }),
  );
  return frameMessages(messages, encoding);
}

function frameMessages(messages: readonly Payload[], { codec, frame }: Encoding): Uint8Array | undefined {
  return messages.length === 0 ? undefined : frame(codec.join(messages));
}
