/**
 * Publications as brokers that store or send them write them: the data as text, and everything else as attributes, a JSON text.
 * Offset and time stand beside these, each broker in its own way. And pages of history, gathered up to the bounds of their query.
 */
import type { HistoryQuery, NewPublication } from "../channels/log.js";
import type { ClientInfo, Publication } from "../wire/messages.js";
import { isBinary, type Payload, payloadSize } from "../wire/payload.js";

interface Attributes extends Omit<Publication, "data" | "offset" | "time" | "delta"> {
  /** The data is bytes. */
  readonly isBinary?: true;
}

/** A client publishes many times, so the text of its info is cached. */
const infoTexts = new WeakMap<ClientInfo, string>();

/**
 * The data as text, in which each byte is the character with its code. In UTF-8, which brokers write, ASCII and small numbers, of
 * which binary formats have many, take 1 byte, others 2; base64 would take 4 for 3.
 */
export function encodeData(data: Payload): string {
  if (!isBinary(data)) return data;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1");
}

function decodeBytes(text: string): Uint8Array {
  // Not part of a pool, which it would keep in memory.
  const bytes = new Uint8Array(text.length);
  Buffer.from(bytes.buffer).write(text, "latin1");
  return bytes;
}

/** Everything but data, offset and time, as JSON; empty if there is nothing else. */
export function encodeAttributes(publication: NewPublication | Publication): string {
  const { data, info, tags, key, isRemoved, score, version } = publication;
  if (tags === undefined && key === undefined && version === undefined && !isBinary(data))
    return info === undefined ? "" : `{"info":${textOf(info)}}`;
  const attributes = { info, tags, key, isRemoved, score, version };
  return JSON.stringify(isBinary(data) ? { ...attributes, isBinary: true } : attributes);
}

function textOf(info: ClientInfo): string {
  let text = infoTexts.get(info);
  if (text === undefined) {
    text = JSON.stringify(info);
    infoTexts.set(info, text);
  }
  return text;
}

/** Everything of a publication but data, offset and time, and whether the data is bytes. */
export interface DecodedAttributes {
  readonly isBinary: boolean;
  readonly fields: Omit<Publication, "data" | "offset" | "time">;
}

/**
 * Attributes that are not known here, of a later version, are skipped.
 * @throws SyntaxError if they are not JSON
 */
export function decodeAttributes(text: string): DecodedAttributes {
  if (text === "") return noAttributes;
  const { info, tags, key, isRemoved, score, version, isBinary = false } = JSON.parse(text) as Attributes;
  const fields = {
    ...(info && { info }),
    ...(tags && { tags }),
    ...(key !== undefined && { key }),
    ...(isRemoved && { isRemoved }),
    ...(score !== undefined && { score }),
    ...(version && { version }),
  };
  return { isBinary, fields };
}

const noAttributes: DecodedAttributes = Object.freeze({ isBinary: false, fields: Object.freeze({}) });

/**
 * @param data of {@link encodeData}
 * @throws SyntaxError if the attributes are not JSON
 */
export function decodePublication(
  offset: number,
  time: number,
  data: string,
  attributes: string,
): Publication {
  if (attributes === "") return { offset, data, time };
  const { isBinary, fields } = decodeAttributes(attributes);
  return { offset, data: isBinary ? decodeBytes(data) : data, time, ...fields };
}

export class PageBuilder {
  readonly #query: HistoryQuery;
  readonly publications: Publication[] = [];
  #bytes = 0;
  isFull: boolean;

  constructor(query: HistoryQuery) {
    this.#query = query;
    this.isFull = query.maxEntries === 0;
  }

  add(publication: Publication): void {
    if (this.isFull) return;
    this.#bytes += payloadSize(publication.data) + (publication.info?.connInfo?.length ?? 0);
    if (this.#bytes > this.#query.maxBytes && this.publications.length > 0) this.isFull = true;
    else this.publications.push(publication);
    if (this.publications.length >= this.#query.maxEntries) this.isFull = true;
  }

  clear(): void {
    this.publications.length = 0;
    this.#bytes = 0;
  }
}
