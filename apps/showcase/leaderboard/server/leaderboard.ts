/**
 * The leaderboard: two maps that only the server writes, and the methods of a round. Who claims a catch that was not there
 * to be made is refused.
 */
import { randomBytes, randomInt } from "node:crypto";
import { type AccessContext, channel, reject, rpc, type User } from "holdfast";
import { z } from "zod";
import type { PartContext, RunningPart } from "../../server/part.js";
import {
  type BestRow,
  bestMap,
  maxPlaying,
  maxRows,
  type PlayingRow,
  paces,
  planRound,
  playingMap,
} from "./round-plan.js";
import { type BegunRound, type Player, Rounds, type Standing } from "./rounds.js";

const sweepMs = 1000;
const bannedCode = 403;

const catchSchema = z.object({ id: z.number().int().min(0), at: z.number().int().min(0).max(600_000) });
const roundId = z.string().min(1).max(32);
const begin = z.object({ pace: z.enum(paces) });
const take = z.object({
  round: roundId,
  catches: z.array(catchSchema).min(1).max(planRound(0, "brisk").length),
});
const end = z.object({ round: roundId });

export function createLeaderboard(context: PartContext) {
  const { isWelcome, mayLook, durability, onError } = context;
  const rounds = new Rounds({
    ...context,
    createId: () => randomBytes(9).toString("base64url"),
    createSeed: () => randomInt(2 ** 32),
  });
  const look = ({ user }: AccessContext) => mayLook(user);
  const allow = { subscribe: look, history: look, publish: false, presence: false } as const;
  const history = { size: 2000, ttl: "1h" } as const;
  const playerOf = async (user: User): Promise<Player> => {
    if (!(await isWelcome(user))) reject(bannedCode, "a moderator has banned you");
    return { id: user.id, name: (user.info as { readonly name: string }).name };
  };
  return {
    running: createRunning(rounds, onError),
    channels: {
      [bestMap]: channel<BestRow>({
        ...{ kind: "map", durability, allow, history },
        map: { score: "points", ttl: "1d", maxKeys: maxRows },
      }),
      [playingMap]: channel<PlayingRow>({
        ...{ kind: "map", durability, allow, history },
        // Longer than the longest round; should the server stop in one, its row goes by itself.
        map: { score: "points", ttl: "1m", maxKeys: maxPlaying },
      }),
    },
    rpc: {
      beginRound: rpc({
        input: begin,
        allow: "users",
        handler: async ({ user, data }): Promise<BegunRound> =>
          await rounds.begin(await playerOf(user), data.pace),
      }),
      reportCatches: rpc({
        input: take,
        allow: "users",
        handler: async ({ user, data }): Promise<Standing> =>
          await rounds.take((await playerOf(user)).id, data.round, data.catches),
      }),
      endRound: rpc({
        input: end,
        allow: "users",
        handler: async ({ user, data }): Promise<Standing> =>
          await rounds.end((await playerOf(user)).id, data.round),
      }),
    },
  } as const;
}

function createRunning(rounds: Rounds, onError: PartContext["onError"]): RunningPart {
  let timer: NodeJS.Timeout | undefined;
  const report = (error: unknown) => onError(error, { stage: "ending rounds" });
  return {
    start() {
      rounds.forgetStrangers().catch(report);
      timer = setInterval(() => void rounds.sweep().catch(report), sweepMs).unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
}
