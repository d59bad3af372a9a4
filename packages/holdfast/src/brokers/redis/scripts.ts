/**
 * The scripts that the server runs, each in one step. What they read and write, for a channel:
 *
 * - `:meta`, a hash. e: epoch; n: head; b: bytes of the log; t: a time that is not after the oldest entry's; r: retention (entries, bytes,
 *   milliseconds); kt: lifetime of keys, 0 for none, left out without keys; kb: bytes of keys; x, y: when meta and log are forgotten
 * - `:log`, a list of entries, oldest first; the last one has offset n. An entry is what entry-format.ts describes.
 * - `:val`, a hash of keys: offset, a space, and the entry. `:inf`, a hash of keys: size, owner and version (MessagePack)
 * - `:key`, a sorted set of keys; `:sco`, by negative score; `:age`, by when their lifetime began; `:own`, a hash: keys of each owner
 * - `:hold`, the epoch that an empty channel keeps while it is subscribed; `:once:HASH`, the result of a publish with an idempotency key
 *
 * A channel without a log has the epoch `BASE-PERIOD` (initial-epoch.ts), of which PERIOD counts hours. A log is forgotten after at least an hour without
 * use, so the next one has another epoch. Near the end of an hour, subscribed channels without a log get a `:hold`.
 *
 * Times are the server's. Keys expire with `PEXPIREAT`, set again only when a quarter of the time has passed.
 */
import { createHash } from "node:crypto";
import { idempotencyWindowMs } from "../idempotency.js";
import { initialEpochFor } from "./initial-epoch.js";
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
${initialEpochFor(mode)}`;
  const script = (...parts: readonly string[]) => {
    const text = [constants, ...parts].join("");
    return { text, sha: createHash("sha1").update(text).digest("hex") };
  };
  return {
    publish: script(log, publish, publishPlain),
    put: script(log, keyed, publish, publishKey),
    history: script(log, history),
    heads: script(heads),
    keys: script(log, keyed, keys),
    value: script(log, keyed, value),
    renew: script(log, keyed, renew),
    expire: script(log, keyed, expire),
    clear: script(clear),
  };
}

/** KEYS: meta, log, hold. ARGV: base of initial epochs, event channel. Loads the log into `s`; `save` writes what has changed. */
const log = `
local META, LOG, HOLDKEY, EVENT = KEYS[1], KEYS[2], KEYS[3], ARGV[2]
local stored = redis.call('HMGET', META, 'e', 'n', 'b', 't', 'r', 'kt', 'kb', 'x', 'y')
local s = {
  e = stored[1], n = tonumber(stored[2] or 0), nt = stored[2] or '0', b = tonumber(stored[3] or 0), t = stored[4] or text(now),
  r = stored[5] or '0 0 0', kt = stored[6] and tonumber(stored[6]), kb = tonumber(stored[7] or 0),
  x = tonumber(stored[8] or 0), y = tonumber(stored[9] or 0)
}
local isStored = s.e ~= false
if not isStored then
  s.e = redis.call('GET', HOLDKEY) or initialEpoch(META, ARGV[1])
end
local maxEntries, maxBytes, ttl
local function retain(r)
  s.r = r
  local a, b, c = string.match(r, '^(%S+) (%S+) (%S+)$')
  maxEntries, maxBytes, ttl = tonumber(a), tonumber(b), tonumber(c)
end
-- Defined where there are keys.
local saveMap
local function timeOf(entry) return string.match(entry, '^%d+') end

-- Trims at most so many entries, so that nobody waits long. Gives the new length.
local function trim(length, most)
  if length == 0 then s.b = 0 end
  while length > 0 and most > 0 do
    local isFull = length > maxEntries or s.b > maxBytes
    if not isFull and now - tonumber(s.t) < ttl then break end
    if not isFull then
      s.t = timeOf(redis.call('LINDEX', LOG, 0))
      if now - tonumber(s.t) < ttl then break end
    end
    local oldest = redis.call('LPOP', LOG)
    s.b = s.b - #oldest
    s.t = timeOf(oldest)
    length = length - 1
    most = most - 1
  end
  return length
