/**
 * The scripts that the server runs, each in one step. What they read and write, for a channel:
 *
 * - `:meta`, a hash. e: epoch; g: generation; n: head; b: bytes of the log; t: a time that is not after the oldest entry's; r: retention (entries, bytes,
 *   milliseconds); kt: lifetime of keys, 0 for none, left out without keys; kb: bytes of keys; x, y: when meta and log are forgotten; v, w: number
 *   and epoch of the newest version, if publications have one
 * - `:log`, a list of entries, oldest first; the last one has offset n. An entry is what entry-format.ts describes.
 * - `:val`, a hash of keys: offset, a space, and the entry. `:inf`, a hash of keys: size, owner and version (MessagePack)
 * - `:key`, a sorted set of keys; `:sco`, by negative score; `:age`, by when their lifetime began; `:own`, a hash: keys of each owner
 * - `:hold`, the epoch that an empty channel keeps while it is subscribed; `:once:HASH`, the result of a publish with an idempotency key
 *
 * A channel without a log has the epoch `GENERATION-PERIOD` (generation.ts), of which PERIOD counts hours. A log is forgotten after at least an
 * hour without use, so the next one has another epoch. Near the end of an hour, subscribed channels without a log get a `:hold`.
 *
 * Times are the server's. Keys expire with `PEXPIREAT`, set again only when a quarter of the time has passed.
 */
import { createHash } from "node:crypto";
import { idempotencyWindowMs } from "../idempotency.js";
import { generation } from "./generation.js";
import { clear, heads, history, log, publish, publishPlain } from "./log-scripts.js";
import { expire, keyed, keys, publishKey, renew, value } from "./map-scripts.js";
import { epochPeriodMs, type RedisSettings } from "./redis-options.js";

export type ScriptName =
  | "publish"
  | "put"
  | "history"
  | "heads"
  | "keys"
  | "value"
  | "renew"
  | "expire"
  | "clear";

export type Scripts = Readonly<Record<ScriptName, { readonly text: string; readonly sha: string }>>;

/** How often a node has to tell that it is subscribed to a channel. */
export const holdIntervalMs = epochPeriodMs / 12;

/** Lua that gives Unix milliseconds. */
const serverTime = `(function()
  local clock = redis.call('TIME')
  return clock[1] * 1000 + math.floor(clock[2] / 1000)
end)()`;

/** @param time Lua that gives Unix milliseconds; tests have their own */
export function createScripts({ mode, metaTtlMs }: RedisSettings, time = serverTime): Scripts {
  const constants = `
-- Exact up to 14 digits, which neither times nor offsets exceed.
local text = tostring
local now = ${time}
local PUBLISH = '${mode === "cluster" ? "SPUBLISH" : "PUBLISH"}'
local META_TTL = ${metaTtlMs}
local PERIOD = ${epochPeriodMs}
local WINDOW = ${epochPeriodMs / 4}
local HOLD = ${epochPeriodMs / 3}
local ONCE = ${idempotencyWindowMs}
${generation}${epochs}`;
  const script = (isReading: boolean, ...parts: readonly string[]) => {
    const text = [`local IS_READING = ${isReading}`, constants, ...parts].join("");
    return { text, sha: createHash("sha1").update(text).digest("hex") };
  };
  return {
    publish: script(false, log, publish, publishPlain),
    put: script(false, log, keyed, publish, publishKey),
    history: script(true, log, history),
    heads: script(true, heads),
    keys: script(true, log, keyed, keys),
    value: script(true, log, keyed, value),
    renew: script(true, log, keyed, renew),
    expire: script(true, log, keyed, expire),
    clear: script(true, clear),
  };
}

/**
 * Defines `initialEpoch(HOLDKEY)`, which also gives whether it is held, and `isBehind(epoch, head, floors)`, where each floor is a space,
 * its epoch, a space, its offset, and "|".
 */
const epochs = `
local function initialEpoch(holdKey)
  local held = redis.call('GET', holdKey)
  local begin = GENERATION .. '-'
  if held and string.sub(held, 1, #begin) == begin then return held, true end
  return begin .. text(math.floor(now / PERIOD)), false
end
local function isBehind(epoch, head, floors)
  local _, last = string.find(floors, ' ' .. epoch .. ' ', 1, true)
  return last and tonumber(string.match(floors, '^%d+', last + 1)) > head
end
`;
