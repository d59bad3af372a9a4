/** `/metrics`: who may read it, what it counts of real clients, and that no client can make it grow. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttp, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { channel, createServer, defineApp, type ServerOptions } from "../../packages/holdfast/src/index.js";
import { parseExposition } from "../../packages/holdfast/test/observe/support/exposition.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { RawClient, startServer, textFrame, until } from "../../packages/holdfast/test/support/server.js";

const key = "a-key-for-the-metrics";
const withKey = { "X-API-Key": key };

const app = defineApp({
  channels: { "chat:{room}": channel({ allow: { publish: true, subscribe: true } }) },
});

async function startApp(options: ServerOptions = {}) {
  const server = createServer(app, { port: 0, audit: false, apiKeys: [key], ...options });
  const { port } = await server.listen();
  onTestFinished(() => server.close());
  return { server, port };
}

async function scrape(port: number, headers: Record<string, string> = withKey) {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers });
  return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
}

/** A sample by its name and labels as written. */
async function read(port: number, sample: string): Promise<number | undefined> {
  const { text } = await scrape(port);
  const families = [...parseExposition(text).values()];
  return families.map(({ samples }) => samples.get(sample)).find((value) => value !== undefined);
}

async function connect(port: number): Promise<RawClient> {
  const client = await RawClient.upgrade(port);
  client.write(textFrame({ id: 1, connect: {} }));
  await client.readFrame();
  return client;
}

async function ask(client: RawClient, command: object): Promise<string> {
  client.write(textFrame(command));
  return (await client.readFrame()).payload.toString();
}

describe("what clients do is counted", () => {
  it("connections, subscriptions, publications, deliveries, commands, errors and bytes", async () => {
    const { port } = await startApp();
    const [a, b] = [await connect(port), await connect(port)];
    for (const client of [a, b]) await ask(client, { id: 2, subscribe: { channel: "chat:1" } });
    a.write(textFrame({ id: 3, publish: { channel: "chat:1", data: { text: "hello" } } }));
    const pattern = '{channel_pattern="chat:{room}"}';
    await until(async () => (await read(port, `holdfast_node_deliveries_total${pattern}`)) === 2);
    await ask(b, { id: 4, subscribe: { channel: "nowhere" } });
    const { text, type } = await scrape(port);
    expect(type).toBe("text/plain; version=0.0.4; charset=utf-8");
    const samples = new Map([...parseExposition(text).values()].flatMap((family) => [...family.samples]));
    const webSockets = '{transport="websocket",codec="json"}';
    expect(samples.get(`holdfast_client_connections_inflight${webSockets}`)).toBe(2);
    expect(samples.get(`holdfast_client_subscriptions_inflight${pattern}`)).toBe(2);
    expect(samples.get(`holdfast_node_num_channels${pattern}`)).toBe(1);
    expect(samples.get(`holdfast_node_publications_sent_total${pattern}`)).toBe(1);
    expect(samples.get(`holdfast_node_publications_received_total${pattern}`)).toBe(1);
    expect(samples.get('holdfast_client_num_reply_errors_total{code="102"}')).toBe(1);
    expect(samples.get('holdfast_client_command_duration_seconds_count{method="subscribe"}')).toBe(3);
    expect(samples.get(`holdfast_transport_received_bytes_total${webSockets}`)).toBeGreaterThan(100);
    expect(samples.get(`holdfast_transport_sent_bytes_total${webSockets}`)).toBeGreaterThan(200);
    a.socket.destroy();
    await until(async () => (await read(port, `holdfast_client_connections_left_total${webSockets}`)) === 1);
    expect(await read(port, `holdfast_client_subscriptions_inflight${pattern}`)).toBe(1);
  });

  it("recoveries by outcome, disconnects by code, and limits by option", async () => {
    const { port } = await startApp({ commandsPerSecond: 1, commandBurst: 3 });
    const recover = (client: RawClient, epoch: string) =>
      ask(client, { id: 2, subscribe: { channel: "chat:1", recover: true, epoch, offset: 0 } });
    await recover(await connect(port), "");
    await recover(await connect(port), "another");
    expect(await read(port, 'holdfast_client_recover_total{recovered="true"}')).toBe(1);
    expect(await read(port, 'holdfast_client_recover_total{recovered="false"}')).toBe(1);
    const fast = await connect(port);
    for (let id = 3; id < 10; id++) fast.write(textFrame({ id, publish: { channel: "chat:1", data: 1 } }));
    await until(
      async () => ((await read(port, 'holdfast_node_limits_hit_total{limit="commandsPerSecond"}')) ?? 0) > 0,
    );
    fast.write(textFrame({ id: 20, connect: {} }));
    await until(
      async () =>
        (await scrape(port)).text.match(
          /holdfast_client_num_server_disconnects_total\{code="3\d\d\d"\} 1/,
        ) !== null,
    );
  });

  it("closes of WebSockets by code: of the engine, of the client, and without a handshake", async () => {
    const { port } = await startApp();
    const closesOf = (code: number) =>
      read(port, `holdfast_transport_websocket_closes_total{code="${code}"}`);
    // RFC 6455 §5.1: a client must mask its frames.
    (await connect(port)).socket.write(Buffer.from([0x81, 0x00]));
    await until(async () => (await closesOf(1002)) === 1);
    // Masked, with code 1001.
    (await connect(port)).socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]));
    await until(async () => (await closesOf(1001)) === 1);
    (await connect(port)).socket.destroy();
    await until(async () => (await closesOf(1006)) === 1);
  });

  it("writes of the store, and what it holds", async () => {
    const data = mkdtempSync(join(tmpdir(), "holdfast-metrics-"));
    onTestFinished(() => rmSync(data, { recursive: true, force: true }));
    const { port, server } = await startApp({ data });
    await server.publish("chat:1", { text: "hello" });
    expect(await read(port, "holdfast_store_commits_publications_total")).toBe(1);
    expect(await read(port, "holdfast_store_commit_duration_seconds_count")).toBe(1);
    await until(async () => (await read(port, "holdfast_store_logs")) === 1);
  });
});

