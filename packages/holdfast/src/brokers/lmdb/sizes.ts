/** What publications of a log take: in memory, and in its segments. */
import type { Publication } from "../../wire/messages.js";
import { countOf, sizeAt } from "./entries.js";
import type { Segment } from "./index-records.js";

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

/** What trimming needs of a segment. */
export type SegmentPart = Pick<Segment, "first" | "index">;

export function covers({ first, index }: SegmentPart, offset: number): boolean {
  return offset >= first && offset < first + countOf(index);
}
