/** Servers of NATS that are too old to keep replicas: refused, whenever they are connected to. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { inspectNats } from "../../../packages/holdfast/src/brokers/nats/inspect-nats.js";
import { systemClock } from "../../../packages/holdfast/src/sockets/system-clock.js";
import {
  findClusterNats,
  findOldNats,
  type NatsProgram,
} from "../../../packages/holdfast/test/support/nats-programs.js";
import {
  killAll,
  type NatsServer,
  startNatsServers,
  startTogether,
} from "../../../packages/holdfast/test/support/nats-servers.js";
import { ample, countTo, publishMany, query } from "./fixture.js";
import { NatsNodes, until } from "./nats-nodes.js";

const old = findOldNats();
const current = findClusterNats();

/** Newer systems have none. */
const noOld = old === undefined ? ": no nats-server before 2.10.27 is installed" : "";
const noBoth = current === undefined ? ": no nats-server 2.10.27 is installed" : noOld;

describe("NATS servers that are too old for replicas", { timeout: 120_000 }, () => {
  const started: { stop(): Promise<void> }[] = [];

  afterEach(async () => {
    for (const each of started.splice(0).reverse()) await each.stop();
  });

  async function start(program: NatsProgram | undefined) {
    const nats = await startNatsServers(3, [], program);
    started.push(nats);
    const nodes = new NatsNodes(nats.addresses);
    started.push({ stop: () => nodes.close() });
    return { nats, nodes };
  }

  const refusal = {
    code: "HF_BROKER_UNSUPPORTED",
    message: expect.stringMatching(
      /2\.\d+\.\d+ is too old for 3 replicas.* to 2\.10\.27 or later, or use .*replicas=1/,
    ),
  };

  it.skipIf(noOld)(`are refused at the start, and by the doctor${noOld}`, async () => {
    const { nats, nodes } = await start(old);
    await expect(nodes.open({ replicas: 3 })).rejects.toMatchObject(refusal);
    const url = `nats://${nats.addresses}?replicas=3`;
    const needs = { hasMaps: false, durability: "process" } as const;
    const { faults } = await inspectNats({ url }, needs, systemClock, true);
    expect(faults).toEqual([expect.objectContaining({ message: refusal.message })]);
  });

  it.skipIf(noOld)(`are refused where streams have replicas already${noOld}`, async () => {
    const { nodes } = await start(old);
    const name = `${nodes.prefix}_log_0`;
    await until("a stream with replicas is there", async () => {
      const config = {
        name,
        description: "Holdfast log, format 1, stream 0 of 2, epochs x",
        subjects: [`${nodes.prefix}.log.0.>`],
        num_replicas: 3,
      };
      // The servers may still be electing.
      const { error } = await nodes.api<{ error?: object }>(`STREAM.CREATE.${name}`, config);
      return error === undefined;
    });
    await expect(nodes.open({ replicas: 3 })).rejects.toMatchObject(refusal);
    await expect(nodes.open()).rejects.toMatchObject({
      code: "HF_BROKER_UNSUPPORTED",
      message: expect.stringMatching(/num_replicas is 3 instead of 1/),
    });
  });

  it.skipIf(noBoth)(`are refused after a downgrade, until there is a newer one${noBoth}`, async () => {
    const { nats, nodes } = await start(current);
    const { broker, events, errors } = await nodes.open({ replicas: 3 });
    await publishMany(broker.log, "a", 3);
    await killAll(nats.servers);
    const [first, ...others] = nats.servers as [NatsServer, ...NatsServer[]];
    // With a store of its own: it cannot read that of the newer one.
    rmSync(join(nats.folder, "0"), { recursive: true });
    await first.start(old);
    await until("the node has found the old server", () => errors.length > 0);
    expect(errors).toEqual([expect.objectContaining(refusal)]);
    await expect(broker.log.publish("a", { data: "4" }, { retention: ample })).rejects.toMatchObject({
      code: "HF_BROKER_UNAVAILABLE",
      message: expect.stringMatching(/too old for 3 replicas/),
    });
    expect(events.connection).toEqual(["disconnect"]);
    await first.signal("SIGKILL");
    await startTogether({
      start: () => Promise.all(others.map((server) => server.start(current))),
      kill: () => killAll(others),
      isReady: async () => {
        await broker.log.publish("a", { data: "4" }, { retention: ample });
        return true;
      },
    });
    expect(events.connection.at(-1)).toBe("reconnect");
    const { publications } = await broker.log.history("a", query({ maxEntries: 3 }));
    expect(publications.map(({ data }) => data)).toEqual(countTo(3).map(String));
  });
});
