/**
 * Publications as brokers that store or send them write them: the data, and everything else as attributes, a JSON text. Offset and
 * time stand beside these, each broker in its own way.
 */
import type { ClientInfo, Publication } from "../wire/messages.js";

/** Everything but data, offset and time. JSON omits undefined members. */
type Attributes = Omit<Publication, "data" | "offset" | "time" | "delta">;

/** A client publishes many times, so the text of its info is cached. */
const infoTexts = new WeakMap<ClientInfo, string>();

/** Everything but data, offset and time, as JSON; empty if there is nothing else. */
export function encodeAttributes({ info, tags, key, isRemoved, score, version }: Publication): string {
  if (tags === undefined && key === undefined) return info === undefined ? "" : `{"info":${textOf(info)}}`;
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

/**
 * Attributes that are not known here, of a later version, are skipped.
 * @param data as stored
 * @throws SyntaxError if the attributes are not JSON
 */
export function decodePublication(
  offset: number,
  time: number,
  data: string,
  attributes: string,
): Publication {
  if (attributes === "") return { offset, data, time };
  const { info, tags, key, isRemoved, score, version } = JSON.parse(attributes) as Attributes;
  return {
    offset,
    data,
    time,
    ...(info && { info }),
    ...(tags && { tags }),
    ...(key !== undefined && { key }),
    ...(isRemoved && { isRemoved }),
    ...(score !== undefined && { score }),
    ...(version && { version }),
  };
}
