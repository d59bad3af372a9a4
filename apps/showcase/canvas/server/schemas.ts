/** What clients may publish on a board: everything is bounded, and what is too much is refused. */

import type { Schema } from "holdfast";
import { z } from "zod";
import {
  type BoardEvent,
  boardHeight,
  boardWidth,
  type CursorEvent,
  colourCount,
  lineWidths,
  maxParts,
  maxPoints,
  mostPressure,
} from "./board.js";

const most = [boardWidth, boardHeight, mostPressure] as const;
const upTo = (last: number) => z.number().int().min(0).max(last);
const stroke = z.string().regex(/^[\w-]{1,24}$/, "must be 1 to 24 letters, digits, - or _");

const points = z
  .array(z.number().int())
  .min(3)
  .max(3 * maxPoints)
  .refine((numbers) => numbers.length % 3 === 0, "must be x, y and pressure of each point")
  .refine(
    (numbers) => numbers.every((number, at) => number >= 0 && number <= (most[at % 3] as number)),
    `must be on the board: x to ${boardWidth}, y to ${boardHeight}, pressure to ${mostPressure}`,
  );

export const boardSchema: Schema<BoardEvent, BoardEvent> = z.discriminatedUnion("kind", [
  z.strictObject({
    ...{ kind: z.literal("part"), stroke, points },
    n: upTo(maxParts - 1),
    colour: upTo(colourCount - 1),
    width: upTo(lineWidths.length - 1),
  }),
  z.strictObject({ kind: z.literal("undo"), stroke }),
  z.strictObject({ kind: z.literal("clear") }),
]);

export const cursorSchema: Schema<CursorEvent, CursorEvent> = z.strictObject({
  x: upTo(boardWidth).optional(),
  y: upTo(boardHeight).optional(),
  colour: upTo(colourCount - 1).optional(),
});
