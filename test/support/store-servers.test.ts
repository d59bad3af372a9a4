import { describe, expect, it, onTestFinished } from "vitest";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";
import { askRedis, createNatsServer, createRedisServer, reasonToSkip } from "./store-servers.js";

async function createFolder(): Promise<string> {
  return createTemporaryFolder("store-servers");
}

describe("servers of stores", () => {
  const redis = reasonToSkip(["redis-server"]);
  it.skipIf(redis)(`keep what Redis has written when it is killed${redis ? `: ${redis}` : ""}`, async () => {
    const server = await createRedisServer({ port: await findFreePort(), folder: await createFolder() });
    onTestFinished(() => server.kill());
    await server.start();
    expect(await askRedis(server.port, "SET a 1")).toContain("+OK");
    await server.kill();
    expect(server.isRunning).toBe(false);
    await server.start();
    expect(await askRedis(server.port, "GET a")).toContain("$1\r\n1");
  });

  const nats = reasonToSkip(["nats-server"]);
  it.skipIf(nats)(`wait until JetStream serves${nats ? `: ${nats}` : ""}`, async () => {
    const monitorPort = await findFreePort();
    const folder = await createFolder();
    const server = await createNatsServer({ port: await findFreePort(), monitorPort, folder });
    onTestFinished(() => server.kill());
    await server.start();
    server.pause();
    expect(server.isPaused).toBe(true);
    server.resume();
    await server.kill();
    await server.start();
    expect((await fetch(`http://127.0.0.1:${monitorPort}/jsz`)).ok).toBe(true);
  });

  it("say when they do not start", async () => {
    const port = await findFreePort();
    const server = await createRedisServer({
      port,
      folder: await createFolder(),
      lines: ["no-such-option 1"],
    });
    await expect(server.start()).rejects.toThrow("no-such-option");
  });
});
