/** The codecs that clients can choose from. To add one, write its file and list it here. */
import type { Codec } from "./codec.js";
import { jsonCodec } from "./json-codec.js";
import { protobufCodec } from "./protobuf-codec.js";

export const codecs: readonly Codec[] = Object.freeze([jsonCodec, protobufCodec]);

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

/** For any other type, or none, the default codec. */
export function codecForContentType(contentType: string | undefined): Codec {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  return codecs.find((each) => each.contentType === type) ?? defaultCodec;
}