describe("labels", () => {
  it("of channels and methods that do not exist come from no client", async () => {
    const { port } = await startApp();
    const client = await connect(port);
    for (let i = 0; i < 300; i++) {
      await ask(client, { id: 3 * i + 2, subscribe: { channel: `flood:${i}` } });
      await ask(client, { id: 3 * i + 3, publish: { channel: `flood:${i}`, data: 1 } });
      await ask(client, { id: 3 * i + 4, rpc: { method: `flood${i}`, data: 1 } });
    }
    await ask(client, { id: 2000, subscribe: { channel: "chat:a-name-of-a-channel" } });
    await fetch(`http://127.0.0.1:${port}/api/flood-method`, {
      method: "POST",
      headers: withKey,
      body: "{}",
    });
    const { text } = await scrape(port);
    expect(text).not.toMatch(/flood|a-name-of-a-channel/);
    const [, ...patterns] = text.split('channel_pattern="').map((part) => part.slice(0, part.indexOf('"')));
    expect(new Set(patterns)).toEqual(new Set(["chat:{room}"]));
  });
});

describe("on the server's own port", () => {
  it("a scrape needs a key of any scope, as X-API-Key or as Prometheus' authorization of type ApiKey", async () => {
    const reader = "a-key-that-may-read";
    const { port } = await startApp({ apiKeys: [{ key: reader, scope: "read" }] });
    expect(await scrape(port, {})).toMatchObject({ status: 401, text: expect.stringContaining("X-API-Key") });
    expect(await scrape(port, { "X-API-Key": "another-key-entirely" })).toMatchObject({ status: 401 });
    expect(await scrape(port, { Authorization: `Bearer ${reader}` })).toMatchObject({ status: 401 });
    expect(await scrape(port, { "X-API-Key": reader })).toMatchObject({ status: 200 });
    expect(await scrape(port, { Authorization: `ApiKey ${reader}` })).toMatchObject({ status: 200 });
  });

  it("a server without keys says how to read metrics", async () => {
    const { port } = await startServer();
    const { status, text } = await scrape(port, {});
    expect([status, text]).toEqual([
      401,
      expect.stringMatching(/set apiKeys .* or .* adminPort \(--admin-port\)/),
    ]);
  });

  it("a server that is part of another one leaves the path to it, unless it has keys", async () => {
    const answers = async (apiKeys: readonly string[]) => {
      const part = createServer(app, { apiKeys, audit: false });
      const http = createHttp((request, response) =>
        part.handler(request, response, () => response.end("its own metrics")),
      );
      await part.attach(http);
      http.listen(0, "127.0.0.1");
      await once(http, "listening");
      onTestFinished(async () => {
        http.closeAllConnections();
        http.close();
        await part.close();
      });
      return await scrape((http.address() as AddressInfo).port, withKey);
    };
    expect((await answers([])).text).toBe("its own metrics");
    expect((await answers([key])).text).toContain("holdfast_node_build");
  });
});

describe("on a port of its own (adminPort)", () => {
  function request(port: number, path: string, headers: Record<string, string> = {}, method = "GET") {
    return new Promise<number | undefined>((resolve, reject) => {
      const onAnswer = (answer: IncomingMessage) => {
        answer.resume();
        resolve(answer.statusCode);
      };
      get({ host: "127.0.0.1", port, path, headers, method, agent: false }, onAnswer).on("error", reject);
    });
  }

  it("a scrape needs no key, and pages and foreign names are refused", async () => {
    const adminPort = await findFreePort();
    const { server } = await startApp({ adminPort });
    expect(await scrape(adminPort, {})).toMatchObject({
      status: 200,
      text: expect.stringContaining("holdfast_node_build"),
    });
    expect(await request(adminPort, "/health")).toBe(200);
    expect(await request(adminPort, "/")).toBe(404);
    expect(await request(adminPort, "/api/info", withKey, "POST")).toBe(404);
    expect(await request(adminPort, "/metrics", {}, "POST")).toBe(405);
    expect(await request(adminPort, "/metrics", {}, "HEAD")).toBe(200);
    expect(await request(adminPort, "/metrics", { host: "evil.example" })).toBe(403);
    expect(await request(adminPort, "/metrics", { origin: "https://evil.example" })).toBe(403);
    await server.close();
    await expect(scrape(adminPort, {})).rejects.toThrow();
  });

  it("that is in use is an error that names the option, and leaves nothing open", async () => {
    const { port: used } = await startApp();
    const second = createServer(app, { port: 0, adminPort: used });
    await expect(second.listen()).rejects.toThrow(/adminPort/);
    await second.close();
  });
});

it("a program reads the same text by server.metrics()", async () => {
  const { server } = await startApp();
  expect(parseExposition(await server.metrics()).get("holdfast_node_build")?.type).toBe("gauge");
});
