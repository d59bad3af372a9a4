/**
 * Generations: which history of the store a log belongs to. A server that was promoted, or that has come back, may lack the last of what was
 * acknowledged and shown. It begins a new generation then, and each channel gets a new epoch when it is next read or written, before
 * anything else, so that no offset of an epoch ever has two contents. An old primary that is cut off stays in its own generation.
 *
 * The record, `PREFIX:server`, is a hash. r: the replication id of the server that the generation belongs to, which changes with each
 * start and each promotion; g: the generation, a random id; i: where that server is, if it flushes all that it acknowledges, else empty.
 * It is replicated like everything else, so a replica that is promoted finds another id in it than its own. FLUSHALL removes it. In a
 * cluster each slot has one, since scripts reach no other slot.
 *
 * Every script compares the record with the server that it runs on, in the same step as it reads or writes. So it also holds where a
 * connection outlives a change of roles.
 */
import { numSlots, slotOf } from "./layout.js";
import type { RedisSettings } from "./redis-options.js";

/** In a cluster, the record of a slot. */
export function recordKeyOf({ prefix, mode }: Pick<RedisSettings, "prefix" | "mode">, slot: number): string {
  return mode === "cluster" ? `${prefix}:{${tagOf(slot)}}:server` : `${prefix}:server`;
}

/**
 * KEYS[1]: the record. ARGV[1]: an id that nothing else has; ARGV[2]: where the server is, if it flushes all that it acknowledges, else
 * empty. Defines `GENERATION` and `NEW_EPOCH`, and `renewEpoch`, which gives a log a new epoch of this generation.
 *
 * A restart goes on with the generation where nothing can be missing: the server has flushed everything before it acknowledged it, is at
 * the same place, and was not promoted.
 */
export const generation = `
-- Where memory is full, a script may go on writing if it began with a write that takes none.
local function makeRoom(hash) redis.call('HDEL', hash, '-') end
local SERVER, NEW_EPOCH, PLACE = KEYS[1], ARGV[1], ARGV[2]
local replication = redis.call('INFO', 'replication')
local REPLID = string.match(replication, 'role:master\\r.-\\nmaster_replid:(%x+)')
if not REPLID then return redis.error_reply('READONLY the server has become a replica') end
local recorded = redis.call('HMGET', SERVER, 'r', 'g', 'i')
local GENERATION = recorded[2]
if recorded[1] ~= REPLID then
  local isKept = GENERATION and PLACE ~= '' and recorded[3] == PLACE and string.find(replication, '\\nmaster_replid2:0+\\r')
    and string.find(redis.call('INFO', 'persistence'), '\\naof_enabled:1\\r', 1, true)
  if not isKept then GENERATION = NEW_EPOCH end
  if IS_READING then makeRoom(SERVER) end
  redis.call('HSET', SERVER, 'r', REPLID, 'g', GENERATION, 'i', PLACE)
end
local function renewEpoch(meta, e)
  if IS_READING then makeRoom(meta) end
  redis.call('HSET', meta, 'e', e, 'g', GENERATION)
end
`;

const tags: (string | undefined)[] = [];
let numTags = 0;
let nextTag = 0;

/** The smallest number whose digits have the slot. */
function tagOf(slot: number): string {
  for (; tags[slot] === undefined && numTags < numSlots; nextTag++) {
    const tag = String(nextTag);
    const its = slotOf(tag);
    if (tags[its] === undefined) numTags++;
    tags[its] ??= tag;
  }
  return tags[slot] as string;
}
