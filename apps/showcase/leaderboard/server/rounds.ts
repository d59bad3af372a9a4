/**
 * The rounds that are played now, one of each person, and what comes of them: points go into the map of who plays as they
 * are made, and into the table as soon as they are that person's best. Only the server writes in either.
 */
import { HoldfastError, reject } from "holdfast";
import { TokenBuckets } from "holdfast/internal";
import type { PartContext } from "../../server/part.js";
import {
  type BestRow,
  bestMap,
  type Catch,
  type Drifter,
  graceMs,
  isInWater,
  leastGapMs,
  maxPlaying,
  type Pace,
  type PlayingRow,
  planRound,
  playingMap,
  pointsOf,
  roundMs,
} from "./round-plan.js";

/** A round as its player is told of it. */
export interface BegunRound {
  readonly round: string;
  readonly seed: number;
  readonly pace: Pace;
  readonly lengthMs: number;
}

export interface Standing {
  readonly points: number;
  readonly caught: number;
  /** Of the person, by now. */
  readonly best: number;
}

export interface Player {
  readonly id: string;
  readonly name: string;
}

interface Played {
  readonly round: Round;
  readonly name: string;
  best: number;
  /** What is being written, so that one thing goes after the other. */
  writing: Promise<void>;
}

export type RoundsContext = Pick<PartContext, "store" | "now" | "onError"> & {
  readonly createId: () => string;
  /** An integer below 2³². */
  readonly createSeed: () => number;
};

export const unknownCode = 404;
export const tooSoonCode = 429;
export const fullCode = 503;
/** Least time from one beginning to the next. */
export const restMs = 1000;

export class Rounds {
  readonly #context: RoundsContext;
  /** By user. */
  readonly #played = new Map<string, Played>();
  /** One beginning of each person in a while, also where the round before was ended at once. */
  readonly #beginning = new TokenBuckets({ perSecond: 1000 / restMs, burst: 1 });

  constructor(context: RoundsContext) {
    this.#context = context;
  }

  /** In place of the round that the person has, if any. @throws Rejection where it is too soon, or too many play */
  async begin({ id: user, name }: Player, pace: Pace): Promise<BegunRound> {
    const { store, now, createId, createSeed } = this.#context;
    const startedAt = now();
    const before = this.#played.get(user);
    if (!before && this.#played.size >= maxPlaying)
      reject(fullCode, `${maxPlaying} people are already playing: try again when a round ends`);
    if (this.#beginning.take(user, startedAt) > 0)
      reject(tooSoonCode, "you just started a round: wait a moment");
    const round = new Round({ id: createId(), seed: createSeed(), pace, startedAt });
    const played: Played = { round, name, best: 0, writing: before?.writing ?? Promise.resolve() };
    this.#played.set(user, played);
    await this.#write(played, async () => {
      played.best = (await store.read<BestRow>(bestMap, user))?.points ?? 0;
      await store.write<PlayingRow>(playingMap, user, rowOf(played, startedAt));
    });
    return { round: round.id, seed: round.seed, pace, lengthMs: roundMs(pace) };
  }

