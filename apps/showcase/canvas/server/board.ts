/** The boards, what is drawn on them, and every bound of it. Runs in the page, too. */

/** By the part of the address after `#`. The first is where one comes in. */
export const boards = ["harbour", "reef", "lagoon", "lighthouse"] as const;
export type BoardName = (typeof boards)[number];

/** Coordinates are whole numbers from 0 to these, on every screen. */
export const boardWidth = 3200;
export const boardHeight = 2000;
export const mostPressure = 100;
/** Each has one shade on light boards and one on dark ones. */
export const colourCount = 8;
/** Of the middle of a line at half pressure, in units of the board. */
export const lineWidths = [8, 18, 40, 90] as const;
/** In one message; each is three numbers: x, y and pressure. */
export const maxPoints = 64;
/** Messages of one stroke. */
export const maxParts = 1000;
/** Publications that a board's log keeps. What is older is gone from every screen. */
export const logSize = 2000;
export const updatesPerSecond = 20;

/** A piece of a stroke, sent while that is drawn. Strokes are told apart by their author and their id. */
export interface PartEvent {
  readonly kind: "part";
  readonly stroke: string;
  /** Counts the parts of a stroke, from 0. */
  readonly n: number;
  readonly colour: number;
  readonly width: number;
  /** x, y and pressure of each point, one after the other. */
  readonly points: readonly number[];
}

/** A stroke is gone. Counts where its author says so. */
export interface UndoEvent {
  readonly kind: "undo";
  readonly stroke: string;
}

/** Everything before is gone. */
export interface ClearEvent {
  readonly kind: "clear";
}

export type BoardEvent = PartEvent | UndoEvent | ClearEvent;

/** Where somebody's pointer is; with nothing in it, it has left the board. */
export interface CursorEvent {
  readonly x?: number | undefined;
  readonly y?: number | undefined;
  /** Whether it draws, and in which colour. */
  readonly colour?: number | undefined;
}

export function isBoard(name: string | undefined): name is BoardName {
  return (boards as readonly (string | undefined)[]).includes(name);
}
