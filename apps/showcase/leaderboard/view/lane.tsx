/** One lane: its net at the end, and what drifts towards it. */
import { useState } from "preact/hooks";
import type { Game } from "../model/game.js";
import type { Drifter } from "../server/round-plan.js";
import { DrifterShape, kindNames } from "./drifter-shape.js";

export interface LaneProps {
  lane: number;
  game: Game;
  note: { readonly text: string; readonly turn: number } | undefined;
  /** With an id, that one; without, the one that is nearest to the net. */
  onCatch: (id?: number) => void;
}

export function Lane({ lane, game, note, onCatch }: LaneProps) {
  const here = game.inWater.filter((each) => each.lane === lane);
  const next = here[0] ? kindNames[here[0].kind] : "nothing";
  return (
    <div class="lane">
      <button
        type="button"
        class="net"
        aria-label={`Net ${lane + 1}: ${next}`}
        disabled={game.state !== "playing"}
        onClick={() => onCatch()}
      >
        <span aria-hidden="true">{lane + 1}</span>
        {note && note.text !== "" && (
          <span key={note.turn} class="net-note" aria-hidden="true">
            {note.text}
          </span>
        )}
      </button>
      <div class="stream">
        {here.map((drifter) => (
          <DrifterButton
            key={drifter.id}
            drifter={drifter}
            ageMs={game.ageOf(drifter)}
            onCatch={() => onCatch(drifter.id)}
          />
        ))}
      </div>
    </div>
  );
}

/** How many places there are for things that do not drift, where people want no motion. */
const places = 7;

/** For pointers. Keys and screen readers have the nets. */
function DrifterButton({
  drifter,
  ageMs,
  onCatch,
}: {
  drifter: Drifter;
  ageMs: number;
  onCatch: () => void;
}) {
  // As it was when it came, since the browser moves it from then on.
  const [style] = useState(
    () =>
      `--lasts: ${drifter.lastsMs}ms; --age: -${Math.round(ageMs)}ms; --place: ${(drifter.id % places) / places}`,
  );
  return (
    <button
      type="button"
      class="drifter"
      data-kind={drifter.kind}
      style={style}
      tabIndex={-1}
      aria-hidden="true"
      onPointerDown={(event) => {
        event.preventDefault();
        onCatch();
      }}
    >
      <DrifterShape kind={drifter.kind} />
    </button>
  );
}
