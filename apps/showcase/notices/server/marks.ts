/**
 * Which notifications somebody has read, and which they have put away: kept as positions in the log, so that it stays small
 * however many there were. The page and the server reckon with the same functions.
 */

export interface Marks {
  /** Of the log that the positions are in. */
  readonly epoch: string;
  /** Counts the changes. */
  readonly version: number;
  /** All up to this one are read. */
  readonly readTo: number;
  /** Those beyond that are read, too, in order. */
  readonly read: readonly number[];
  /** In order. */
  readonly dismissed: readonly number[];
}

export interface MarksChange {
  readonly epoch: string;
  /** All up to this one are read. */
  readonly readTo?: number | undefined;
  readonly read?: readonly number[] | undefined;
  /** Counts as read, too. */
  readonly dismiss?: readonly number[] | undefined;
}

export function emptyMarks(epoch: string): Marks {
  return { epoch, version: 0, readTo: 0, read: [], dismissed: [] };
}

export function isRead({ readTo, read, dismissed }: Marks, offset: number): boolean {
  return offset <= readTo || read.includes(offset) || dismissed.includes(offset);
}

/** @param head offset of the newest notification; what lies too far before it is no longer kept, nor marked */
export function withChange(marks: Marks, change: MarksChange, head: number): Marks {
  const gone = Math.max(0, head - keptNotices);
  const isKept = (offset: number) => offset > gone && offset <= head;
  const dismissed = united(marks.dismissed, change.dismiss).filter(isKept);
  const readBefore = united(marks.read, change.read).filter(isKept);
  let readTo = Math.min(head, Math.max(marks.readTo, change.readTo ?? 0, gone));
  while (readBefore.includes(readTo + 1) || dismissed.includes(readTo + 1)) readTo++;
  const read = readBefore.filter((offset) => offset > readTo);
  return { epoch: marks.epoch, version: marks.version + 1, readTo, read, dismissed };
}

function united(some: readonly number[], more: readonly number[] = []): number[] {
  return [...new Set([...some, ...more])].sort((a, b) => a - b);
}

/** In characters as people count them. */
export const maxNoticeCharacters = 280;
export const maxTitleCharacters = 80;
/** So many are kept for each person. */
export const keptNotices = 100;
/** Seconds after which somebody may have one sent to themselves. */
export const maxDelaySeconds = 60;