end

local function append(body)
  s.n = s.n + 1
  local time, offset = text(now), text(s.n)
  s.nt = offset
  local entry = time .. ' ' .. body
  local length = 0
  if maxEntries > 0 then
    length = redis.call('RPUSH', LOG, entry)
    if length == 1 then s.b, s.t, s.y = 0, time, 0 end
    s.b = s.b + #entry
  elseif s.b > 0 then
    length = redis.call('LLEN', LOG)
  end
  trim(length, 10000)
  redis.call(PUBLISH, EVENT, '1 ' .. s.e .. ' ' .. offset .. ' ' .. (s.kt and text(s.kt) or '0') .. ' ' .. entry)
  return entry
end

-- keeps: whether keys that do not expire have values; keys: those of the map
local function save(keeps, keys)
  redis.call('HSET', META, 'n', s.nt, 'b', text(s.b), 't', s.t)
  if s.e ~= stored[1] or s.r ~= stored[5] then redis.call('HSET', META, 'e', s.e, 'r', s.r) end
  if s.kt then redis.call('HSET', META, 'kt', text(s.kt), 'kb', text(s.kb)) end
  if maxEntries > 0 and s.y < now + ttl then
    s.y = now + ttl + math.floor(ttl / 4) + 1000
    redis.call('PEXPIREAT', LOG, text(s.y))
    redis.call('HSET', META, 'y', text(s.y))
  end
  if keeps then
    if s.x ~= -1 then
      redis.call('PERSIST', META)
      for _, key in ipairs(keys) do redis.call('PERSIST', key) end
      redis.call('HSET', META, 'x', '-1')
    end
    return
  end
  local lasts = now + math.max(maxEntries > 0 and ttl or 0, s.kt or 0) + META_TTL
  if s.x < lasts then
    s.x = lasts + math.floor(META_TTL / 4)
    redis.call('HSET', META, 'x', text(s.x))
    redis.call('PEXPIREAT', META, text(s.x))
    for _, key in ipairs(keys or {}) do redis.call('PEXPIREAT', key, text(s.x)) end
  end
end
`;

/** KEYS: those above, then val, inf, key, sco, age, own. */
const keyed = `
local VAL, INF, KEY, SCO, AGE, OWN = KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local MAP = { VAL, INF, KEY, SCO, AGE, OWN }
local function info(key)
  local packed = redis.call('HGET', INF, key)
  if not packed then return nil end
  local size, owner, number, epoch = unpack(cmsgpack.unpack(packed))
  return { size = size, owner = owner, number = number, epoch = epoch }
end

local function count(owner, by)
  if owner == '' then return end
  local left = redis.call('HINCRBY', OWN, owner, by)
  if left <= 0 then redis.call('HDEL', OWN, owner) end
  -- The hash may be new, and has to expire with the others.
  if left == 1 then s.x = 0 end
end

local function remove(key, known)
  redis.call('HDEL', VAL, key)
  redis.call('HDEL', INF, key)
  redis.call('ZREM', KEY, key)
  redis.call('ZREM', SCO, key)
  redis.call('ZREM', AGE, key)
  s.kb = s.kb - known.size
  count(known.owner, -1)
end

