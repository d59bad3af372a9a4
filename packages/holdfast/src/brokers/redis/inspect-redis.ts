/** Looks at the settings of every master that a broker's URL leads to, without writing anything. */
import type { BrokerNeeds } from "../../channels/broker.js";
import type { Clock } from "../../time/clock.js";
import { faultsOf, type Inspection, type Risk } from "../inspection.js";
import { Connection } from "./connection.js";
import { findLayout, keyOf } from "./layout.js";
import { type RedisBrokerOptions, type RedisSettings, resolveRedisOptions } from "./redis-options.js";
import { toBrokerError } from "./reply-errors.js";
import { assertFlushes, readFacts, type ServerFacts } from "./server-facts.js";

/**
 * @param isConnecting false looks at the options only
 * @throws HF_OPTION_INVALID
 */
export async function inspectRedis(
  options: RedisBrokerOptions,
  needs: BrokerNeeds,
  clock: Clock,
  isConnecting: boolean,
): Promise<Inspection> {
  const settings = resolveRedisOptions(options);
  const risks: Risk[] = [];
  const faults = isConnecting
    ? await faultsOf(() =>
        inspectMasters(settings, clock, (facts, at) => {
          risks.push(...risksOf(facts, at));
          if (needs.durability === "disk") assertFlushes(facts);
        }),
      )
    : [];
  return {
    hosts: settings.addresses.map(({ host }) => host),
    isTls: settings.isTls,
    hasCredentials: settings.password !== undefined || settings.tls.cert !== undefined,
    faults,
    risks,
  };
}

async function inspectMasters(
  settings: RedisSettings,
  clock: Clock,
  inspect: (facts: ServerFacts, at: string) => void,
): Promise<void> {
  try {
    const open = (address: RedisSettings["addresses"][number], isSentinel = false) =>
      Connection.open({ address, settings, clock, isSentinel, onEnd() {} });
    const { masters } = await findLayout(settings, [], open);
    for (const address of masters) {
      const connection = await open(address);
      try {
        inspect(await readFacts(connection, settings), `Redis at ${keyOf(address)}`);
      } finally {
        connection.close();
      }
    }
  } catch (error) {
    throw toBrokerError(error);
  }
}

function risksOf({ hasAppendOnlyFile, maxMemoryBytes, evictionPolicy }: ServerFacts, at: string): Risk[] {
  const risks: Risk[] = [];
  if (!hasAppendOnlyFile)
    risks.push({
      severity: "warning",
      message: `${at} keeps no append-only file: a restart loses acknowledged publications`,
      advice: "set appendonly yes, with appendfsync everysec or always",
    });
  if (maxMemoryBytes === 0)
    risks.push({
      severity: "note",
      message: `${at} has no maxmemory: the system ends it when the machine's memory is full`,
      advice: "set maxmemory well below the machine's memory, and maxmemory-policy noeviction",
    });
  else if (evictionPolicy !== "noeviction")
    risks.push({
      severity: "warning",
      message: `${at} evicts keys, and with them logs, when its memory is full (maxmemory-policy ${evictionPolicy})`,
      advice: "set maxmemory-policy noeviction",
    });
  return risks;
}
