/** Looks at the server that a broker's URL leads to, and at the streams there, without making any. */
import type { BrokerNeeds } from "../../channels/broker.js";
import type { Clock } from "../../time/clock.js";
import { faultsOf, type Inspection, type Risk } from "../inspection.js";
import { JetStream } from "./jetstream.js";
import { assertCanKeep } from "./nats-log.js";
import { type NatsBrokerOptions, type NatsSettings, resolveNatsOptions } from "./nats-options.js";
import { connectToJetStream } from "./nats-store.js";
import { checkStreams } from "./streams.js";
import { Subjects } from "./subjects.js";

/**
 * @param isConnecting false looks at the options only
 * @throws HF_OPTION_INVALID
 */
export async function inspectNats(
  options: NatsBrokerOptions,
  needs: BrokerNeeds,
  clock: Clock,
  isConnecting: boolean,
): Promise<Inspection> {
  const settings = resolveNatsOptions(options);
  const { servers, isTls, user, token, credsFile, certFile } = settings;
  return {
    hosts: servers.map((address) => address.replace(/:\d+$/, "")),
    isTls,
    hasCredentials: [user, token, credsFile, certFile].some((each) => each !== undefined),
    faults: [
      ...(await faultsOf(() => assertCanKeep(needs))),
      ...(isConnecting ? await faultsOf(() => inspectStreams(settings, clock)) : []),
    ],
    risks: risksOf(settings),
  };
}

async function inspectStreams(settings: NatsSettings, clock: Clock): Promise<void> {
  const connection = await connectToJetStream(settings, {
    clock,
    onError() {},
    events: { onDisconnect() {}, onReconnect() {} },
    patiently: (call) => call(),
  });
  try {
    const jetStream = new JetStream(connection, clock, settings.replicas > 1);
    await checkStreams(jetStream, new Subjects(settings.prefix, settings.streams), settings);
  } finally {
    await connection.close();
  }
}

function risksOf({ replicas }: NatsSettings): Risk[] {
  const risks: Risk[] = [];
  if (replicas < 3)
    risks.push({
      severity: "warning",
      message: `NATS keeps ${replicas} copy of each stream: losing that server's machine or disk loses acknowledged publications`,
      advice: "run three servers, and add ?replicas=3 to the broker's URL",
    });
  risks.push({
    severity: "note",
    message:
      "NATS flushes to disk every 2 minutes by default, and clients cannot see its setting (sync_interval)",
    advice:
      replicas < 3
        ? "check sync_interval in the servers' jetstream block: always (2.10 or later) flushes before each acknowledgement"
        : "check that the servers have separate power, or set sync_interval: always (2.10 or later) in their jetstream block",
  });
  return risks;
}
