/** What `holdfast doctor` finds in the broker of a configuration: options first, then what the server itself says. */
import { compileApp } from "../app/compile-app.js";
import type { BrokerNeeds } from "../channels/broker.js";
import { messageOf } from "../errors.js";
import { resolveServerOptions } from "../options/schema.js";
import { isLoopback } from "../requests/origins.js";
import { type Inspection, inspectBroker } from "../server/brokers.js";
import { presenceLeaseMs } from "../sessions/context.js";
import { systemClock } from "../sockets/system-clock.js";
import { documentPath, type Finding, refusalFinding, type Severity } from "./doctor.js";
import type { Configuration } from "./load-config.js";

export const brokerFindingIds = [
  "broker-unreachable",
  "broker-unsuitable",
  "broker-data-loss",
  "broker-plain-text",
  "broker-no-authentication",
] as const;

/**
 * @param isConnecting false looks at the configuration only
 * @returns nothing for a broker made in code, for the embedded store, and for a configuration that is not accepted
 */
export async function examineBroker(
  configuration: Configuration,
  isConnecting: boolean,
): Promise<readonly Finding[]> {
  const { broker } = configuration.options;
  if (typeof broker !== "string") return [];
  const needs = needsOfApp(configuration);
  if (needs === undefined) return [];
  let inspection: Inspection | undefined;
  try {
    inspection = await inspectBroker(broker, needs, isConnecting);
  } catch (error) {
    return [refusalFinding(error)];
  }
  return inspection === undefined ? [] : findingsOf(broker, inspection);
}

function findingsOf(url: string, inspection: Inspection): readonly Finding[] {
  const { hosts, isTls, hasCredentials, faults, risks } = inspection;
  const findings: Finding[] = [];
  const add = (severity: Severity, id: (typeof brokerFindingIds)[number], message: string, advice: string) =>
    findings.push({ severity, id, message, advice });
  for (const fault of faults) {
    const isAway = fault.code === "HF_BROKER_UNAVAILABLE";
    add(
      "error",
      isAway ? "broker-unreachable" : "broker-unsuitable",
      messageOf(fault),
      isAway
        ? "start it, or correct the URL of the broker; --no-connect leaves this check out"
        : `the server does not start with it; see ${documentPath("howto/scaling.md")}`,
    );
  }
  for (const { severity, message, advice } of risks) add(severity, "broker-data-loss", message, advice);
  const remote = hosts.filter((host) => !isLoopback(host));
  if (!isTls && remote.length > 0)
    add(
      "warning",
      "broker-plain-text",
      `the connection to the broker at ${remote.join(", ")} is plain text: the network can read passwords and messages`,
      `use ${url.startsWith("redis") ? "rediss:// (or rediss-sentinel://, rediss-cluster://)" : "tls://"}, unless the network is private`,
    );
  if (!hasCredentials)
    add(
      remote.length > 0 ? "warning" : "note",
      "broker-no-authentication",
      "the broker's URL has no password: whoever reaches the server can read and write all channels",
      "set a password on the server, and use it in the broker's URL by { env: NAME }",
    );
  return findings;
}

function needsOfApp({ app, options, settings }: Configuration): BrokerNeeds | undefined {
  try {
    const serverSettings = resolveServerOptions(options);
    if (app) {
      const { hookTimeoutMs } = serverSettings;
      const leaseMs = presenceLeaseMs(serverSettings);
      return compileApp(app, { clock: systemClock, hookTimeoutMs, leaseMs, onError: () => {} }).needs;
    }
    const isDisk = settings.get("durability")?.value === "disk";
    return { hasMaps: false, durability: isDisk ? "disk" : "process" };
  } catch {
    // `examine` reports what is not accepted.
    return undefined;
  }
}