  /** @throws Rejection where there is no such round, or a claim cannot be; then none of them counts */
  async take(user: string, id: string, catches: readonly Catch[]): Promise<Standing> {
    const { store, now } = this.#context;
    const played = this.#find(user, id);
    const { round } = played;
    const at = now();
    const isNews = round.take(catches, at);
    await this.#write(played, async () => {
      if (!isNews) return;
      const row = rowOf(played, at);
      // Another round may have begun meanwhile, whose row this is now.
      if (this.#played.get(user) === played) await store.write<PlayingRow>(playingMap, user, row);
      if (row.points > played.best && (await this.#list(user, row))) played.best = row.points;
    });
    return { points: round.points, caught: round.caught, best: Math.max(played.best, round.points) };
  }

  /** The player has told everything. @throws Rejection where there is no such round */
  async end(user: string, id: string): Promise<Standing> {
    const played = this.#find(user, id);
    await this.#forget(user, played);
    const { points, caught } = played.round;
    return { points, caught, best: Math.max(played.best, points) };
  }

  /** Ends what was left: rounds whose players told nothing more. */
  async sweep(): Promise<void> {
    const now = this.#context.now();
    for (const [user, played] of [...this.#played])
      if (played.round.isOver(now)) await this.#forget(user, played);
  }

  /** Whoever played when the server stopped plays no more. */
  async forgetStrangers(): Promise<void> {
    const { store } = this.#context;
    for (const { key } of await store.list(playingMap))
      if (!this.#played.has(key)) await store.remove(playingMap, key);
  }

  #find(user: string, id: string): Played {
    const played = this.#played.get(user);
    if (played?.round.id === id) return played;
    return reject(unknownCode, "this round is over, or you started another one");
  }

  async #forget(user: string, played: Played): Promise<void> {
    if (this.#played.get(user) === played) this.#played.delete(user);
    await this.#write(played, async () => {
      if (!this.#played.has(user)) await this.#context.store.remove(playingMap, user);
    });
  }

  /** @returns whether the row is in the table: one that is full takes nothing below its lowest */
  async #list(user: string, row: BestRow): Promise<boolean> {
    const { store } = this.#context;
    try {
      await store.write(bestMap, user, row);
      return true;
    } catch (error) {
      if (!(error instanceof HoldfastError && error.code === "HF_MAP_FULL")) throw error;
    }
    const lowest = (await store.list<BestRow>(bestMap)).at(-1);
    if (lowest === undefined || lowest.value.points >= row.points) return false;
    await store.remove(bestMap, lowest.key);
    await store.write(bestMap, user, row);
    return true;
  }

  async #write(played: Played, task: () => Promise<void>): Promise<void> {
    const done = played.writing.then(task);
    played.writing = done.catch(() => {});
    await done;
  }
}

function rowOf({ round, name }: Played, at: number): PlayingRow {
  return { name, points: round.points, pace: round.pace, at };
}

export const unfairCode = 422;
export const overCode = 410;
/** Pages begin to count when they hear of the round, and so lag; their clocks may go a little faster. */
const clockToleranceMs = 250;

export interface RoundOptions {
  readonly id: string;
  readonly seed: number;
  readonly pace: Pace;
  /** Unix milliseconds. */
  readonly startedAt: number;
}

export class Round {
  readonly id: string;
  readonly seed: number;
  readonly pace: Pace;
  readonly startedAt: number;
  readonly #plan: readonly Drifter[];
  /** When each was caught, by its id. */
  readonly #caught = new Map<number, number>();
  #points = 0;

  constructor({ id, seed, pace, startedAt }: RoundOptions) {
    this.id = id;
    this.seed = seed;
    this.pace = pace;
    this.startedAt = startedAt;
    this.#plan = planRound(seed, pace);
  }

  get points(): number {
    return this.#points;
  }

  get caught(): number {
    return this.#caught.size;
  }

  /** Whether it takes no more catches. */
  isOver(now: number): boolean {
    return now - this.startedAt > roundMs(this.pace) + graceMs;
  }

  /**
   * Counts what was caught, all or nothing. What was told before counts once.
   * @returns whether there was anything new
   * @throws Rejection where a claim cannot be
   */
  take(catches: readonly Catch[], now: number): boolean {
    if (this.isOver(now)) reject(overCode, "this round is over");
    const elapsed = now - this.startedAt + clockToleranceMs;
    const fresh = new Map<number, number>();
    for (const { id, at } of catches) {
      if (this.#caught.has(id) || fresh.has(id)) continue;
      this.#assertFair(id, at, elapsed);
      for (const other of [...this.#caught.values(), ...fresh.values()])
        if (Math.abs(other - at) < leastGapMs)
          reject(unfairCode, `two catches ${Math.abs(other - at)} ms apart: the minimum is ${leastGapMs}`);
      fresh.set(id, at);
    }
    for (const [id, at] of fresh) {
      this.#caught.set(id, at);
      this.#points += pointsOf[(this.#plan[id] as Drifter).kind];
    }
    return fresh.size > 0;
  }

  #assertFair(id: number, at: number, elapsed: number): void {
    const drifter = this.#plan[id] ?? reject(unfairCode, `this round has no drifter ${id}`);
    if (drifter.kind === "jelly") reject(unfairCode, "a jellyfish is not a catch");
    if (at > elapsed) reject(unfairCode, "that has not appeared yet");
    if (!isInWater(drifter, at)) reject(unfairCode, `drifter ${id} was not in the water at that time`);
  }
}
