import { Centrifuge } from "centrifuge";
import { request } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { countTo } from "../../packages/holdfast/test/channels/support/entries.js";
import { type CliRun, serve } from "../../packages/holdfast/test/cli/run-cli.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const apiKey = "a-key-for-tests-only";

function makeFolder(): string {
  return createTemporaryFolder("durable");
}

async function publish(port: number, data: unknown, more: object = {}) {
  const answer = await request(`http://127.0.0.1:${port}/api/publish`, {
    method: "POST",
    headers: { "X-API-Key": apiKey },
    body: JSON.stringify({ channel: "news", data, ...more }),
  });
  const { result } = (await answer.body.json()) as { result: { epoch: string; offset: number } };
  return result;
}

function follow(port: number) {
  const client = new Centrifuge(`ws://127.0.0.1:${port}/connection/websocket`, {
    websocket: WebSocket,
    minReconnectDelay: 50,
    maxReconnectDelay: 200,
  });
  const subscription = client.newSubscription("news");
  const offsets: number[] = [];
  const subscribed: { readonly wasRecovering: boolean; readonly recovered: boolean }[] = [];
  subscription.on("publication", ({ offset = 0 }) => offsets.push(offset));
  subscription.on("subscribed", ({ wasRecovering, recovered }) => {
    subscribed.push({ wasRecovering, recovered });
  });
  subscription.subscribe();
  client.connect();
  onTestFinished(() => client.disconnect());
  return { subscription, offsets, subscribed };
}

const endings: readonly [string, (run: CliRun) => Promise<unknown>][] = [
  ["killed", (run) => end(run, "SIGKILL")],
  ["ended", (run) => end(run, "SIGTERM")],
];

function end(run: CliRun, signal: NodeJS.Signals): Promise<unknown> {
  run.kill(signal);
  return run.exit();
}

describe.each(endings)("server on a store that is %s and restarted", (_name, endServer) => {
  it("lets clients recover with nothing missing", async () => {
    const port = await findFreePort();
    const args = ["--port", String(port), "--data", makeFolder(), "--api-keys", apiKey];
    const first = await serve(...args);
    const { offsets, subscribed } = follow(port);
    await until(() => subscribed.length === 1);
    for (const n of countTo(20)) await publish(port, n);
    await until(() => offsets.length === 20);
    // These are acknowledged, whoever has seen them.
    const last = Promise.all(countTo(20).map((n) => publish(port, n)));
    await last;
    await endServer(first.run);
    await serve(...args);
    await until(() => subscribed.length === 2);
    for (const n of countTo(10)) await publish(port, n);
    await until(() => offsets.length >= 50);
    // What came twice would come before this.
    await publish(port, "last");
    await until(() => offsets.includes(51));
    offsets.pop();
    expect(offsets).toEqual(countTo(50));
    expect(subscribed[1]).toEqual({ wasRecovering: true, recovered: true });
  });

  it("remembers each sender's idempotency keys", async () => {
    const port = await findFreePort();
    const args = ["--port", String(port), "--data", makeFolder(), "--api-keys", apiKey];
    const first = await serve(...args);
    const client = new Centrifuge(`ws://127.0.0.1:${port}/connection/websocket`, {
      websocket: WebSocket,
      minReconnectDelay: 50,
      maxReconnectDelay: 200,
    });
    client.connect();
    onTestFinished(() => client.disconnect());
    const keyed = { channel: "news", data: 1, idempotency_key: "order-1" };
    const byClient = async () => {
      await client.ready();
      return (await client.rpc("holdfast.publish", keyed)).data;
    };
    const byKey = () => publish(port, 1, { idempotency_key: "order-1" });
    const before = [await byKey(), await byClient()];
    expect(before).toMatchObject([{ offset: 1 }, { offset: 2 }]);
    await endServer(first.run);
    await until(() => client.state !== "connected");
    await serve(...args);
    expect([await byKey(), await byClient()]).toEqual(
      before.map((each) => ({ ...each, is_duplicate: true })),
    );
  });
});
