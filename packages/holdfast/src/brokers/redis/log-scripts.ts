/** Lua of the scripts that read and write logs. scripts.ts says what stands where. */

/**
 * KEYS: record, meta, log, hold. ARGV, as in all scripts: new epoch, place of the server, event channel. Loads the log into `s`; `save` writes
 * what has changed.
 */
export const log = `
local META, LOG, HOLDKEY, EVENT = KEYS[2], KEYS[3], KEYS[4], ARGV[3]
local stored = redis.call('HMGET', META, 'e', 'n', 'b', 't', 'r', 'kt', 'kb', 'x', 'y', 'g')
local s = {
  e = stored[1], n = tonumber(stored[2] or 0), nt = stored[2] or '0', b = tonumber(stored[3] or 0), t = stored[4] or text(now),
  r = stored[5] or '0 0 0', kt = stored[6] and tonumber(stored[6]), kb = tonumber(stored[7] or 0),
  x = tonumber(stored[8] or 0), y = tonumber(stored[9] or 0)
}
local isStored = s.e ~= false
if not isStored then
  s.e = initialEpoch(HOLDKEY)
elseif stored[10] ~= GENERATION then
  s.e = NEW_EPOCH
  renewEpoch(META, s.e)
  stored[1] = s.e
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
  if s.e ~= stored[1] or s.r ~= stored[5] then redis.call('HSET', META, 'e', s.e, 'g', GENERATION, 'r', s.r) end
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

/**
 * How both kinds of a publish begin, with a key and without (functions cost much in a script that runs so often).
 * ARGV, after those of all scripts: floors, retention, entry's rest, lifetime of keys or "" without keys.
 * The last of 5 or 11 KEYS is the idempotency key's.
 */
export const publish = `
local ONCEKEY = #KEYS % 2 == 1 and KEYS[#KEYS] or nil
local isChanged = false
if ARGV[4] ~= '' and isBehind(s.e, s.n, ARGV[4]) then
  s.e = NEW_EPOCH
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

retain(ARGV[5])
if ARGV[7] ~= '' then
  s.kt = tonumber(ARGV[7])
elseif s.kt then
  -- The channel has become one without keys.
  local name = string.sub(META, 1, -6)
  for _, part in ipairs({ ':val', ':inf', ':key', ':sco', ':age', ':own' }) do redis.call('UNLINK', name .. part) end
  redis.call('HDEL', META, 'kt')
  s.kt, s.kb, s.x = nil, 0, 0
end
`;

/** ARGV, after those above: number and epoch of its version, or "". */
export const publishPlain = `
local number, epoch = tonumber(ARGV[8]), ARGV[9]
if number then
  local known = redis.call('HMGET', META, 'v', 'w')
  if isStored and known[1] and known[2] == epoch and number <= tonumber(known[1]) then
    if isChanged then finish() end
    return answer('version')
  end
end
append(ARGV[6])
if number then redis.call('HSET', META, 'v', ARGV[8], 'w', epoch) end
finish()
return answer('')
`;

/** ARGV, after those of all scripts: offset to begin after or "", most entries, most bytes, "1" for reverse. Gives epoch, head, first offset, entries. */
export const history = `
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
local since, most, mostBytes, isReverse = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
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
 * KEYS: record, then meta, hold and age of each channel. ARGV: new epoch, place of the server, then for each channel its
 * floors, "1" if it is subscribed. Gives epoch, head, and milliseconds until a key expires or -1, of each.
 */
export const heads = `
local result = {}
for i = 1, (#KEYS - 1) / 3 do
  local META, HOLDKEY, AGE = KEYS[3 * i - 1], KEYS[3 * i], KEYS[3 * i + 1]
  local floors, isSubscribed = ARGV[2 * i + 1], ARGV[2 * i + 2] == '1'
  local e, n, kt, x, g = unpack(redis.call('HMGET', META, 'e', 'n', 'kt', 'x', 'g'))
  local isStored = e ~= false
  n = tonumber(n or 0)
  if not isStored then
    local isHeld
    e, isHeld = initialEpoch(HOLDKEY)
    if isSubscribed and (isHeld or PERIOD - now % PERIOD < WINDOW) then
      -- Refused where memory is full; the epoch may then change with the hour.
      redis.pcall('SET', HOLDKEY, e, 'PXAT', text(now + HOLD))
    end
  elseif isSubscribed and tonumber(x) ~= -1 and tonumber(x) - now < META_TTL / 2 then
    x = text(now + META_TTL)
    redis.call('PEXPIREAT', META, x)
    redis.call('HSET', META, 'x', x)
  end
  if isStored and g ~= GENERATION or isBehind(e, n, floors) then
    e = NEW_EPOCH .. '.' .. text(i)
    renewEpoch(META, e)
    if not isStored then
      x = text(now + META_TTL)
      redis.call('HSET', META, 'n', '0', 'x', x)
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

/** KEYS: record, meta, log. */
export const clear = `
if redis.call('UNLINK', KEYS[3]) == 1 then redis.call('HSET', KEYS[2], 'b', '0') end
return 1
`;
