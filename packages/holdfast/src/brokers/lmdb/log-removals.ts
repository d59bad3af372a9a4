/** Removes stretches of logs from the index that must not be in the way of what comes in their place. */
import { type LogIndex, settled } from "./log-index.js";

const removalsAtOnce = 1000;

/** What stands behind the end of a log. */
export async function removeFrom(index: LogIndex, name: string, offset: number): Promise<void> {
  const puts: Promise<unknown>[] = [];
  for (const { first } of index.segmentsFrom(name, offset)) puts.push(index.removeSegment(name, first));
  await settled(puts);
}

/** What there is of a log that ends at an offset. */
export async function removeUpTo(index: LogIndex, name: string, offset: number): Promise<void> {
  for (;;) {
    const firsts = index.firstOffsetsBefore(name, offset + 1, removalsAtOnce);
    if (firsts.length === 0) return;
    await settled(firsts.map((first) => index.removeSegment(name, first)));
  }
}
