/** One lane: its net at the end, and what drifts towards it. */
import { useState } from "preact/hooks";
import type { Game } from "../model/game.js";
import type { Drifter, DrifterKind } from "../server/round-plan.js";

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

export const kindNames: Readonly<Record<DrifterKind, string>> = {
  shell: "shell",
  star: "starfish",
  pearl: "pearl",
  jelly: "jellyfish",
};

export function DrifterShape({ kind }: { kind: DrifterKind }) {
  return (
    <svg class={`shape ${kind}`} viewBox="0 0 32 32" aria-hidden="true">
      {kind === "shell" && (
        <>
          <path class="body" d="M16 5c8 0 12 6 12 12 0 3-5 7-8 9h-8c-3-2-8-6-8-9C4 11 8 5 16 5z" />
          <path d="M16 7v18M10 9l3.5 16M22 9l-3.5 16M5.5 15l6 10M26.5 15l-6 10" />
        </>
      )}
      {kind === "star" && (
        <path
          class="body"
          d="M16 3.5l3.600 8.100 8.900.9-6.700 5.900 2 8.700L16 22.5l-7.800 4.600 2-8.700-6.700-5.900 8.900-.9z"
        />
      )}
      {kind === "pearl" && (
        <>
          <circle class="body" cx="16" cy="16" r="10" />
          <path d="M10.5 14c.6-2.5 2.5-4 5-4.200" />
        </>
      )}
      {kind === "jelly" && (
        <>
          <path
            class="body"
            d="M5 16C5 9 10 5 16 5s11 4 11 11c-2 2-4 2-5.5 0-1.5 2-4 2-5.5 0-1.5 2-4 2-5.5 0-1.5 2-3.5 2-5.5 0z"
          />
          <path d="M9 19c2 3-1 5 1 8M16 19c2 3-2 5 0 9M23 19c-2 3 1 5-1 8" />
        </>
      )}
    </svg>
  );
}
