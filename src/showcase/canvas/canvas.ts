/**
 * The canvas: for each board a log of what is drawn, and a channel of cursors of which nothing is kept. Who has drawn what is
 * what the server says of the publisher, so that nobody can undo another's strokes.
 */
import type { AccessContext } from "../../app/access.js";
import { channel } from "../../app/channel.js";
import { reject } from "../../app/rejection.js";
import type { User } from "../../app/user.js";
import type { PartContext, RunningPart } from "../part.js";
import { Allowance } from "./allowance.js";
import { isBoard, logSize, updatesPerSecond } from "./board.js";
import { boardSchema, cursorSchema } from "./schemas.js";

/** Pages send later what was refused with it. */
export const tooFastCode = 429;

export function createCanvas({ isWelcome, durability, now }: PartContext) {
  const running: RunningPart = { start: () => {}, stop: () => {} };
  const rule = async ({ user, params }: AccessContext) => isBoard(params.board) && (await isWelcome(user));
  const allow = { subscribe: rule, publish: rule, history: rule, presence: rule };
  // A little more than pages send, for what comes in clusters after a slow stretch of the line.
  const bounds = { perSecond: 1.5 * updatesPerSecond, burst: 3 * updatesPerSecond, now };
  const drawing = new Allowance(bounds);
  const pointing = new Allowance(bounds);
  const assertSlow = (allowance: Allowance, { client }: User) => {
    if (!allowance.use(client)) reject(tooFastCode, `too fast: up to ${bounds.perSecond} messages a second`);
  };
  return {
    running,
    channels: {
      "canvas:{board}": channel({
        ...{ data: boardSchema, durability, allow },
        history: { size: logSize, ttl: "7d", bytes: 8 * 1024 * 1024 },
        publish: ({ user, data }) => {
          assertSlow(drawing, user);
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
