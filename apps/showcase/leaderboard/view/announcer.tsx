/** Reads the game out. In slow water all that comes, in brisk water no more than what came of a catch: there is no time. */
import { useRef } from "preact/hooks";
import type { Game, Outcome } from "../model/game.js";
import { type Drifter, pointsOf } from "../server/round-plan.js";
import { kindNames } from "./lane.js";

export function Announcer({ game, outcome }: { game: Game; outcome: string }) {
  const { inWater, state } = game;
  const heard = useRef(-1);
  const newest = inWater.reduce<(typeof inWater)[number] | undefined>(
    (latest, each) => (latest && latest.id > each.id ? latest : each),
    undefined,
  );
  if (state !== "playing") heard.current = -1;
  // Once it has been said, it stays: what is caught meanwhile takes nothing back.
  const said = useRef("");
  if (newest && newest.id > heard.current && game.isSlow) {
    heard.current = newest.id;
    said.current = `${newest.lane + 1}: ${kindNames[newest.kind]}`;
  }
  return (
    <>
      <p class="unseen" aria-live="polite" data-testid="read-out">
        {state === "playing" && game.isSlow ? said.current : ""}
      </p>
      <p class="unseen" aria-live="assertive">
        {state === "playing" ? outcome : ""}
      </p>
    </>
  );
}

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
