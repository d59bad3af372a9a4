/** The codecs that clients can choose from. A new one is a file of its own and a line in this table. */
import type { Codec } from "./codec.js";
import { jsonCodec } from "./json-codec.js";

export const codecs: readonly Codec[] = Object.freeze([jsonCodec]);

/** For clients that ask for none. */
export const defaultCodec: Codec = jsonCodec;

/** What an opening request says of the codec that the client speaks. */
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

/** Media types of bytes, which are never taken for text. */
const binaryType = "application/octet-stream";

/** @returns undefined for bytes in a format that is not spoken here; any other type, or none, means the default codec */
export function codecForContentType(contentType: string | undefined): Codec | undefined {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  const codec = codecs.find((each) => each.contentType === type);
  return codec ?? (contentType?.startsWith(binaryType) ? undefined : defaultCodec);
}
