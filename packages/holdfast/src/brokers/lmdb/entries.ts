/**
 * Publications as text, for the journal and for the segments of the index: an index of numbers, three for each
 * publication, and a body with the texts one after the other.
 */
import type { ClientInfo, Publication } from "../../wire/messages.js";

/** What a publication counts for beyond its texts: about what the index of numbers takes for it. */
const overheadBytes = 32;

/** Time (Unix milliseconds), characters of data, characters of everything else; for each publication. */
export type EntryIndex = readonly number[];

const numbersPerEntry = 3;

export interface EncodedEntries {
  readonly index: EntryIndex;
  readonly body: string;
}

/** Bytes that a publication counts for, about what it takes in the store. */
export function sizeOf(publication: Publication): number {
  return publication.data.length + attributesOf(publication).length + overheadBytes;
}

export function encodeEntries(publications: readonly Publication[]): EncodedEntries {
  const index: number[] = [];
  let body = "";
  for (const publication of publications) {
    const attributes = attributesOf(publication);
    index.push(publication.time, publication.data.length, attributes.length);
    body += publication.data + attributes;
  }
  return { index, body };
}

export function countOf(index: EntryIndex): number {
  return index.length / numbersPerEntry;
}

/** Of the entry at a place, counted from 0. */
export function timeAt(index: EntryIndex, place: number): number {
  return index[numbersPerEntry * place] as number;
}

/** Of the entry at a place, counted from 0. */
export function sizeAt(index: EntryIndex, place: number): number {
  const at = numbersPerEntry * place;
  return (index[at + 1] as number) + (index[at + 2] as number) + overheadBytes;
}

/** @throws Error when index and body do not belong together */
export function decodeEntries({ index, body }: EncodedEntries, firstOffset: number): Publication[] {
  const publications: Publication[] = [];
  let place = 0;
  for (let i = 0; i < index.length; i += numbersPerEntry) {
    const [time, dataLength, attributesLength] = index.slice(i, i + numbersPerEntry) as [
      number,
      number,
      number,
    ];
    const data = body.slice(place, place + dataLength);
    place += dataLength;
    const attributes = body.slice(place, place + attributesLength);
    place += attributesLength;
    const offset = firstOffset + i / numbersPerEntry;
    publications.push({ offset, data, time, ...(attributes !== "" && JSON.parse(attributes)) });
  }
  if (place !== body.length)
    throw new Error(`the entries are ${place} characters, and ${body.length} are there`);
  return publications;
}

/** A client publishes many times, so its part of the text is kept. */
const infoTexts = new WeakMap<ClientInfo, string>();

/** Everything but data, time and offset, as JSON; empty where there is nothing else. */
function attributesOf({ info, tags, key, isRemoved, score, version }: Publication): string {
  if (tags === undefined && key === undefined) return info === undefined ? "" : `{"info":${textOf(info)}}`;
  // What is undefined does not come into it.
  return JSON.stringify({ info, tags, key, isRemoved, score, version });
}

function textOf(info: ClientInfo): string {
  let text = infoTexts.get(info);
  if (text === undefined) {
    text = JSON.stringify(info);
    infoTexts.set(info, text);
  }
  return text;
}

/** Characters of the body that belong to an index. */
export function bodyLengthOf(index: EntryIndex): number {
  let length = 0;
  for (let i = 0; i < index.length; i += numbersPerEntry)
    length += (index[i + 1] as number) + (index[i + 2] as number);
  return length;
}
