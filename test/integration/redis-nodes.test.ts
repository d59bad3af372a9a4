/** Two servers on one Redis, with independent clients: what a deployment does. */
import { Centrifuge } from "centrifuge";
import { request } from "undici";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { type CliRun, serve } from "../../packages/holdfast/test/cli/run-cli.js";
import { noRedisReason, RedisServer } from "../../packages/holdfast/test/support/redis-server.js";

const apiKey = "a-key-for-tests-only";

async function callApi(port: number, method: string, body: object): Promise<Record<string, unknown>> {
  const answer = await request(`http://127.0.0.1:${port}/api/${method}`, {
    method: "POST",
    headers: { "X-API-Key": apiKey },
    body: JSON.stringify(body),
  });
  return (await answer.body.json()) as Record<string, unknown>;
}

function follow(port: () => number) {
  const client = new Centrifuge([{ transport: "websocket", endpoint: urlOf(port()) }], {
    websocket: WebSocket,
    minReconnectDelay: 20,
    maxReconnectDelay: 100,
    timeout: 5000,
  });
  const received: unknown[] = [];
  const recovered: boolean[] = [];
  const subscription = client.newSubscription("news");
  subscription.on("publication", ({ data }) => received.push(data));
  subscription.on("subscribed", (context) => {
    if (context.wasRecovering) recovered.push(context.recovered);
  });
  subscription.subscribe();
  client.connect();
  onTestFinished(() => client.disconnect());
  return { client, subscription, received, recovered };
}

const urlOf = (port: number) => `ws://127.0.0.1:${port}/connection/websocket`;
const until = (holds: () => void | Promise<void>) => vi.waitFor(holds, { timeout: 15_000, interval: 20 });

describe.skipIf(noRedisReason !== undefined)(`servers on Redis ${noRedisReason ?? ""}`, () => {
  it("deliver what is published on another, act on its sessions, and let clients recover there", async () => {
    const redis = await RedisServer.start();
    onTestFinished(() => redis.stop());
    const start = async (port = 0): Promise<{ readonly run: CliRun; readonly port: number }> => {
      const { run, port: own } = await serve(
        ...["--broker", redis.url, "--data", "memory"],
        ...["--port", String(port), "--api-keys", apiKey],
      );
      return { run, port: own };
    };
    const [one, two] = [await start(), await start()];
    const reader = follow(() => one.port);
    await reader.subscription.ready();
    await callApi(two.port, "publish", { channel: "news", data: 1 });
    await until(() => expect(reader.received).toEqual([1]));

    const { result } = (await callApi(two.port, "presence_stats", { channel: "news" })) as {
      result?: { num_clients: number };
    };
    expect(result?.num_clients ?? 1).toBe(1);

    one.run.kill("SIGKILL");
    await one.run.exit();
    await callApi(two.port, "publish", { channel: "news", data: 2 });
    const again = await start(one.port);
    await until(() => expect(reader.received).toEqual([1, 2]));
    expect(reader.recovered).toEqual([true]);
    expect(again.port).toBe(one.port);
  });
});
