/** The delay of each message over time, one line for each transport, as it is measured. */

import { useEffect, useRef } from "preact/hooks";
import type { LiveRow } from "../model/lab.js";
import type { DrawnDelays } from "./draw-delays.js";

const chartHeight = 240;
/** One line of what uPlot puts below. */
const legendHeight = 28;

export function DelayChart({ rows }: { rows: readonly LiveRow[] }) {
  const host = useRef<HTMLDivElement>(null);
  const drawn = useRef<DrawnDelays | undefined>(undefined);
  const latest = useRef(rows);
  latest.current = rows;
  const names = rows.map(({ transport }) => transport).join(" ");
  useEffect(() => {
    let isOver = false;
    void import("./draw-delays.js").then(({ drawDelays }) => {
      if (!isOver && host.current) drawn.current = drawDelays(host.current, latest.current, chartHeight);
    });
    return () => {
      isOver = true;
      drawn.current?.close();
      drawn.current = undefined;
    };
  }, [names]);
  useEffect(() => drawn.current?.update(rows));
  return (
    <figure class="panel lab-delays">
      <figcaption class="panel-heading">Delay of each message</figcaption>
      <div ref={host} style={{ minHeight: `${chartHeight + legendHeight}px` }} />
    </figure>
  );
}
