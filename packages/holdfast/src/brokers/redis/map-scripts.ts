/** Lua of the scripts that read and write keys of maps. scripts.ts says what stands where; all of it follows `log` of log-scripts.ts. */

/** KEYS: those above, then val, inf, key, sco, age, own. */
export const keyed = `
local VAL, INF, KEY, SCO, AGE, OWN = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
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
 * ARGV, after those above: key, "1" to remove it, negative score, condition, number and epoch of its version, size, owner, most keys,
 * most of the owner, most bytes.
 */
export const publishKey = `
local key, isRemoval, score, condition = ARGV[8], ARGV[9] == '1', ARGV[10], ARGV[11]
local number, epoch, size, owner = tonumber(ARGV[12]), ARGV[13], tonumber(ARGV[14]), ARGV[15]
local maxKeys, maxOwned, maxKeyBytes = tonumber(ARGV[16]), tonumber(ARGV[17]), tonumber(ARGV[18])
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

local entry = append(ARGV[6])
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

/** ARGV, after those of all scripts: "key" or "score", "1" for reverse, "1" and key and negative score to begin after, most entries, most bytes. */
export const keys = `
retain(s.r)
local isChanged = false
for _ = 1, 8 do
  if expireKeys(128) == 0 then break end
  isChanged = true
end
if isChanged then saveMap() end
local isByScore, isReverse, isAfter = ARGV[4] == 'score', ARGV[5] == '1', ARGV[6] == '1'
local after, score, most, mostBytes = ARGV[7], ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
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

/** ARGV, after those of all scripts: key. */
export const value = `
retain(s.r)
if isExpired(ARGV[4]) then
  expireKeys(128)
  if isExpired(ARGV[4]) then expireKey(ARGV[4]) end
  saveMap()
end
return redis.call('HGET', VAL, ARGV[4])
`;

/** ARGV, after those of all scripts: key. */
export const renew = `
retain(s.r)
if isExpired(ARGV[4]) or redis.call('HEXISTS', VAL, ARGV[4]) == 0 then return 0 end
redis.call('ZADD', AGE, text(now), ARGV[4])
saveMap()
return 1
`;

/** Gives the milliseconds until the next key expires, or -1. */
export const expire = `
retain(s.r)
if expireKeys(128) > 0 then saveMap() end
return nextExpiry()
`;
