/**
 * The canvas: for each board a log of what is drawn, and a channel of cursors of which nothing is kept. Who has drawn what is
 * what the server says of the publisher, so that nobody can undo another's strokes.
 */
import type { AccessContext, User } from "holdfast";
import { channel, reject } from "holdfast";
import { Allowance } from "../../server/allowance.js";
import type { PartContext, RunningPart } from "../../server/part.js";
import { isBoard, logSize, updatesPerSecond } from "./board.js";
import { boardSchema, cursorSchema } from "./schemas.js";

/** Pages send later what was refused with it. */
export const tooFastCode = 429;
export const clearedCode = 403;
/** Of one person: some at once, then one in a while. */
export const clearings = { burst: 3, everyMs: 20_000 } as const;

export function createCanvas({ isWelcome, durability, now }: PartContext) {
  const running: RunningPart = { start: () => {}, stop: () => {} };
  const rule = async ({ user, params }: AccessContext) => isBoard(params.board) && (await isWelcome(user));
  const allow = { subscribe: rule, publish: rule, history: rule, presence: rule };
  // A little more than pages send, for what comes in clusters after a slow stretch of the line.
  const perSecond = 1.5 * updatesPerSecond;
  const drawing = new Allowance({ burst: 2 * perSecond, everyMs: 1000 / perSecond });
  const pointing = new Allowance({ burst: 2 * perSecond, everyMs: 1000 / perSecond });
  // What takes away what everybody has drawn should not come often.
  const clearing = new Allowance({ burst: clearings.burst, everyMs: clearings.everyMs });
  // By person, however many connections and requests they have; programs of this machine have no name.
  const keyOf = ({ id, client }: User) => id || client;
  const assertSlow = (allowance: Allowance, user: User) => {
    if (allowance.take(keyOf(user), now()) > 0)
      reject(tooFastCode, `too fast: up to ${perSecond} messages a second`);
  };
  return {
    running,
    channels: {
      "canvas:{board}": channel({
        ...{ data: boardSchema, durability, allow },
        history: { size: logSize, ttl: "7d", bytes: 8 * 1024 * 1024 },
        publish: ({ user, data }) => {
          assertSlow(drawing, user);
          // Not to be sent again by itself: who waits for a board to be cleared has drawn on meanwhile.
          if (data.kind === "clear" && clearing.take(keyOf(user), now()) > 0)
            reject(clearedCode, `you have cleared boards just now: wait ${clearings.everyMs / 1000} seconds`);
          return data;
        },
      }),
      "cursors:{board}": channel({
        ...{ data: cursorSchema, allow, presence: true, joinLeave: true },
        kind: "live",
        publish: ({ user, data }) => {
          assertSlow(pointing, user);
          return data;
        },
      }),
    },
    rpc: {},
  } as const;
}
