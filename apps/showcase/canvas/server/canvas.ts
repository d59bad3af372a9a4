/**
 * The canvas: for each board a log of what is drawn, and a channel of cursors of which nothing is kept. Who has drawn what is
 * what the server says of the publisher, so that nobody can undo another's strokes.
 */
import { type AccessContext, channel, reject, type Schema, type User } from "holdfast";
import { TokenBuckets } from "holdfast/internal";
import { z } from "zod";
import type { PartContext, RunningPart } from "../../server/part.js";
import {
  type BoardEvent,
  boardHeight,
  boardWidth,
  type CursorEvent,
  colourCount,
  isBoard,
  lineWidths,
  logSize,
  maxParts,
  maxPoints,
  mostPressure,
  updatesPerSecond,
} from "./board.js";

/** Pages send later what was refused with it. */
export const tooFastCode = 429;
export const clearedCode = 403;
/** Of one person: some at once, then one in a while. */
export const clearings = { burst: 3, everyMs: 20_000 } as const;

export function createCanvas({ isWelcome, mayLook, durability, now }: PartContext) {
  const running: RunningPart = { start: () => {}, stop: () => {} };
  const rule = async ({ user, params }: AccessContext) => isBoard(params.board) && (await isWelcome(user));
  const look = async ({ user, params }: AccessContext) => isBoard(params.board) && (await mayLook(user));
  const allow = { subscribe: look, publish: rule, history: look, presence: look };
  // A little more than pages send, for what comes in clusters after a slow stretch of the line.
  const perSecond = 1.5 * updatesPerSecond;
  const drawing = new TokenBuckets({ perSecond, burst: 2 * perSecond });
  const pointing = new TokenBuckets({ perSecond, burst: 2 * perSecond });
  // What takes away what everybody has drawn should not come often.
  const clearing = new TokenBuckets({ perSecond: 1000 / clearings.everyMs, burst: clearings.burst });
  // By person, however many connections and requests they have; programs of this machine have no name.
  const keyOf = ({ id, client }: User) => id || client;
  const assertRate = (buckets: TokenBuckets, user: User) => {
    if (buckets.take(keyOf(user), now()) > 0)
      reject(tooFastCode, `too fast: up to ${perSecond} messages a second`);
  };
  return {
    running,
    channels: {
      "canvas:{board}": channel({
        ...{ data: boardSchema, durability, allow },
        history: { size: logSize, ttl: "7d", bytes: 8 * 1024 * 1024 },
        publish: ({ user, data }) => {
          assertRate(drawing, user);
          // Not to be sent again by itself: who waits for a board to be cleared has drawn on meanwhile.
          if (data.kind === "clear" && clearing.take(keyOf(user), now()) > 0)
            reject(
              clearedCode,
              `you cleared boards recently: try again in ${clearings.everyMs / 1000} seconds`,
            );
          return data;
        },
      }),
      "cursors:{board}": channel({
        ...{ data: cursorSchema, allow, presence: true, joinLeave: true },
        kind: "live",
        publish: ({ user, data }) => {
          assertRate(pointing, user);
          return data;
        },
      }),
    },
    rpc: {},
  } as const;
}

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
