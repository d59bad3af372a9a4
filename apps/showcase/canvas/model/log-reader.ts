/** Reads a board's log, page by page from its end, until everything that can still be seen was there. */
import type { HistoryPage } from "@holdfast/client";
import { readServerError } from "../../shared/line/server-error.js";
import type { BoardEvent } from "../server/board.js";
import type { BoardChannel } from "./canvas.js";

export const pageSize = 250;
/** The log ends before: what was there is kept no longer. */
const unrecoverableCode = 112;

export interface LogReaderOptions {
  readonly board: Pick<BoardChannel, "history">;
  readonly receive: (page: HistoryPage<BoardEvent>) => void;
  /** What is at or before it cannot be seen. */
  readonly floor: () => number;
  /** Whether what is read is still wanted. */
  readonly isWanted: () => boolean;
}

/** @throws what a request was rejected with */
export async function readLog({ board, receive, floor, isWanted }: LogReaderOptions): Promise<void> {
  let before: number | undefined;
  let epoch = "";
  for (;;) {
    const since = before === undefined ? {} : { since: { epoch, offset: before } };
    const page = await board.history({ limit: pageSize, reverse: true, ...since }).catch((error: unknown) => {
      if (before !== undefined && readServerError(error).code === unrecoverableCode) return undefined;
      throw error;
    });
    if (!page || !isWanted()) return;
    receive(page);
    epoch = page.position.epoch;
    before = Math.min(...page.publications.map(({ offset = 0 }) => offset));
    if (page.publications.length === 0 || before <= Math.max(1, floor() + 1)) return;
  }
}
