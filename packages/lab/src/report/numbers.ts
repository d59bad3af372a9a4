/** Numbers as people read them. */

/** @returns such as 1,234 */
export function formatCount(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Three digits at most, or whole numbers beyond that. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100) return formatCount(value);
  if (size >= 10) return trimmed(value.toFixed(1));
  if (size >= 0.01) return trimmed(value.toFixed(2));
  return value.toPrecision(1);
}

/** @param bytes decimal units, as networks are measured: 1 kB is 1,000 */
export function formatBytes(bytes: number): string {
  return withUnit(bytes, 1000, ["B", "kB", "MB", "GB", "TB"]);
}

/** @param bytes binary units, as memory is measured: 1 KiB is 1,024 */
export function formatMemory(bytes: number): string {
  return withUnit(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

/** @returns such as 12 ms, 1.5 s or 2 min; a dash where there is none */
export function formatMs(milliseconds: number | null): string {
  if (milliseconds === null) return "–";
  if (milliseconds < 1000) return `${formatNumber(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${formatNumber(milliseconds / 1000)} s`;
  return `${formatNumber(milliseconds / 60_000)} min`;
}

/** @param share from 0 to 1; never 100 % or 0 % where it is a little less or more */
export function formatPercent(share: number): string {
  const percent = share * 100;
  if (percent > 99.9 && percent < 100) return "> 99.9 %";
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  return `${trimmed(percent.toFixed(1))} %`;
}

/** @returns such as 1 user, 5,000 users */
export function formatUsers(count: number): string {
  return count === 1 ? "1 user" : `${formatCount(count)} users`;
}

/** @returns such as 12×; a dash where there is nothing to compare with */
export function formatRatio(value: number, to: number): string {
  if (!(to > 0)) return "–";
  return `${formatNumber(value / to)}×`;
}

function withUnit(value: number, step: number, units: readonly string[]): string {
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= step * 0.9995 && unit < units.length - 1) {
    scaled /= step;
    unit++;
  }
  return `${unit === 0 ? formatCount(scaled) : formatNumber(scaled)} ${units[unit]}`;
}

function trimmed(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
