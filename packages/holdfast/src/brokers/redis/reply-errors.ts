/** What errors of servers mean: for the caller, and for the way on. */
import { HoldfastError, messageOf } from "../../errors.js";

export function unavailable(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("HF_BROKER_UNAVAILABLE", message, cause === undefined ? {} : { cause });
}

/**
 * - `retry`: the command was not run, and may run elsewhere or later
 * - `leave`: the server cannot be used any more
 * - `reject`: the caller gets the error
 */
export type Verdict = "retry" | "leave" | "reject";

const retried = /^(?:MOVED|ASK|TRYAGAIN|NOSCRIPT)\b/;
const left = /^(?:READONLY|LOADING|MASTERDOWN|UNKILLABLE)\b/;

export function judge(error: unknown): Verdict {
  const text = messageOf(error);
  if (retried.test(text)) return "retry";
  // An error within a script begins with the server's own.
  return left.test(text) || /\bREADONLY You can't write/.test(text) ? "leave" : "reject";
}

/** Where a slot is, in the answers MOVED and ASK. */
export function redirectOf(
  error: unknown,
): { readonly isAsk: boolean; readonly host: string; readonly port: number } | undefined {
  const match = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(messageOf(error));
  if (match === null) return undefined;
  return { isAsk: match[1] === "ASK", host: match[2] ?? "", port: Number(match[3]) };
}

/** The error for the caller. */
export function toBrokerError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const text = messageOf(error);
  const full = /^HFMAPFULL (.*)$/.exec(text);
  if (full) return new HoldfastError("HF_MAP_FULL", full[1]);
  if (/\bOOM\b/.test(text))
    return new HoldfastError(
      "HF_BROKER_FULL",
      "the memory of Redis is full (maxmemory); retry when there is room",
      {
        cause: error,
      },
    );
  const [code = ""] = text.split(" ");
  return unavailable(`${adviceFor[code] ?? "Redis refused a command"}: ${text}`, error);
}

const adviceFor: Readonly<Record<string, string>> = {
  CLUSTERDOWN: "the Redis cluster does not serve all slots",
  MISCONF: "Redis cannot write to its disk, and refuses writes",
  NOREPLICAS: "Redis has too few replicas (min-replicas-to-write)",
  NOPERM: "the user of the broker's URL lacks permissions (see docs/howto/redis.md)",
  BUSY: "Redis runs a script of somebody else for too long",
};

/** Waits for all, also where one has failed. @throws the first fault */
export async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(work);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
