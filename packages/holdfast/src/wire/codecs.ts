/** The codecs that clients can choose from. To add one, write its file and list it here. */
import type { Codec } from "./codec.js";
import { jsonCodec } from "./json-codec.js";

export const codecs: readonly Codec[] = Object.freeze([jsonCodec]);

/** For clients that name no codec. */
export const defaultCodec: Codec = jsonCodec;

/** What an opening request says about the client's codec. */
export interface CodecChoice {
  /** WebSocket subprotocols that the client offers. */
  readonly subprotocols?: readonly string[];
  readonly query?: URLSearchParams;
}

/** By subprotocol, else by `cf_protocol` or `format` in the query, else the default. */
export function chooseCodec({ subprotocols = [], query }: CodecChoice): Codec {
  const format = query?.get("cf_protocol") ?? query?.get("format");
  return (
    codecs.find(({ subprotocol }) => subprotocols.includes(subprotocol)) ??
    codecs.find(({ name }) => name === format) ??
    defaultCodec
  );
}

/** The media type of binary bodies, which are never read as text. */
const binaryType = "application/octet-stream";

/** @returns undefined for binary content in an unknown format; any other unknown type, or none, gives the default codec */
export function codecForContentType(contentType: string | undefined): Codec | undefined {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  const codec = codecs.find((each) => each.contentType === type);
  return codec ?? (contentType?.startsWith(binaryType) ? undefined : defaultCodec);
}
