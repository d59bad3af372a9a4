/** The words of the drawer. */
import type { CursorPosition } from "../line/frame-log.js";

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Epochs are long, and only told apart. */
export function formatPosition({ epoch, offset }: CursorPosition): string {
  return epoch === "" ? String(offset) : `${epoch.slice(0, 6)}:${offset}`;
}

/** Local time of day to the millisecond. */
export function formatTime(at: number): string {
  const date = new Date(at);
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => pad(value)).join(":");
  return `${clock}.${pad(date.getMilliseconds(), 3)}`;
}

/** JSON with indentation, line for line; what is cut off or no JSON stays as it is. */
export function prettify(text: string): string {
  return text
    .split("\n")
    .map((line) => {
      try {
        return JSON.stringify(JSON.parse(line), null, 2);
      } catch {
        return line;
      }
    })
    .join("\n");
}
