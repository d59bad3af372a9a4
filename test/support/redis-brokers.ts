/** Brokers on real Redis servers, for tests of what happens when servers fail. All of it is stopped after each test. */
import { afterEach, vi } from "vitest";
import { RedisBroker } from "../../packages/holdfast/src/brokers/redis/redis-broker.js";
import type { RedisBrokerOptions } from "../../packages/holdfast/src/brokers/redis/redis-options.js";
import type { BrokerNeeds } from "../../packages/holdfast/src/channels/broker.js";
import { systemClock } from "../../packages/holdfast/src/sockets/system-clock.js";
import type { Position } from "../../packages/holdfast/src/wire/messages.js";
import { RedisServer } from "../../packages/holdfast/test/support/redis-server.js";
import { EventRecord } from "../conformance/broker/fixture.js";

const brokers: RedisBroker[] = [];
/** Stopped after the test. */
export const servers: RedisServer[] = [];
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close().catch(() => {});
  for (const server of servers.splice(0)) await server.stop();
});

export async function startServer(...args: string[]): Promise<RedisServer> {
  const server = await RedisServer.start(args);
  servers.push(server);
  return server;
}

let nodes = 0;

export async function open(
  url: string,
  needs: Partial<BrokerNeeds> = {},
  more: Partial<RedisBrokerOptions> = {},
) {
  const errors: unknown[] = [];
  const broker = new RedisBroker(
    { url, commandTimeoutMs: 600, connectTimeoutMs: 600, ...more },
    {
      clock: systemClock,
      schedule: (run) => void setImmediate(run),
      onError: (error) => errors.push(error),
      helloWaitMs: 0,
    },
  );
  brokers.push(broker);
  const events = new EventRecord();
  const node = { id: `node-${++nodes}`, name: "test", version: "1.0.0", startedAt: 0 };
  await broker.open(events, { node, needs: { hasMaps: false, durability: "process", ...needs } });
  return { broker, log: broker.log, events, errors };
}

export const until = (holds: () => void | Promise<void>) =>
  vi.waitFor(holds, { timeout: 40_000, interval: 30 });

export const headOf = async (log: RedisBroker["log"], floor?: Position) =>
  (await log.heads(["news"], floor && new Map([["news", [floor]]]))).get("news");
