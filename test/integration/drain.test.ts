/** SIGTERM, and `server.drain()`: clients go elsewhere at a pace, and requests finish. */
import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { countTo } from "../../packages/holdfast/test/channels/support/entries.js";
import { serve } from "../../packages/holdfast/test/cli/run-cli.js";
import {
  RawClient,
  startServer,
  textFrame,
  until,
  upgradeRequest,
} from "../../packages/holdfast/test/support/server.js";

async function connect(port: number): Promise<RawClient> {
  const client = await RawClient.upgrade(port);
  client.write(textFrame({ id: 1, connect: {} }));
  await client.readFrame();
  return client;
}

const statusOf = async (port: number, path: string) =>
  (await fetch(`http://127.0.0.1:${port}${path}`)).status;

describe("drain", () => {
  it("answers that the server is not ready first, and accepts no more clients", async () => {
    const { server, port } = await startServer({ drainPerSecond: 1, drainTimeoutMs: 60_000 });
    const clients = await Promise.all(countTo(20).map(() => connect(port)));
    expect(await statusOf(port, "/health")).toBe(200);
    const drained = server.drain();
    expect(await statusOf(port, "/health")).toBe(503);
    expect(await statusOf(port, "/health/live")).toBe(200);
    const late = await RawClient.connect(port);
    late.write(upgradeRequest());
    expect(await late.readHead()).toMatch(/^HTTP\/1\.1 503 .*Retry-After: \d/s);
    expect(clients.some(({ hasClosed }) => !hasClosed)).toBe(true);
    // Nobody wants to wait any more.
    await Promise.all([server.close(), drained]);
    for (const client of clients)
      expect(await client.readClose()).toEqual({ code: 3001, reason: "shutdown" });
  });

  it("lets requests finish", async () => {
    const { server, port } = await startServer({ apiKeys: ["a-key-for-tests-only"] });
    const body = JSON.stringify({ channel: "news", data: 1 });
    const headers = { "X-API-Key": "a-key-for-tests-only", "Content-Length": body.length };
    const sent = request({ port, host: "127.0.0.1", path: "/api/publish", method: "POST", headers });
    sent.write(body.slice(0, 5));
    await until(() => server.stats().openRequests === 1);
    const drained = server.drain();
    const answered = new Promise<number | undefined>((resolve, reject) => {
      sent.on("response", (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on("error", reject);
    });
    sent.end(body.slice(5));
    expect(await answered).toBe(200);
    await drained;
  });

  it("ends although a client does not answer, and a request does not end", async () => {
    const apiKeys = ["a-key-for-tests-only"];
    const { server, port } = await startServer({ drainTimeoutMs: 200, closeTimeoutMs: 200, apiKeys });
    const silent = await connect(port);
    silent.socket.pause();
    const half = await RawClient.connect(port);
    half.write(
      `POST /api/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${apiKeys[0]}\r\nContent-Length: 100\r\n\r\n{`,
    );
    await until(() => server.stats().openRequests === 1);
    await server.drain();
    expect(server.stats()).toMatchObject({ sockets: 0, connections: 0 });
  });
});

describe("SIGTERM", () => {
  it("drains, and a second one ends the server at once", async () => {
    const server = await serve("--drain-per-second", "1", "--drain-timeout-ms", "100000");
    const clients = await Promise.all(countTo(50).map(() => connect(server.port)));
    server.run.kill("SIGTERM");
    await until(async () => (await statusOf(server.port, "/health")) === 503);
    await until(() => clients.some(({ received, hasClosed }) => hasClosed || received.length > 0));
    expect(server.run.child.exitCode).toBeNull();
    server.run.kill("SIGTERM");
    expect(await server.run.exit()).toBe(1);
  });

  it("ends a server with few clients soon", async () => {
    const server = await serve();
    const client = await connect(server.port);
    server.run.kill("SIGTERM");
    expect(await client.readClose()).toMatchObject({ code: 3001 });
    expect(await server.run.exit()).toBe(0);
  });
});
