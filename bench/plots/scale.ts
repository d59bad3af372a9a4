/** From values to places on an axis, linear or logarithmic, with ticks at round values. */

export interface Scale {
  /** @returns pixels from the axis's beginning */
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** From 0 to a round value at or above `most`. @param ticks about so many */
export function linearScale(most: number, pixels: number, ticks = 5): Scale {
  const step = roundStep(Math.max(most, Number.MIN_VALUE) / ticks);
  const count = Math.max(1, Math.ceil(most / step - 1e-9));
  const end = step * count;
  return {
    at: (value) => (value / end) * pixels,
    ticks: Array.from({ length: count + 1 }, (_, i) => Number((step * i).toPrecision(12))),
  };
}

/** Between powers of ten around the values, all of which are above 0. A tick at each power, and at 2 and 5 where there is room. */
export function logScale(least: number, most: number, pixels: number): Scale {
  const steps = [1, 2, 5];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++)
    for (const step of steps) all.push(Number((step * 10 ** power).toPrecision(12)));
  const from = all.findLastIndex((tick) => tick <= least * (1 + 1e-9));
  const to = all.findIndex((tick) => tick >= most * (1 - 1e-9));
  const used = all.slice(Math.max(0, from), Math.max(to, from + 1) + 1);
  const [first, last] = [Math.log10(used[0] as number), Math.log10(used.at(-1) as number)];
  const isDense = used.length > mostLogTicks;
  return {
    at: (value) => ((Math.log10(value) - first) / (last - first)) * pixels,
    ticks: isDense ? used.filter((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e9) / 1e9)) : used,
  };
}

const mostLogTicks = 8;

/** 0.0035 → "0.0035", 12000 → "12k", 1500000 → "1.5M" */
export function shortNumber(value: number): string {
  if (value >= 1e6) return `${trimmed(value / 1e6)}M`;
  if (value >= 1e4) return `${trimmed(value / 1e3)}k`;
  if (value >= 1000) return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
  return trimmed(value);
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** 1, 2 or 5 times a power of ten, at or above. */
function roundStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const factor = [1, 2, 5, 10].find((each) => each * power >= atLeast * (1 - 1e-9)) ?? 10;
  return factor * power;
}
