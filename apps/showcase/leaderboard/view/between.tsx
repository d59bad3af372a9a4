/** What lies over the water while nobody plays in it: what came of the last round, the rules, and the way into the next. */
import { useChanges } from "../../shared/hooks.js";
import type { Leaderboard } from "../model/leaderboard.js";
import { type DrifterKind, laneCount, type Pace, pointsOf } from "../server/round-plan.js";
import { ordinal } from "./announcer.js";
import { DrifterShape, kindNames } from "./lane.js";

export interface BetweenProps {
  leaderboard: Leaderboard;
  pace: Pace;
  onPace: (pace: Pace) => void;
  onBegin: () => void;
}

const legend: readonly DrifterKind[] = ["shell", "star", "pearl", "jelly"];

export function Between({ leaderboard, pace, onPace, onBegin }: BetweenProps) {
  useChanges(leaderboard.table);
  const { game } = leaderboard;
  const isBusy = game.state === "beginning" || game.state === "counting";
  return (
    <div class="between">
      <h2 class="between-title" data-testid="result">
        {titleOf(leaderboard)}
      </h2>
      <ul class="legend">
        {legend.map((kind) => (
          <li key={kind}>
            <DrifterShape kind={kind} />
            <span>
              {kindNames[kind]} {kind === "jelly" ? "stings" : `+${pointsOf[kind]}`}
            </span>
          </li>
        ))}
      </ul>
      <p class="between-text">
        Tap or click what you want, or press 1 to {laneCount} to draw the net of a lane. A jellyfish numbs
        your hand for a moment.
      </p>
      <button type="button" class="button primary begin" disabled={isBusy} onClick={onBegin}>
        {game.state === "counting" ? "Counting …" : game.state === "over" ? "Once more" : "Begin a round"}
      </button>
      <label class="pace">
        <input
          type="checkbox"
          checked={pace === "slow"}
          onChange={(event) => onPace(event.currentTarget.checked ? "slow" : "brisk")}
        />
        <span>
          Slow water: 40 seconds instead of 20, and screen readers announce what appears, with its lane
        </span>
      </label>
    </div>
  );
}

function titleOf({ game, rows }: Leaderboard): string {
  if (game.state === "counting") return "The tide is out";
  if (game.state !== "over") return "Twenty seconds of low tide";
  const points = game.standing?.points ?? 0;
  const own = rows.find(({ isOwn }) => isOwn);
  const made = `${points} ${points === 1 ? "point" : "points"}`;
  if (!own) return made;
  if (own.points > points) return `${made}; your best is ${own.points}`;
  return `${made}: ${ordinal(own.rank)} of ${rows.length}`;
}
