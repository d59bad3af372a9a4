/**
 * How JSON messages of the client protocol stand in a response that goes on: lines, or events. One encoding each for all
 * connections, so that readers of a channel share their bytes.
 */
import type { Encoding } from "../channels/reader.js";
import type { Codec, Encoded } from "../wire/codec.js";
import { jsonCodec } from "../wire/json-codec.js";
import { oneWayCodec } from "./one-way-codec.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: everything beyond ASCII
const beyondAscii = /[^\x00-\x7f]/g;

/**
 * One message a line. In JSON, characters beyond ASCII stand in strings only, where they are escaped: some clients decode
 * each chunk by itself, and networks cut chunks where they like.
 */
export const lineEncoding: Encoding<Codec> = Object.freeze({ codec: jsonCodec, frame: frameLines });
/** The same for clients that only read. */
export const oneWayLineEncoding: Encoding = Object.freeze({ codec: oneWayCodec, frame: frameLines });

/** One message an event, of the `text/event-stream` format (WHATWG HTML §9.2.5). JSON has no raw line breaks. */
export const eventEncoding: Encoding<Codec> = Object.freeze({ codec: jsonCodec, frame: frameEvents });
export const oneWayEventEncoding: Encoding = Object.freeze({ codec: oneWayCodec, frame: frameEvents });

function frameLines(payload: Encoded): Uint8Array {
  return Buffer.from(`${(payload as string).replace(beyondAscii, escapeCharacter)}\n`);
}

function frameEvents(payload: Encoded): Uint8Array {
  return Buffer.from(`data: ${(payload as string).replaceAll("\n", "\n\ndata: ")}\n\n`);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
