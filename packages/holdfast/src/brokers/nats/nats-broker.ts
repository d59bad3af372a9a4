/** The broker for NATS 2.9 or later: logs in JetStream, and nodes that talk over core NATS. */
import type { BrokerEvents, BrokerStart } from "../../channels/broker.js";
import type { Clock } from "../../time/clock.js";
import { createEpoch } from "../epochs.js";
import { NodeBroker, type NodeBrokerOptions } from "../nodes/node-broker.js";
import { NatsBus } from "./nats-bus.js";
import { assertCanKeep, NatsLog } from "./nats-log.js";
import { type NatsBrokerOptions, resolveNatsOptions } from "./nats-options.js";
import { NatsStore } from "./nats-store.js";
import { Subjects } from "./subjects.js";

export interface NatsBrokerContext extends NodeBrokerOptions {
  readonly clock: Clock;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export class NatsBroker extends NodeBroker<NatsLog> {
  override async open(events: BrokerEvents, start: BrokerStart): Promise<void> {
    assertCanKeep(start.needs);
    await super.open(events, start);
  }
}

/** @throws HF_OPTION_INVALID */
export function createNatsBroker(options: NatsBrokerOptions, context: NatsBrokerContext): NatsBroker {
  const settings = resolveNatsOptions(options);
  const { clock, onError } = context;
  const subjects = new Subjects(settings.prefix, settings.streams);
  const store = new NatsStore({ settings, subjects, clock, createEpoch, onError });
  const { maxAgeMs } = settings;
  const log = new NatsLog({ store, clock, createEpoch, subjects, maxAgeMs, onError });
  return new NatsBroker("nats", log, new NatsBus(store, subjects, clock), context);
}
