/** What publications of a log take: in memory, and in its segments. */
import type { Publication } from "../../wire/messages.js";
import { sizeAt } from "./entries.js";
import type { Segment } from "./log-index.js";

/** Estimated, in bytes. */
export function memoryOf({ data, info }: Publication): number {
  return 2 * (data.length + (info?.connInfo?.length ?? 0)) + 200;
}

/** Bytes of all publications of the log before an offset that lies in the segment, or right after it. */
export function bytesBefore({ first, before, index }: Segment, offset: number): number {
  let bytes = before;
  for (let place = 0; place < offset - first; place++) bytes += sizeAt(index, place);
  return bytes;
}
