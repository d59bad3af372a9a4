/** The last seconds of one symbol, small. The figures beside it say what counts. */
const width = 64;
const height = 20;

export function Sparkline({ values }: { values: readonly number[] }) {
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <polyline points={pointsOf(values)} />
    </svg>
  );
}

/** Over the whole width, from the lowest to the highest. */
export function pointsOf(values: readonly number[]): string {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const step = width / Math.max(1, values.length - 1);
  return values
    .map((value, index) => {
      const y = height - 2 - ((value - low) / span) * (height - 4);
      return `${(index * step).toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}
