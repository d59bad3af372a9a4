/** Numbers, sizes and times as people read them. */

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** `0`, `0.4`, `12`, `1,234`, `12.3k`, `1.2M`. */
export function formatCount(value: number): string {
  if (value >= 999_950_000) return `${trim(value / 1e9)}G`;
  if (value >= 999_950) return `${trim(value / 1e6)}M`;
  if (value >= 10_000) return `${trim(value / 1e3)}k`;
  if (value >= 10 || Number.isInteger(value)) return whole.format(value);
  return trim(value);
}

export function formatExact(value: number): string {
  return whole.format(value);
}

function trim(value: number): string {
  return String(Math.round(value * 10) / 10);
}

const sizes = ["B", "KiB", "MiB", "GiB", "TiB"];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < sizes.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 && unit > 0 ? trim(value) : Math.round(value)} ${sizes[unit]}`;
}

export function formatMs(milliseconds: number): string {
  if (milliseconds < 1) return milliseconds === 0 ? "0 ms" : `${Math.round(milliseconds * 100) / 100} ms`;
  if (milliseconds < 1000) return `${milliseconds < 10 ? trim(milliseconds) : Math.round(milliseconds)} ms`;
  return formatDuration(milliseconds / 1000);
}

const units = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
] as const;

/** The two largest units: `3 d 4 h`, `12 min 5 s`, `8 s`. */
export function formatDuration(seconds: number): string {
  let left = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [size, name] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
    else if (parts.length > 0) break;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** Today as a time, and other days with their date. */
export function formatTime(milliseconds: number, now: number): string {
  const date = new Date(milliseconds);
  const isToday = day.format(date) === day.format(new Date(now));
  return isToday ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

/** Of an option. */
export function formatValue(option: string, value: unknown): string {
  if (value === null) return "none";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") {
    if (option.endsWith("Ms")) return formatMs(value);
    if (option.endsWith("Seconds")) return formatDuration(value);
    if (/(?:bytes(?:PerSecond)?|byteBurst)$/i.test(option)) return formatBytes(value);
    // Ports are no numbers to count with.
    return /port$/i.test(option) ? String(value) : whole.format(value);
  }
  if (Array.isArray(value))
    return value.length === 0 ? "none" : value.map((each) => formatItem(each)).join(", ");
  return value === "" ? "none" : String(value);
}

function formatItem(item: unknown): string {
  if (typeof item !== "object" || item === null) return String(item);
  const { name, scope } = item as { readonly name?: string; readonly scope?: string };
  return `${name ?? "key"} (${scope ?? "admin"})`;
}

/** JSON in one line, for lists; clipped. */
export function previewOf(data: unknown, maxCharacters = 160): string {
  const text = JSON.stringify(data) ?? "";
  return text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters)}…`;
}
