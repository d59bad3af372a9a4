/** Charts: one that uPlot draws once its code has loaded, and small lines in tables. What they show is also said in words. */

import { useEffect, useRef } from "preact/hooks";
import type { Columns } from "../model/series.js";
import type { ChartSpec, Drawn } from "./draw-chart.js";
import { pointsOf, sparkline } from "./format.js";

export interface ChartProps {
  /** Another one for another chart: a chart keeps its own. */
  spec: ChartSpec;
  /** Read at each change. */
  columns: () => Columns;
  /** Calls a listener after each change; returns what ends that. */
  onChange: (listener: () => void) => () => void;
  /** For those who do not see it. */
  label: string;
}

export function Chart({ spec, columns, onChange, label }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let drawn: Drawn | undefined;
    let isOver = false;
    void import("./draw-chart.js").then(({ drawChart }) => {
      if (!isOver && host.current) drawn = drawChart(host.current, spec, columns());
    });
    const stop = onChange(() => drawn?.setData(columns()));
    return () => {
      isOver = true;
      stop();
      drawn?.close();
    };
  }, [spec]);
  return (
    <div
      ref={host}
      class="chart"
      style={{ minHeight: `${spec.height + (spec.hasLegend ? legendHeight : 0)}px` }}
      role="img"
      aria-label={label}
    />
  );
}

/** One line of what uPlot puts below a chart. */
const legendHeight = 32;
const { width, height } = sparkline;

/** The last seconds of one symbol, small. The figures beside it say what counts. */
export function Sparkline({ values }: { values: readonly number[] }) {
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <polyline points={pointsOf(values)} />
    </svg>
  );
}
