/** What a server says of itself, and whether it can keep what this broker promises. */
import { HoldfastError, messageOf } from "../../errors.js";
import type { Connection } from "./connection.js";
import type { RedisSettings } from "./redis-options.js";
import { unavailable } from "./reply-errors.js";

export interface ServerFacts {
  /** Why it does not flush what it acknowledges; undefined if it does. */
  readonly diskFault: string | undefined;
  readonly hasAppendOnlyFile: boolean;
  /** Another one after each start and promotion. */
  readonly replicationId: string;
  /** Whether it tells what it has flushed, and its replicas (WAITAOF): from Redis 7.2, and Valkey. */
  readonly tellsFlushes: boolean;
  /** 0: no bound. */
  readonly maxMemoryBytes: number;
  readonly evictionPolicy: string;
}

const minMajor = 7;

/** @throws HF_BROKER_UNAVAILABLE, HF_BROKER_UNSUPPORTED telling what to change */
export async function readFacts(connection: Connection, settings: RedisSettings): Promise<ServerFacts> {
  const { host, port } = connection.address;
  const at = `Redis at ${host}:${port}`;
  const info = parseInfo(String(await connection.call("info")));
  if (info.get("loading") === "1")
    throw unavailable(`${at} is still loading its data; retry when it is ready`);
  if (info.get("role") !== "master")
    throw unavailable(
      `${at} is a read-only replica; the broker's URL must name its master, ${info.get("master_host")}:${info.get("master_port")}`,
    );
  const version = info.get("redis_version") ?? "";
  if (Number.parseInt(version, 10) < minMajor)
    throw unsupported(`${at} has version ${version}; the broker needs Redis ${minMajor} or later, or Valkey`);
  const isCluster = info.get("cluster_enabled") === "1";
  if (isCluster !== (settings.mode === "cluster"))
    throw unsupported(
      isCluster
        ? `${at} belongs to a cluster; begin the broker's URL with redis-cluster://`
        : `${at} is no cluster; begin the broker's URL with redis://`,
    );
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  const maxMemoryBytes = Number(info.get("maxmemory") ?? 0);
  if (maxMemoryBytes > 0 && policy !== "noeviction" && !settings.allowEviction)
    throw unsupported(
      `${at} evicts keys when its memory is full (maxmemory-policy ${policy}), and with them logs; set maxmemory-policy noeviction, or accept it with allowEviction`,
    );
  return {
    diskFault: await findDiskFault(connection, at),
    replicationId: info.get("master_replid") ?? "",
    tellsFlushes: isAtLeast(version, 7, 2),
    hasAppendOnlyFile: info.get("aof_enabled") === "1",
    maxMemoryBytes,
    evictionPolicy: policy,
  };
}

/** @throws HF_BROKER_UNSUPPORTED if it does not flush what it acknowledges */
export function assertFlushes({ diskFault }: ServerFacts): void {
  if (diskFault !== undefined) throw unsupported(diskFault);
}

/** What every user of the store has to agree on. 2: each log has its generation; logs of format 1 get a new epoch. */
const format = 2;

/** Makes a store of an older format one of this. @throws HF_STORE_NEWER */
export async function claimFormat(connection: Connection, prefix: string): Promise<void> {
  const key = storeKeyOf(prefix);
  const stored = Number((await connection.call("hget", key, "format")) ?? 0);
  if (stored > format)
    throw new HoldfastError(
      "HF_STORE_NEWER",
      `the data with the prefix ${prefix} in Redis was written by a newer version (format ${stored}, this version knows ${format}); upgrade, or use another prefix`,
    );
  if (stored < format) await connection.call("hset", key, "format", format);
}

export function storeKeyOf(prefix: string): string {
  return `${prefix}:store`;
}

async function findDiskFault(connection: Connection, at: string): Promise<string | undefined> {
  const needed = "durability disk needs appendonly yes and appendfsync always";
  try {
    const reply = (await connection.call("config", "get", "append*")) as Buffer[];
    const pairs = reply.map(String);
    const settingOf = (name: string) => pairs[pairs.indexOf(name) + 1];
    const [isOn, policy] = [settingOf("appendonly"), settingOf("appendfsync")];
    if (isOn === "yes" && policy === "always") return undefined;
    return `${needed}, but ${at} has appendonly ${isOn} and appendfsync ${policy}`;
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    return `${needed}, which ${at} does not show (CONFIG GET: ${messageOf(error)}); permit the user +config|get`;
  }
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  const fields = text.matchAll(/^([\w-]+):(.*?)\r?$/gm);
  return new Map([...fields].map(([, name = "", value = ""]) => [name, value]));
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split(".").map(Number);
  return first > major || (first === major && second >= minor);
}

function unsupported(message: string): HoldfastError {
  return new HoldfastError("HF_BROKER_UNSUPPORTED", message);
}
