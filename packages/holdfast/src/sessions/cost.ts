/**
 * What a client's requests cost beside being a request, in work units: one is about a tenth of a millisecond of the
 * server's time. Cheap commands, whose number the command rate bounds, cost none. The one place that says so, for commands
 * and for plain HTTP alike.
 */
import type { Command } from "../wire/messages.js";
import type { SessionLimits } from "./limits.js";

export const unitsPerMs = 10;
/** An answer of so many bytes belongs to a cheap command. */
const cheapBytes = 1024;
/** Read, put together and written in about a unit; the same when they are compressed, or expanded. */
const bytesPerUnit = 2048;
const inputBytesPerUnit = 4096;
const entriesPerUnit = 5;
/** A token that was checked and is none, for its address: more than it takes, since nobody needs many of them. */
export const costOfBadToken = 20;
/** Less than that is not worth a look: of commands that do nothing but wait. */
const cheapMs = 1;

/** @param bytes of a message that a client has sent, which is parsed whatever comes of it: JSON of many small parts costs most */
export function costOfInput(bytes: number): number {
  return bytes <= cheapBytes ? 0 : bytes / inputBytesPerUnit;
}

/** @param bytes of an answer that was made for this client alone */
export function costOfAnswer(bytes: number): number {
  return bytes <= cheapBytes ? 0 : bytes / bytesPerUnit;
}

/** An answer that was there already, and is only written once more. */
export function costOfSharedAnswer(bytes: number): number {
  return costOfAnswer(bytes) / 8;
}

/** @param ms for which nothing else could run: schemas and hooks of the application */
export function costOfTime(ms: number): number {
  return ms < cheapMs ? 0 : ms * unitsPerMs;
}

/** A tags filter that begins to be applied, by its weight. */
export function costOfFilter(weight: number): number {
  return weight / 8;
}

/** What a read will cost about, before it is known how much there is. At least one. */
export function estimateOfEntries(entries: number): number {
  return Math.max(1, entries / entriesPerUnit);
}

type Kept = Pick<SessionLimits, "maxHistoryEntries">;

/** What a command will cost about; 0 for a cheap one, which need not wait for its turn. */
export function estimateOf(command: Command, { maxHistoryEntries }: Kept): number {
  switch (command.method) {
    case "history": {
      const { limit } = command.params;
      return estimateOfEntries(limit < 0 ? maxHistoryEntries : Math.min(limit, maxHistoryEntries));
    }
    case "presence":
    case "presence_stats":
      return estimateOfEntries(100);
    case "subscribe":
      return command.params.recover || command.params.map !== undefined ? estimateOfEntries(50) : 0;
    default:
      return 0;
  }
}
