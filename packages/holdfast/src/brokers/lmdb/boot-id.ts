/** Tells one boot of the machine from another: what was written and not flushed is gone after it. */
import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/** Clocks are set now and then; a boot taken for another one costs clients a recovery, and no data. */
const toleranceMs = 120_000;

/** @param now Unix milliseconds */
export function readBootId(now: number): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return `up since ${Math.round((now - uptime() * 1000) / toleranceMs)}`;
  }
}
