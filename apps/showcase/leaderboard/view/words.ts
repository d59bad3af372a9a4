/** The words of the game. */

import type { Outcome } from "../model/game.js";
import { type Drifter, pointsOf } from "../server/round-plan.js";

/** In the net, and read out. */
export function describeOutcome(outcome: Outcome, drifter: Drifter | undefined): string {
  if (outcome === "caught" && drifter) return `+${pointsOf[drifter.kind]}`;
  if (outcome === "stung") return "Ouch";
  if (outcome === "numb") return "Numb";
  return "";
}

export function ordinal(rank: number): string {
  const isTeen = Math.floor(rank / 10) % 10 === 1;
  const ending = isTeen ? "th" : (["th", "st", "nd", "rd"][rank % 10] ?? "th");
  return `${rank}${ending}`;
}
