/** What a board needs of the line, of time, and of chance. */
import type { Channel } from "@holdfast/client";
import type { BoardEvent, CursorEvent } from "../server/board.js";

export type BoardChannel = Pick<Channel<BoardEvent>, "subscribe" | "publish" | "history">;
export type CursorChannel = Pick<Channel<CursorEvent>, "subscribe" | "publish" | "presence">;

export interface BoardLink {
  readonly board: BoardChannel;
  readonly cursors: CursorChannel;
  /** Id of this window's connection; undefined while there is none. */
  readonly ownClient: () => string | undefined;
}

/** Runs a task after a delay; returns what calls it off. */
export type Later = (delayMs: number, task: () => void) => () => void;

export interface Time {
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  readonly later: Later;
}
