/** Lines of a stream of text, one at a time. Holds no more than the longest one that is asked for. */
import { StringDecoder } from "node:string_decoder";

export interface Line {
  /** From 1, empty ones counted. */
  readonly number: number;
  /** Without its line break; undefined where it is too long. */
  readonly text: string | undefined;
}

/**
 * Splits UTF-8 at LF and CRLF. A byte order mark before the first line is no part of it.
 * @param maxCharacters of a line; what comes beyond is read and dropped
 */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  maxCharacters: number,
): AsyncGenerator<Line> {
  const decoder = new StringDecoder("utf8");
  let number = 0;
  let parts: string[] = [];
  let characters = 0;
  const take = (part: string) => {
    characters += part.length;
    if (characters <= maxCharacters) parts.push(part);
    else parts = [];
  };
  const end = (): Line => {
    const text = parts.join("").replace(/\r$/, "");
    const isLong = characters > maxCharacters;
    number++;
    parts = [];
    characters = 0;
    return { number, text: isLong ? undefined : number === 1 ? text.replace(/^\uFEFF/, "") : text };
  };
  for await (const chunk of input) {
    const pieces = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)).split("\n");
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) yield end();
      take(piece);
    }
  }
  take(decoder.end());
  if (characters > 0) yield end();
}
