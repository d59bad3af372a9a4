/** The last seconds of one symbol, small. The figures beside it say what counts. */
import { pointsOf, sparkline } from "./format.js";

const { width, height } = sparkline;

export function Sparkline({ values }: { values: readonly number[] }) {
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <polyline points={pointsOf(values)} />
    </svg>
  );
}
