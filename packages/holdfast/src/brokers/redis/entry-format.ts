/**
 * Publications as they stand in the store: `TIME LENGTH ATTRIBUTES DATA`, where LENGTH is that of the attributes in bytes, followed by
 * a space, and nothing stands between attributes and data. Attributes are those of publication-format.ts; data is as it came: text
 * in UTF-8, or bytes. Scripts add the time, and before it the offset where it does not follow from the place.
 */
import type { NewPublication } from "../../channels/log.js";
import type { Publication } from "../../wire/messages.js";
import { isBinary } from "../../wire/payload.js";
import { decodeAttributes, encodeAttributes } from "../publication-format.js";

/** Everything but offset and time. */
export function encodeEntry(publication: NewPublication): string | Buffer {
  const attributes = encodeAttributes(publication);
  const { data } = publication;
  const head = `${Buffer.byteLength(attributes)} ${attributes}`;
  return isBinary(data) ? Buffer.concat([Buffer.from(head), data]) : head + data;
}

/** @param at where the time begins */
export function decodeEntry(entry: Buffer, offset: number, at = 0): Publication {
  const timeEnd = entry.indexOf(space, at);
  const lengthEnd = entry.indexOf(space, timeEnd + 1);
  const time = Number(entry.toString("latin1", at, timeEnd));
  const dataStart = lengthEnd + 1 + Number(entry.toString("latin1", timeEnd + 1, lengthEnd));
  if (dataStart === lengthEnd + 1) return { offset, data: entry.toString("utf8", dataStart), time };
  const attributes = decodeAttributes(entry.toString("utf8", lengthEnd + 1, dataStart));
  // Bytes must own their memory: the buffer is a part of what the socket read.
  const data = attributes.isBinary
    ? Uint8Array.from(entry.subarray(dataStart))
    : entry.toString("utf8", dataStart);
  return { offset, data, time, ...attributes.fields };
}

/** The offset, a space, and an entry. */
export function decodeValue(value: Buffer): Publication {
  const end = value.indexOf(space);
  return decodeEntry(value, Number(value.toString("latin1", 0, end)), end + 1);
}

export interface PublicationEvent {
  readonly epoch: string;
  readonly publication: Publication;
  /** How long keys of the channel live, or 0. */
  readonly keyTtlMs: number;
}

/** `1 EPOCH OFFSET TTL ENTRY`. @returns undefined for messages of later versions */
export function decodeEvent(message: Buffer): PublicationEvent | undefined {
  if (message[0] !== kindPublication || message[1] !== space) return undefined;
  const epochEnd = message.indexOf(space, 2);
  const offsetEnd = message.indexOf(space, epochEnd + 1);
  const ttlEnd = message.indexOf(space, offsetEnd + 1);
  return {
    epoch: message.toString("latin1", 2, epochEnd),
    publication: decodeEntry(
      message,
      Number(message.toString("latin1", epochEnd + 1, offsetEnd)),
      ttlEnd + 1,
    ),
    keyTtlMs: Number(message.toString("latin1", offsetEnd + 1, ttlEnd)),
  };
}

const space = 0x20;
const kindPublication = 0x31;
