/** Where the masters are: at the configured address, where the sentinels say, or of each slot of a cluster. */
import { HoldfastError, messageOf } from "../../errors.js";
import type { Connection } from "./connection.js";
import type { Address, RedisSettings } from "./redis-options.js";
import { unavailable } from "./reply-errors.js";

export const numSlots = 16_384;
const noMaster = 0xffff;

export interface Layout {
  readonly masters: readonly Address[];
  /** Of a cluster: which master has each slot. */
  readonly slots?: Uint16Array;
}

type Connect = (address: Address, isSentinel: boolean) => Promise<Connection>;

/**
 * @param known addresses of a cluster that were found before
 * @throws HF_BROKER_UNAVAILABLE if nobody can tell
 */
export async function findLayout(
  settings: RedisSettings,
  known: readonly Address[],
  connect: Connect,
): Promise<Layout> {
  const { mode, addresses, masterName } = settings;
  if (mode === "single") return { masters: addresses };
  const faults: string[] = [];
  for (const address of unique([...known, ...addresses])) {
    let connection: Connection | undefined;
    try {
      connection = await connect(address, mode === "sentinel");
      if (mode === "cluster") return parseSlots(await connection.call("cluster", "slots"), address);
      const master = await connection.call("sentinel", "get-master-addr-by-name", masterName);
      if (Array.isArray(master)) return { masters: [{ host: String(master[0]), port: Number(master[1]) }] };
      faults.push(`the sentinel at ${keyOf(address)} knows no master ${masterName}`);
    } catch (error) {
      if (error instanceof HoldfastError && error.code !== "HF_BROKER_UNAVAILABLE") throw error;
      faults.push(messageOf(error));
    } finally {
      connection?.close();
    }
  }
  throw unavailable([...new Set(faults)].join("; "));
}

export function keyOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

export function isSameLayout(a: Layout, b: Layout): boolean {
  const isSame = a.masters.map(keyOf).join() === b.masters.map(keyOf).join();
  return isSame && Buffer.compare(bytesOf(a.slots), bytesOf(b.slots)) === 0;
}

/** The master of a slot; undefined while it has none. */
export function masterOf({ masters, slots }: Layout, slot: number): Address | undefined {
  return masters[slots === undefined ? 0 : (slots[slot] as number)];
}

const crcOfByte = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The slot of a key, by its part in braces: CRC-16/XMODEM, as the specification of Redis Cluster has it. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  const bytes = Buffer.from(close > open + 1 ? key.slice(open + 1, close) : key);
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ (crcOfByte[(crc >> 8) ^ byte] as number);
  return crc & (numSlots - 1);
}

/** @param asked where an empty host in the answer is */
function parseSlots(reply: unknown, asked: Address): Layout {
  const masters: Address[] = [];
  const indexes = new Map<string, number>();
  const slots = new Uint16Array(numSlots).fill(noMaster);
  const ranges = (reply as [number, number, [Buffer | null, number]][]).slice().sort((a, b) => a[0] - b[0]);
  for (const [first, last, [host, port]] of ranges) {
    const address = { host: host === null || host.length === 0 ? asked.host : String(host), port };
    const key = keyOf(address);
    const index = indexes.get(key) ?? masters.push(address) - 1;
    indexes.set(key, index);
    slots.fill(index, first, last + 1);
  }
  if (masters.length === 0) throw unavailable(`the cluster at ${keyOf(asked)} has no masters`);
  return { masters, slots };
}

function bytesOf(slots: Uint16Array = new Uint16Array()): Uint8Array {
  return new Uint8Array(slots.buffer);
}

function unique(addresses: readonly Address[]): Address[] {
  return [...new Map(addresses.map((address) => [keyOf(address), address])).values()];
}
