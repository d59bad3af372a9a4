/** The water that one plays in: lanes with what drifts by, a net for each, and what there is to know before and after. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Visit } from "../../shared/frame/visit.js";
import { useChanges } from "../../shared/hooks.js";
import type { Leaderboard } from "../model/leaderboard.js";
import { laneCount, type Pace } from "../server/round-plan.js";
import { Announcer, describeOutcome } from "./announcer.js";
import { Between } from "./between.js";
import { Lane } from "./lane.js";

const lanes = Array.from({ length: laneCount }, (_, lane) => lane);

export function Water({ leaderboard, visit }: { leaderboard: Leaderboard; visit: Visit }) {
  const { game, play } = leaderboard;
  useChanges(play);
  const [pace, setPace] = useState<Pace>("brisk");
  const [note, setNote] = useState({ lane: -1, text: "", turn: 0 });
  const field = useRef<HTMLDivElement>(null);
  const isPlaying = game.state === "playing";

  const catchIn = (lane: number, id?: number) => {
    const drifter = game.inWater.find((each) => (id === undefined ? each.lane === lane : each.id === id));
    const outcome = drifter ? game.catch(drifter.id) : "nothing";
    setNote(({ turn }) => ({ lane, text: describeOutcome(outcome, drifter), turn: turn + 1 }));
  };

  // Before anything has drifted far, and so that keys are the game's also with a screen reader.
  useEffect(() => {
    if (isPlaying) field.current?.focus({ preventScroll: true });
  }, [isPlaying]);
  useEffect(() => {
    if (!isPlaying) return;
    const catchByKey = (event: KeyboardEvent) => {
      const lane = Number(event.key) - 1;
      if (!lanes.includes(lane) || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      catchIn(lane);
    };
    addEventListener("keydown", catchByKey);
    return () => removeEventListener("keydown", catchByKey);
  }, [isPlaying]);

  const waiting = game.waiting;
  return (
    <section class="water-side" aria-label="The game">
      <div class="water-head">
        <p class="water-score">
          <span data-testid="score">{game.points}</span> {game.points === 1 ? "point" : "points"}
        </p>
        <p class="water-time">{isPlaying ? `${Math.ceil(game.leftMs / 1000)} s left` : ""}</p>
      </div>
      <div
        ref={field}
        class={game.isNumb ? "water numb" : "water"}
        role="application"
        aria-label={`The water. Press 1 to ${laneCount} to draw the net of a lane.`}
        tabIndex={-1}
      >
        {lanes.map((lane) => (
          <Lane
            key={lane}
            lane={lane}
            game={game}
            note={note.lane === lane ? note : undefined}
            onCatch={(id) => catchIn(lane, id)}
          />
        ))}
        {!isPlaying && (
          <Between
            leaderboard={leaderboard}
            pace={pace}
            onPace={setPace}
            onBegin={() =>
              void visit.askName().then((isNamed) => {
                if (isNamed) void game.begin(pace);
              })
            }
          />
        )}
      </div>
      <p class="water-foot soft small" role="status">
        {waiting > 0 && game.state === "counting"
          ? `${waiting} ${waiting === 1 ? "catch waits" : "catches wait"} to be sent.`
          : game.problem}
      </p>
      <Announcer game={game} outcome={note.text} />
    </section>
  );
}
