/**
 * The epoch of a channel without a log, as Lua for the scripts: a base, and the number of the hour. The base is in the store and goes with
 * everything else (FLUSHALL), so that the epochs of logs that are gone do not come back. A script reaches the keys of one slot only, so
 * in a cluster the nodes tell it the base that they found when they connected.
 */
import type { RedisSettings } from "./redis-options.js";

/** Defines `initialEpoch(META, ARGV[1])`. Uses `now` and `PERIOD`. */
export function initialEpochFor(mode: RedisSettings["mode"]): string {
  return `
local function initialEpoch(meta, base)
${mode === "cluster" ? "" : addStoredBase}
  return base .. '-' .. text(math.floor(now / PERIOD))
end
`;
}

const addStoredBase = `
  local store = string.sub(meta, 1, string.find(meta, ':{c:', 1, true) - 1) .. ':store'
  local stored = redis.call('HGET', store, 'base')
  if not stored then
    local clock = redis.call('TIME')
    stored = 't' .. clock[1] .. '.' .. clock[2] .. '.'
    -- Refused where memory is full; the next call gives another epoch then.
    redis.pcall('HSET', store, 'base', stored)
  end
  base = stored .. base
`;
