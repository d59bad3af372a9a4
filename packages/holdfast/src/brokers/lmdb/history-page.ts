/** Reads pages of a log from both the index and the tail that is not in it yet. */

import type { Publication } from "../../wire/messages.js";
import type { PageBuilder } from "../publication-format.js";
import type { ChannelLog } from "./channel-log.js";
import { publicationsOf } from "./format.js";

/** Reads forward from an offset: first the index, then the tail. */
export function readOn(log: ChannelLog, from: number, page: PageBuilder): void {
  const { index } = log.shared;
  let expected = from;
  if (from <= log.storedTo) {
    const start = index.segmentAt(log.name, from)?.first ?? from;
    for (const segment of index.segmentsFrom(log.name, start)) {
      if (page.isFull || segment.first > log.storedTo) break;
      if ("isDamaged" in segment || (segment.first > expected && segment.first > from)) {
        // There is a gap: what came before it counts as no longer kept.
        page.clear();
        if ("isDamaged" in segment) {
          log.reportDamage(segment.first);
          continue;
        }
      }
      for (const publication of publicationsOf(segment)) {
        if (publication.offset < expected || publication.offset > log.storedTo) continue;
        page.add(publication);
        expected = publication.offset + 1;
      }
    }
    if (!page.isFull && expected <= log.storedTo) page.clear();
  }
  const tailStart = log.storedTo + 1;
  for (let i = Math.max(0, from - tailStart); i < log.tail.length && !page.isFull; i++)
    page.add(log.tail[i] as Publication);
}

/** Reads backwards from an offset. */
export function readBack(log: ChannelLog, from: number, page: PageBuilder): void {
  const { index } = log.shared;
  const tailStart = log.storedTo + 1;
  for (let i = from - tailStart; i >= 0 && !page.isFull; i--) {
    const publication = log.tail[i] as Publication;
    if (publication.offset < log.first) return;
    page.add(publication);
  }
  let expected = Math.min(from, log.storedTo);
  if (page.isFull || expected < log.first) return;
  for (const segment of index.segmentsBack(log.name, expected)) {
    if (page.isFull) return;
    if ("isDamaged" in segment) {
      log.reportDamage(segment.first);
      return;
    }
    const publications = publicationsOf(segment).filter(({ offset }) => offset <= expected);
    if (publications.at(-1)?.offset !== expected) return;
    for (const publication of publications.reverse()) {
      if (publication.offset < log.first) return;
      page.add(publication);
      expected = publication.offset - 1;
    }
  }
}
