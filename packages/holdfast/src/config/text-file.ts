/** Files of text as editors of all systems write them. */
import { readFileSync } from "node:fs";

/** The text of a file in UTF-8, or in UTF-16 where a byte order mark says so; the mark is no part of it. @throws what reading throws */
export function readTextFile(path: string): string {
  const bytes = readFileSync(path);
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  const isUtf16Reversed = bytes[0] === 0xfe && bytes[1] === 0xff;
  const encoding = isUtf16 ? "utf-16le" : isUtf16Reversed ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}
