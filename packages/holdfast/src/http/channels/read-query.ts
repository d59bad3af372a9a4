/** What a request to read a channel asks for. */
import { queryOf } from "../../requests/credentials.js";
import { readResume } from "../../requests/resume.js";
import type { ConnectionRequest } from "../../sessions/identity.js";
import type { ReadParams } from "../../sessions/reading.js";
import { parseCursorText } from "./answer-body.js";

export interface ReadQuery extends Omit<ReadParams, "channel"> {
  /** How long to wait where there is nothing yet; 0 for not at all. */
  readonly waitMs: number;
}

const units = { ms: 1, s: 1000, m: 60_000 } as const;

/** @returns what is asked for, or the sentence that says why it is not accepted */
export function parseReadQuery(request: ConnectionRequest, maxWaitMs: number): ReadQuery | string {
  const { limit, wait, cursor, channel_token: token } = Object.fromEntries(queryOf(request.url));
  const resume = readResume(request, ["cursor"]);
  if (typeof resume === "string") return resume;
  const { since } = resume;
  const place = cursor === undefined ? undefined : parseCursorText(cursor);
  if (cursor !== undefined && place === undefined) return "cursor is none that this server has given";
  if (since !== undefined && cursor !== undefined) return "cursor goes without since";
  const waitMs = wait === undefined ? 0 : parseWait(wait);
  if (waitMs === undefined) return "wait must be a number of seconds, or a text such as 25s, 1m or 500ms";
  if (waitMs > 0 && since === undefined)
    return "wait goes with since: read without both first, and go on from the position in the answer";
  if (limit !== undefined && !/^\d{1,9}$/.test(limit)) return "limit must be an integer from 0 on";
  if (since && limit !== undefined && Number(limit) === 0) return "limit must be at least 1 with since";
  return {
    ...(since && { since }),
    ...(place && { cursor: place }),
    ...(limit !== undefined && { limit: Number(limit) }),
    ...(token && { token }),
    waitMs: Math.min(waitMs, maxWaitMs),
  };
}

/** @returns milliseconds, or undefined where it is none */
function parseWait(text: string): number | undefined {
  const [, number, unit = "s"] = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(text) ?? [];
  return number === undefined ? undefined : Math.ceil(Number(number) * units[unit as keyof typeof units]);
}
