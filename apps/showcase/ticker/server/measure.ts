/** What this machine says of itself. A figure that is not to be had is left out. */
import type { Systeminformation } from "systeminformation";
import type { Metric } from "./ticker-types.js";

export type Values = Readonly<Record<string, number>>;
export type Measure = () => Promise<Partial<Record<Metric, Values>>>;

/** The part of systeminformation that is used. */
export interface Meters {
  currentLoad(): Promise<Pick<Systeminformation.CurrentLoadData, "currentLoad">>;
  mem(): Promise<Pick<Systeminformation.MemData, "total" | "available">>;
  networkStats(
    which: string,
  ): Promise<readonly Pick<Systeminformation.NetworkStatsData, "iface" | "rx_sec" | "tx_sec">[]>;
}

/** @param load brings the meters: at the first measurement, so that nobody else has to wait for them */
export function createMeasure(load: () => Promise<Meters> = loadMeters): Measure {
  let meters: Promise<Meters> | undefined;
  let isFirst = true;
  return async () => {
    meters ??= load();
    const { currentLoad, mem, networkStats } = await meters;
    const [busy, memory, network] = await Promise.all([
      orNothing(async () => toLoad((await currentLoad()).currentLoad)),
      orNothing(async () => toMemory(await mem())),
      orNothing(async () => toNetwork(await networkStats("*"))),
    ]);
    // Rates are between two measurements; the first is of all the time that the machine has run.
    const isRate = !isFirst;
    isFirst = false;
    return {
      ...(isRate && busy && { load: busy }),
      ...(memory && { memory }),
      ...(isRate && network && { network }),
    };
  };
}

async function loadMeters(): Promise<Meters> {
  return (await import("systeminformation")).default;
}

async function orNothing(read: () => Promise<Values | undefined>): Promise<Values | undefined> {
  return await read().catch(() => undefined);
}

function toLoad(busy: number): Values | undefined {
  return Number.isFinite(busy) ? { busy: Math.round(busy * 10) / 10 } : undefined;
}

function toMemory({ total, available }: { total: number; available: number }): Values | undefined {
  return total > 0 && available >= 0 ? { used: total - available, total } : undefined;
}

/** Of all interfaces but those within the machine. */
function toNetwork(
  stats: readonly {
    readonly iface: string;
    readonly rx_sec: number | null;
    readonly tx_sec: number | null;
  }[],
): Values | undefined {
  const outer = stats.filter(
    ({ iface, rx_sec, tx_sec }) => !/^lo\d*$/.test(iface) && isRate(rx_sec) && isRate(tx_sec),
  );
  if (outer.length === 0) return undefined;
  const sum = (pick: "rx_sec" | "tx_sec") =>
    Math.round(outer.reduce((total, each) => total + (each[pick] ?? 0), 0));
  return { received: sum("rx_sec"), sent: sum("tx_sec") };
}

function isRate(value: number | null): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
