/** Who plays now, and the best of the day. Rows move to where they belong. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Avatar } from "../../shared/avatar.js";
import { useChanges } from "../../shared/hooks.js";
import type { Leaderboard } from "../model/leaderboard.js";
import { shownRows, type TableRow } from "../model/table.js";

const mostRows = 20;

export function Table({ leaderboard }: { leaderboard: Leaderboard }) {
  useChanges(leaderboard.table);
  const list = useRef<HTMLOListElement>(null);
  useFlip(list);
  const { rows, players, refusal, isKnown } = leaderboard;
  return (
    <section class="panel table-side" aria-labelledby="table-title">
      <h2 id="table-title" class="panel-heading">
        Best of the last 24 hours
      </h2>
      <p class="now-playing small" data-testid="playing">
        {players.length === 0
          ? "Nobody is playing."
          : `Playing now: ${players.map(({ name, points }) => `${name} (${points})`).join(", ")}`}
      </p>
      {refusal !== "" && (
        <p class="field-problem" role="alert">
          The table is not to be had: {refusal}.
        </p>
      )}
      <ol ref={list} class="rows" aria-label="Ranks">
        {shownRows(rows, mostRows).map((row) => (
          <Row key={row.user} row={row} />
        ))}
      </ol>
      {rows.length === 0 && refusal === "" && (
        <p class="soft">
          {isKnown ? "No one has played yet. The first row is free." : "Loading the table …"}
        </p>
      )}
      {rows.length > mostRows && <p class="soft small">{rows.length} people in all.</p>}
    </section>
  );
}

function Row({ row }: { row: TableRow }) {
  const { user, name, points, pace, rank, isOwn, playing } = row;
  const classes = ["row", isOwn ? "own" : "", playing === undefined ? "" : "live"];
  return (
    <li class={classes.filter(Boolean).join(" ")} data-key={user} data-testid="row">
      <span class="row-rank">{rank}</span>
      <Avatar user={user} name={name} isSmall />
      <span class="row-name">
        <bdi>{name}</bdi>
        {isOwn && <span class="row-tag">you</span>}
        {pace === "slow" && <span class="row-tag">slow water</span>}
        {playing !== undefined && <span class="row-tag live">playing</span>}
      </span>
      <span class="row-points">
        {points}
        <span class="unseen"> {points === 1 ? "point" : "points"}</span>
      </span>
    </li>
  );
}

const moveMs = 350;

/** For a list whose items have a `data-key`. */
export function useFlip(list: RefObject<HTMLElement | null>): void {
  const before = useRef<ReadonlyMap<string, number>>(new Map());
  useLayoutEffect(() => {
    const items = [...(list.current?.children ?? [])] as HTMLElement[];
    const tops = new Map(items.map((item) => [item.dataset.key ?? "", item.offsetTop]));
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const item of items) {
      const key = item.dataset.key ?? "";
      const from = before.current.get(key);
      const way = (from ?? 0) - (tops.get(key) ?? 0);
      if (isCalm || from === undefined || way === 0) continue;
      item.animate([{ transform: `translateY(${way}px)` }, { transform: "none" }], {
        duration: moveMs,
        easing: "cubic-bezier(0.2, 0.7, 0.2, 1)",
      });
    }
    before.current = tops;
  });
}
