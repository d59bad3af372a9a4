/** The words for the state of the connection. */
import type { ConnectionState, Return } from "./connection-status.js";

export interface StatusText {
  /** One word, for the badge. */
  label: string;
  /** What else there is to say, without anything that changes by the second. */
  detail: string;
  /** The whole seconds to the next attempt. */
  countdown: number | undefined;
}

export function describeState(status: ConnectionState, now: number): StatusText {
  switch (status.state) {
    case "live":
      return { label: "Live", detail: "", countdown: undefined };
    case "offline":
      return { label: "Offline", detail: "this device has no network", countdown: undefined };
    case "ended":
      return { label: "Offline", detail: `${status.reason} (${status.code})`, countdown: undefined };
    case "connecting":
      return { label: "Connecting", detail: attemptText(status.attempt), countdown: undefined };
    case "retrying": {
      const left = Math.max(0, Math.ceil((status.retryAt - now) / 1000));
      const countdown = left > 0 ? left : undefined;
      return { label: "Connecting", detail: attemptText(status.attempt), countdown };
    }
  }
}

export function describeReturn({ recovered, lostRooms }: Return): string {
  if (lostRooms.length > 0) return "Back: some history could not be recovered, reloaded the latest";
  if (recovered === 0) return "Back: no messages were missed";
  return `Back: recovered ${recovered} missed ${recovered === 1 ? "message" : "messages"}`;
}

function attemptText(attempt: number): string {
  return attempt > 1 ? `attempt ${attempt}` : "";
}
