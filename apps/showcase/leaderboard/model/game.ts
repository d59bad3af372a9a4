/**
 * The game in one window: asks the server for a round, knows what is in the water, and keeps the score that the player sees.
 * What counts is what the server says.
 */
import { readServerError } from "../../shared/line/server-error.js";
import { type Drifter, isInWater, leastGapMs, type Pace, planRound, pointsOf } from "../server/round-plan.js";
import type { BegunRound, Standing } from "../server/rounds.js";
import type { GameLink, Time } from "./leaderboard.js";
import { Reporter } from "./reporter.js";

export type GameState = "idle" | "beginning" | "playing" | "counting" | "over";

/** What came of a try. */
export type Outcome = "caught" | "stung" | "numb" | "nothing";

export interface GameOptions extends Time {
  readonly link: GameLink;
  readonly onChange: () => void;
}

/** How long the hand is numb that has touched a jellyfish. */
export const numbMs = 1500;
/** How often what is in the water is looked at again. */
const tickMs = 100;

export class Game {
  state: GameState = "idle";
  /** What has gone wrong, in words. */
  problem = "";
  /** As far as the server has counted. */
  standing: Standing | undefined;
  readonly #options: GameOptions;
  #plan: readonly Drifter[] = [];
  #pace: Pace = "brisk";
  #beganAt = 0;
  #lengthMs = 0;
  #points = 0;
  #lastCatchAt = -Infinity;
  #numbUntil = 0;
  readonly #gone = new Set<number>();
  #reporter: Reporter | undefined;
  #callOff: (() => void) | undefined;
  #isClosed = false;

  constructor(options: GameOptions) {
    this.#options = options;
  }

  /** As the player has earned them; the server may still have to hear of some. */
  get points(): number {
    return this.#points;
  }

  /** Catches that the server has not heard of. */
  get waiting(): number {
    return this.#reporter?.waiting ?? 0;
  }

  get leftMs(): number {
    return this.state === "playing" ? Math.max(0, this.#lengthMs - this.#elapsed) : 0;
  }

  get isNumb(): boolean {
    return this.state === "playing" && this.#elapsed < this.#numbUntil;
  }

  /** Whether there is twice the time. */
  get isSlow(): boolean {
    return this.#pace === "slow";
  }

  /** What can be seen now, the longest there first. */
  get inWater(): readonly Drifter[] {
    if (this.state !== "playing") return [];
    const at = this.#elapsed;
    return this.#plan.filter((each) => !this.#gone.has(each.id) && isInWater(each, at));
  }

  /** Milliseconds since something has come. */
  ageOf({ appearsAt }: Drifter): number {
    return this.#elapsed - appearsAt;
  }

  /** Never rejects: what went wrong is in `problem`. */
  async begin(pace: Pace): Promise<void> {
    if (this.state === "beginning" || this.state === "playing") return;
    this.#reporter?.close();
    this.#become("beginning");
    try {
      const begun = await this.#options.link.begin(pace);
      if (this.#isClosed) return;
      this.#start(begun);
    } catch (error) {
      if (this.#isClosed) return;
      const { message, code } = readServerError(error);
      this.problem = code > 0 ? `No round: ${message}.` : "No round: the server did not answer.";
      this.state = "idle";
      this.#options.onChange();
    }
  }

  /** Takes one thing out of the water, if it is there. */
  catch(id: number): Outcome {
    const drifter = this.inWater.find((each) => each.id === id);
    const at = Math.floor(this.#elapsed);
    if (!drifter || at - this.#lastCatchAt < leastGapMs) return "nothing";
    if (at < this.#numbUntil) return "numb";
    this.#gone.add(id);
    const isJelly = drifter.kind === "jelly";
    if (isJelly) this.#numbUntil = at + numbMs;
    else {
      this.#lastCatchAt = at;
      this.#points += pointsOf[drifter.kind];
      this.#reporter?.add({ id, at });
    }
    this.#options.onChange();
    return isJelly ? "stung" : "caught";
  }

  close(): void {
    this.#isClosed = true;
    this.#callOff?.();
    this.#reporter?.close();
  }

  get #elapsed(): number {
    return this.#options.clock() - this.#beganAt;
  }

  #start({ round, seed, pace, lengthMs }: BegunRound): void {
    const { clock, later, link } = this.#options;
    this.#plan = planRound(seed, pace);
    this.#pace = pace;
    this.#lengthMs = lengthMs;
    this.#beganAt = clock();
    this.#points = 0;
    this.#lastCatchAt = -Infinity;
    this.#numbUntil = 0;
    this.#gone.clear();
    this.#reporter = new Reporter({
      ...{ clock, later, link, round },
      onStanding: (standing) => {
        this.standing = standing;
        this.#options.onChange();
      },
      onRefused: (why) => {
        this.problem = `Not counted: ${why}.`;
        this.#options.onChange();
      },
      onDone: () => this.#become("over"),
    });
    this.#become("playing");
    this.#tick();
  }

  #tick(): void {
    if (this.state !== "playing") return;
    if (this.leftMs > 0) {
      this.#callOff = this.#options.later(tickMs, () => this.#tick());
      this.#options.onChange();
      return;
    }
    this.#become("counting");
    this.#reporter?.end();
  }

  #become(state: GameState): void {
    if (state === "beginning") {
      this.problem = "";
      this.standing = undefined;
    }
    this.state = state;
    this.#options.onChange();
  }
}