-- Removes a key whose time is over, by a publication. It is removed first, which is also allowed where memory is full.
local function expireKey(key)
  remove(key, info(key))
  local attributes = '{"key":' .. cjson.encode(key) .. ',"isRemoved":true}'
  append(text(#attributes) .. ' ' .. attributes .. 'null')
end

-- How many of at most so many keys were removed.
local function expireKeys(most)
  if not s.kt or s.kt == 0 then return 0 end
  local due = redis.call('ZRANGE', AGE, '-inf', text(now - s.kt), 'BYSCORE', 'LIMIT', 0, most)
  for _, key in ipairs(due) do expireKey(key) end
  return #due
end

local function isExpired(key)
  if not s.kt or s.kt == 0 then return false end
  local since = redis.call('ZSCORE', AGE, key)
  return since and now - tonumber(since) >= s.kt
end

saveMap = function()
  save(s.kt == 0 and redis.call('EXISTS', KEY) == 1, MAP)
end

-- Milliseconds until the next key expires, or -1.
local function nextExpiry()
  if not s.kt or s.kt == 0 then return -1 end
  local oldest = redis.call('ZRANGE', AGE, 0, 0, 'WITHSCORES')
  return oldest[2] and math.max(0, tonumber(oldest[2]) + s.kt - now) or -1
end
`;

/**
 * How both kinds of a publish begin, with a key and without (functions cost much in a script that runs so often).
 * ARGV: base, event channel, new epoch, epoch and offset of the floor, retention, entry's rest, lifetime of keys or "" without keys.
 * The last of 4 or 10 KEYS is the idempotency key's.
 */
const publish = `
local ONCEKEY = #KEYS % 2 == 0 and KEYS[#KEYS] or nil
local isChanged = false
if ARGV[4] == s.e and tonumber(ARGV[5]) > s.n then
  s.e = ARGV[3]
  isChanged = true
end
local function finish()
  if saveMap then saveMap() else save(s.kt == 0 and s.x == -1, {}) end
end
if ONCEKEY then
  local known = redis.call('GET', ONCEKEY)
  if known then
    retain(s.r)
    if isChanged then finish() end
    return '1 ' .. known
  end
end
local function answer(reason)
  local result = s.nt .. ' ' .. s.e .. ' ' .. reason
  if ONCEKEY then redis.call('SET', ONCEKEY, result, 'PXAT', text(now + ONCE)) end
  return '0 ' .. result
end

retain(ARGV[6])
if ARGV[8] ~= '' then
  s.kt = tonumber(ARGV[8])
elseif s.kt then
  -- The channel has become one without keys.
  local name = string.sub(META, 1, -6)
  for _, part in ipairs({ ':val', ':inf', ':key', ':sco', ':age', ':own' }) do redis.call('UNLINK', name .. part) end
  redis.call('HDEL', META, 'kt')
  s.kt, s.kb, s.x = nil, 0, 0
end
`;

const publishPlain = `
append(ARGV[7])
finish()
return answer('')
`;

/**
 * ARGV, after those above: key, "1" to remove it, negative score, condition, number and epoch of its version, size, owner, most keys,
 * most of the owner, most bytes.
 */
const publishKey = `
local key, isRemoval, score, condition = ARGV[9], ARGV[10] == '1', ARGV[11], ARGV[12]
local number, epoch, size, owner = tonumber(ARGV[13]), ARGV[14], tonumber(ARGV[15]), ARGV[16]
local maxKeys, maxOwned, maxKeyBytes = tonumber(ARGV[17]), tonumber(ARGV[18]), tonumber(ARGV[19])
local function refuse(reason)
  if isChanged then finish() end
  return answer(reason)
end
if expireKeys(128) > 0 then isChanged = true end
if isExpired(key) then
  expireKey(key)
  isChanged = true
end
local known = info(key)
if not known and (isRemoval or condition == 'if_exists') then return refuse('key_not_found') end
if known and condition == 'if_new' then return refuse('key_exists') end
if known and number and known.number and known.epoch == epoch and number <= known.number then return refuse('version') end
if not isRemoval then
  local fault
  local numKeys = redis.call('ZCARD', KEY)
  while not known and numKeys >= maxKeys and expireKeys(128) > 0 do
    isChanged = true
    numKeys = redis.call('ZCARD', KEY)
  end
  if not known and numKeys >= maxKeys then
    fault = 'the map holds its limit of ' .. text(maxKeys) .. ' keys'
  elseif not known and 2 * numKeys >= maxKeys and owner ~= '' and tonumber(redis.call('HGET', OWN, owner) or 0) >= maxOwned then
    fault = 'half of the ' .. text(maxKeys) .. ' keys of the map are taken, and then each user may have set ' .. text(maxOwned) .. ' (maxUserKeys)'
  elseif s.kb - (known and known.size or 0) + size > maxKeyBytes then
    fault = 'the map holds its limit of ' .. text(maxKeyBytes) .. ' bytes'
  end
  if fault then
    if isChanged then finish() end
    return redis.error_reply('HFMAPFULL ' .. fault)
  end
end

local entry = append(ARGV[7])
if known then remove(key, known) end
if not isRemoval then
  if redis.call('EXISTS', KEY) == 0 then s.x, s.kb = 0, 0 end
  redis.call('HSET', VAL, key, s.nt .. ' ' .. entry)
  redis.call('HSET', INF, key, cmsgpack.pack({ size, owner, number or false, epoch }))
  redis.call('ZADD', KEY, 0, key)
  redis.call('ZADD', SCO, score, key)
  redis.call('ZADD', AGE, text(now), key)
  s.kb = s.kb + size
  count(owner, 1)
end
finish()
return answer('')
`;

/** ARGV: base, event channel, offset to begin after or "", most entries, most bytes, "1" for reverse. Gives epoch, head, first offset, entries. */
const history = `
retain(s.r)
local length = 0
if isStored then
  local before = redis.call('LLEN', LOG)
  length = trim(before, 10000)
  if length ~= before or (s.x ~= -1 and s.x - now < META_TTL / 2) then
    -- Where memory is full, a script may not begin with a write that takes any.
    if s.x ~= -1 then redis.call('PEXPIREAT', META, text(s.x)) end
    save(s.x == -1, {})
  end
end
local first = s.n - length + 1
local since, most, mostBytes, isReverse = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local from = isReverse and math.min((since or s.n + 1) - 1, s.n) or math.max((since or 0) + 1, first)
local result = { s.e, text(s.n), text(from) }
local bytes = 0
while most > 0 and from >= first and from <= s.n do
  local chunk = math.min(most, 100)
  local entries
  if isReverse then
    entries = redis.call('LRANGE', LOG, math.max(0, from - first - chunk + 1), from - first)
  else
    entries = redis.call('LRANGE', LOG, from - first, from - first + chunk - 1)
  end
  for i = 1, #entries do
    local entry = entries[isReverse and #entries - i + 1 or i]
    local _, last, attributes = string.find(entry, '^%d+ (%d+) ')
    result[#result + 1] = entry
    bytes = bytes + #entry - last - attributes
    if bytes > mostBytes then return result end
  end
  most = most - #entries
  from = from + (isReverse and -#entries or #entries)
end
return result
`;

/**
 * KEYS: meta, hold and age of each channel. ARGV: new epoch, then for each channel base, epoch and offset of the floor, "1" if it is
 * subscribed. Gives epoch, head, and milliseconds until a key expires or -1, of each.
 */
const heads = `
local result = {}
for i = 1, #KEYS / 3 do
  local META, HOLDKEY, AGE = KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i]
  local base, floorEpoch, floorOffset, isSubscribed = ARGV[4 * i - 2], ARGV[4 * i - 1], ARGV[4 * i], ARGV[4 * i + 1] == '1'
  local e, n, kt, x = unpack(redis.call('HMGET', META, 'e', 'n', 'kt', 'x'))
  local isStored = e ~= false
  n = tonumber(n or 0)
  if not isStored then
    local held = redis.call('GET', HOLDKEY)
    e = held or initialEpoch(META, base)
    if isSubscribed and (held or PERIOD - now % PERIOD < WINDOW) then
      -- Refused where memory is full; the epoch may then change with the hour.
      redis.pcall('SET', HOLDKEY, e, 'PXAT', text(now + HOLD))
    end
  elseif isSubscribed and tonumber(x) ~= -1 and tonumber(x) - now < META_TTL / 2 then
    x = text(now + META_TTL)
    redis.call('PEXPIREAT', META, x)
    redis.call('HSET', META, 'x', x)
  end
  if floorEpoch == e and tonumber(floorOffset) > n then
    e = ARGV[1] .. text(i)
    redis.call('HSET', META, 'e', e, 'n', text(n))
    if not isStored then
      x = text(now + META_TTL)
      redis.call('HSET', META, 'x', x)
      redis.call('PEXPIREAT', META, x)
    end
  end
  local expiry = -1
  if kt and tonumber(kt) > 0 then
    local oldest = redis.call('ZRANGE', AGE, 0, 0, 'WITHSCORES')
    if oldest[2] then expiry = math.max(0, tonumber(oldest[2]) + tonumber(kt) - now) end
  end
  result[#result + 1] = e
  result[#result + 1] = text(n)
  result[#result + 1] = text(expiry)
end
return result
`;

/** ARGV: base, event channel, "key" or "score", "1" for reverse, "1" and key and negative score to begin after, most entries, most bytes. */
const keys = `
retain(s.r)
local isChanged = false
for _ = 1, 8 do
  if expireKeys(128) == 0 then break end
  isChanged = true
end
if isChanged then saveMap() end
local isByScore, isReverse, isAfter = ARGV[3] == 'score', ARGV[4] == '1', ARGV[5] == '1'
local after, score, most, mostBytes = ARGV[6], ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
local SET = isByScore and SCO or KEY
local total = redis.call('ZCARD', KEY)
-- By bytes, as sorted sets do; Lua compares by the server's locale.
local function isLess(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
-- How many keys come before the one to begin after, or with it.
local function rank(isWith)
  if not isByScore then return redis.call('ZLEXCOUNT', KEY, '-', (isWith and '[' or '(') .. after) end
  local low = redis.call('ZCOUNT', SCO, '-inf', '(' .. score)
  local high = redis.call('ZCOUNT', SCO, '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local each = redis.call('ZRANGE', SCO, middle, middle)[1]
    if isLess(each, after) or (isWith and each == after) then low = middle + 1 else high = middle end
  end
  return low
end
local index = isReverse and total - 1 or 0
if isAfter then index = isReverse and rank(false) - 1 or rank(true) end
local result = { s.e, text(s.n), text(total), '0', text(nextExpiry()) }
local bytes = 0
while index >= 0 and index < total do
  local chunk = isReverse and redis.call('ZRANGE', SET, math.max(0, index - 99), index) or redis.call('ZRANGE', SET, index, index + 99)
  local values = redis.call('HMGET', VAL, unpack(chunk))
  for i = 1, #chunk do
    local value = values[isReverse and #chunk - i + 1 or i]
    if #result - 5 >= most and #result > 5 or bytes > mostBytes then
      result[4] = '1'
      return result
    end
    result[#result + 1] = value
    local _, last, attributes = string.find(value, '^%d+ %d+ (%d+) ')
    bytes = bytes + #value - last - attributes
  end
  index = index + (isReverse and -#chunk or #chunk)
end
return result
`;

/** ARGV: base, event channel, key. */
const value = `
retain(s.r)
if isExpired(ARGV[3]) then
  expireKeys(128)
  if isExpired(ARGV[3]) then expireKey(ARGV[3]) end
  saveMap()
end
return redis.call('HGET', VAL, ARGV[3])
`;

/** ARGV: base, event channel, key. */
const renew = `
retain(s.r)
if isExpired(ARGV[3]) or redis.call('HEXISTS', VAL, ARGV[3]) == 0 then return 0 end
redis.call('ZADD', AGE, text(now), ARGV[3])
saveMap()
return 1
`;

/** ARGV: base, event channel. Gives the milliseconds until the next key expires, or -1. */
const expire = `
retain(s.r)
if expireKeys(128) > 0 then saveMap() end
return nextExpiry()
`;

/** KEYS: meta, log. */
const clear = `
if redis.call('UNLINK', KEYS[2]) == 1 then redis.call('HSET', KEYS[1], 'b', '0') end
return 1
`;
