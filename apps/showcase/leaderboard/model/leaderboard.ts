/** The leaderboard of one visit: the table, who plays, and the own game. */
import type { Client } from "@holdfast/client";
import type { ShowcaseApp } from "../../server/app.js";
import type { Visit } from "../../shared/frame/visit.js";
import { bestMap, type Catch, type Pace, playingMap } from "../server/round-plan.js";
import type { BegunRound, Standing } from "../server/rounds.js";
import { Game } from "./game.js";
import { Changes, rankRows, type TableRow } from "./table.js";

export class Leaderboard {
  readonly game: Game;
  readonly #visit: Visit;
  readonly #stops: (() => void)[];
  /** What is in the water changes often, and the table need not follow that. */
  readonly play = new Changes();
  readonly table = new Changes();
  #refusal = "";

  constructor(visit: Visit, time: Time) {
    this.#visit = visit;
    const { client } = visit;
    const changed = () => this.table.tell();
    this.game = new Game({ ...time, link: linkOf(client), onChange: () => this.play.tell() });
    const listeners = {
      onChange: changed,
      onStatus: (status: { readonly state: string; readonly reason?: string }) => {
        this.#refusal = status.state === "unsubscribed" ? (status.reason ?? "") : "";
        changed();
      },
    };
    this.#stops = [client.map(bestMap).subscribe(listeners), client.map(playingMap).subscribe(listeners)];
  }

  /** Why there is no table, in words. */
  get refusal(): string {
    return this.#refusal;
  }

  /** False until the server has told what there is. */
  get isKnown(): boolean {
    const { client } = this.#visit;
    return client.map(bestMap).status.state === "subscribed" || client.map(bestMap).size > 0;
  }

  /** The highest first. */
  get rows(): readonly TableRow[] {
    const { client, account } = this.#visit;
    return rankRows(client.map(bestMap).entries(), client.map(playingMap).entries(), account.user);
  }

  /** Who plays now. */
  get players(): readonly { readonly user: string; readonly name: string; readonly points: number }[] {
    const entries = this.#visit.client.map(playingMap).entries(({ points }) => points);
    return entries.map(({ key, data }) => ({ user: key, name: data.name, points: data.points }));
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.game.close();
    this.play.clear();
    this.table.clear();
  }
}

function linkOf(client: Client<ShowcaseApp>) {
  return {
    begin: (pace: "brisk" | "slow") => client.rpc("beginRound", { pace }),
    report: (round: string, catches: readonly { readonly id: number; readonly at: number }[]) =>
      client.rpc("reportCatches", { round, catches: [...catches] }),
    end: (round: string) => client.rpc("endRound", { round }),
  };
}

export interface GameLink {
  begin(pace: Pace): Promise<BegunRound>;
  report(round: string, catches: readonly Catch[]): Promise<Standing>;
  end(round: string): Promise<Standing>;
}

/** Runs a task after a delay; returns what calls it off. */
export type Later = (delayMs: number, task: () => void) => () => void;

export interface Time {
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  readonly later: Later;
}
