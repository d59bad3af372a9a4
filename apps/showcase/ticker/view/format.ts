/** Numbers as the ticker writes them, and as it draws them beside a text. */
const price = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function formatPrice(value: number): string {
  return price.format(value);
}

export function formatCount(value: number): string {
  return whole.format(value);
}

/** With its sign, which says the direction beside the colour. */
export function formatChange(percent: number): string {
  const text = Math.abs(percent).toFixed(2);
  if (text === "0.00") return "0.00 %";
  return `${percent > 0 ? "+" : "−"}${text} %`;
}

/** Of kilobytes a second: axes are in one unit. */
export function formatKilobytes(kilobytes: number): string {
  if (kilobytes >= 1000) return `${trim(kilobytes / 1000)} MB/s`;
  return `${trim(kilobytes)} kB/s`;
}

export function formatGigabytes(gigabytes: number): string {
  return `${trim(gigabytes)} GB`;
}

export function formatPercent(percent: number): string {
  return `${trim(percent)} %`;
}

function trim(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toFixed(1)));
}

export const sparkline = { width: 64, height: 20 } as const;

/** The points of a small drawing: over its whole width, from the lowest value to the highest. */
export function pointsOf(values: readonly number[]): string {
  const { width, height } = sparkline;
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
