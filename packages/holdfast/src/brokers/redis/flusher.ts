/**
 * Waits until a server has flushed what was written to it, and one of its replicas, if it has any. On a connection of its own, since WAITAOF
 * holds up what follows it, and counts what its own connection has written: so it writes something first. Whoever asks while a wait is
 * pending shares the next one.
 */
import { HoldfastError, messageOf } from "../../errors.js";
import type { Connection } from "./connection.js";
import { numSlots } from "./layout.js";
import type { RedisStore } from "./redis-store.js";
import { judge, toBrokerError, unavailable } from "./reply-errors.js";

/** KEYS: a record (generation.ts). ARGV: the replication id that the server must still have. Gives how many replicas follow it. */
const mark = `
local replication = redis.call('INFO', 'replication')
if string.match(replication, 'role:master\\r.-\\nmaster_replid:(%x+)') ~= ARGV[1] then
  return redis.error_reply('READONLY the server was replaced')
end
-- Where memory is full, a script may not begin with a write that takes any.
redis.call('HDEL', KEYS[1], '-')
redis.call('HSET', KEYS[1], 'f', '1')
return select(2, string.gsub(replication, 'state=online', ''))
`;

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class Flusher {
  readonly connection: Connection;
  readonly #replicationId: string;
  readonly #timeoutMs: number;
  #waiters: Waiter[] = [];
  #isWaiting = false;

  /** @param replicationId of the server, read before anything was written that is waited for */
  constructor(connection: Connection, replicationId: string, timeoutMs: number) {
    this.connection = connection;
    this.#replicationId = replicationId;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Resolves when all that was written before the call is flushed.
   * @param key a record that the server has
   * @throws HF_BROKER_UNAVAILABLE
   */
  wait(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (!this.#isWaiting) void this.#run(key);
    });
  }

  async #run(key: string): Promise<void> {
    this.#isWaiting = true;
    while (this.#waiters.length > 0) {
      const waiters = this.#waiters.splice(0);
      try {
        await this.#flush(key);
        for (const { resolve } of waiters) resolve();
      } catch (error) {
        for (const { reject } of waiters) reject(error);
        if (!(error instanceof HoldfastError) && judge(error) === "leave")
          this.connection.fail(unavailable(`Redis cannot be used: ${messageOf(error)}`, error));
      }
    }
    this.#isWaiting = false;
  }

  async #flush(key: string): Promise<void> {
    const { address } = this.connection;
    const at = `Redis at ${address.host}:${address.port}`;
    const replicas = Number(await this.connection.call("eval", mark, 1, key, this.#replicationId));
    const wanted = Math.min(replicas, 1);
    const reply = (await this.connection.call("waitaof", 1, wanted, this.#timeoutMs)) as [number, number];
    const [server, flushed] = reply.map(Number) as [number, number];
    if (server < 1) throw unavailable(`${at} has not flushed a publication within ${this.#timeoutMs} ms`);
    if (flushed < wanted)
      throw unavailable(
        `no replica of ${at} has flushed a publication within ${this.#timeoutMs} ms; durability disk needs appendonly yes on replicas, too`,
      );
  }
}

/** @throws HF_BROKER_UNSUPPORTED if some master, or its replicas, do not flush what it acknowledges */
export async function checkDisk(store: RedisStore): Promise<void> {
  store.assertDisk();
  const slots = new Map<Flusher, number>();
  for (let slot = store.isCluster ? numSlots - 1 : 0; slot >= 0; slot--) {
    const flusher = store.shardOf(slot)?.flusher;
    if (flusher) slots.set(flusher, slot);
  }
  try {
    await Promise.all([...slots].map(([flusher, slot]) => flusher.wait(store.recordKeyOf(slot))));
  } catch (cause) {
    throw new HoldfastError("HF_BROKER_UNSUPPORTED", messageOf(cause), { cause });
  }
}

/**
 * To be called when a command is sent. @returns a function that waits until what the command wrote is flushed, once it is answered
 * @throws HF_BROKER_UNAVAILABLE from the function
 */
export function flushAfter(store: RedisStore, slot: number): () => Promise<void> {
  const shard = store.shardOf(slot);
  const flusher = shard?.flusher;
  return async () => {
    if (store.shardOf(slot) !== shard || shard?.flusher !== flusher)
      throw unavailable("the connection to Redis was lost before the publication was known to be flushed");
    try {
      await flusher?.wait(store.recordKeyOf(slot));
    } catch (error) {
      throw toBrokerError(error);
    }
  };
}
