/** Durations as people write them: `7d`, `12h`, `30m`, `45s`, `250ms`, or a number of milliseconds. */

export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const maxMs = 365 * units.d;

/** For messages: what is accepted. */
export const durationAdvice = "a number of milliseconds or a text such as 30s, 12h or 7d, of at most a year";

/** @returns milliseconds, or undefined if the value is not a duration */
export function parseDuration(value: unknown): number | undefined {
  const ms = typeof value === "string" ? fromText(value) : value;
  return typeof ms === "number" && Number.isSafeInteger(ms) && ms >= 0 && ms <= maxMs ? ms : undefined;
}

function fromText(text: string): number | undefined {
  const found = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text);
  return found ? Number(found[1]) * units[found[2] as keyof typeof units] : undefined;
}
