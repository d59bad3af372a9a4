/** Entries of the log in words; the handshake has the whole address. */
import type { CloseEntry, LogEntry, ReceivedPosition } from "./connection-log.js";

/** RFC 6455 §7.4.1, where a page may see them. */
const closeCodes: Readonly<Record<number, string>> = {
  1000: "normal closure",
  1001: "going away",
  1002: "protocol error",
  1003: "unsupported data",
  1005: "no code in the close frame",
  1006: "no close frame",
  1007: "invalid payload data",
  1008: "policy violation",
  1009: "message too big",
  1010: "extension required",
  1011: "internal error",
  1012: "service restart",
  1013: "try again later",
  1014: "bad gateway",
  1015: "TLS handshake failed",
};

export function describeCloseCode(code: number): string {
  const known = closeCodes[code];
  if (known !== undefined) return known;
  // The ranges of the client protocol.
  const isFinal = (code >= 3500 && code < 4000) || code >= 4500;
  return isFinal ? "the client stays disconnected" : "the client reconnects";
}

export function describeClose({ code, reason, wasOpen, closedBy }: CloseEntry): string {
  const why = reason === "" ? describeCloseCode(code) : reason;
  if (closedBy === "devtools") return `closed with ${code}: interrupted from here`;
  if (!wasOpen)
    return `no connection (${code}): the server did not answer, or refused the upgrade; browsers do not say which`;
  if (closedBy === "network") return `closed with ${code}: ${why}`;
  return `closed by ${closedBy === "page" ? "this page" : "the server"} with ${code}: ${why}`;
}

export function describeEntry(entry: LogEntry): string {
  switch (entry.type) {
    case "opening":
      return `opening ${entry.url.replace(/^wss?:\/\/[^/]*/, "")}`;
    case "open":
      return `101 Switching Protocols after ${formatDuration(entry.durationMs)}`;
    case "close":
      return describeClose(entry);
    case "wait":
      return `reconnects in ${formatDuration(entry.delayMs)} (attempt ${entry.attempt})`;
    case "frame":
      return entry.channel === undefined ? entry.kind : `${entry.kind} ${entry.channel}`;
  }
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export function formatDuration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Epochs are long, and only compared. */
export function formatPosition({ epoch, offset }: ReceivedPosition): string {
  return epoch === "" ? String(offset) : `${epoch.slice(0, 6)}:${offset}`;
}

/** Local time of day to the millisecond. */
export function formatTime(at: number): string {
  const date = new Date(at);
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => pad(value)).join(":");
  return `${clock}.${pad(date.getMilliseconds(), 3)}`;
}

/** Indents lines of JSON; other lines stay as they are. */
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
