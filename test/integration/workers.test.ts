/** `holdfast serve --workers`: several processes on one port, without sticky sessions. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import type { Centrifuge } from "centrifuge";
import { EventSource } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { countTo } from "../../packages/holdfast/test/channels/support/entries.js";
import { CliRun, runCli, type ServerRun, serve } from "../../packages/holdfast/test/cli/run-cli.js";
import { type Family, parseExposition } from "../../packages/holdfast/test/observe/support/exposition.js";
import { createSdk, secret, tokenOf } from "../../packages/holdfast/test/support/app-server.js";
import { endWithTest } from "../../packages/holdfast/test/support/child-process.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";
import { certFile, keyFile } from "../../packages/holdfast/test/support/tls.js";

const root = join(import.meta.dirname, "../..");
const apiKey = "a-key-for-tests-only";
const serveWorkers = (...args: string[]) => serve("--workers", "2", "--api-keys", apiKey, ...args);

type Kind = "websocket" | "http_stream" | "sse";

async function connect({ url }: ServerRun, kind: Kind): Promise<Centrifuge> {
  const address = kind === "websocket" ? url.replace("http", "ws") : url;
  const client = createSdk([{ transport: kind, endpoint: `${address}/connection/${kind}` }], {
    emulationEndpoint: `${url}/emulation`,
    eventsource: EventSource,
    websocket: WebSocket,
  });
  onTestFinished(() => client.disconnect());
  client.connect();
  await client.ready(10_000);
  return client;
}

async function callApi<T>({ url }: ServerRun, method: string, params: object = {}): Promise<T> {
  const answer = await fetch(`${url}/api/${method}`, {
    method: "POST",
    headers: { "X-API-Key": apiKey },
    body: JSON.stringify(params),
  });
  return ((await answer.json()) as { result: T }).result;
}

async function pidsOf(server: ServerRun): Promise<readonly number[]> {
  const { nodes } = await callApi<{ nodes: { name: string }[] }>(server, "info");
  return nodes.map(({ name }) => Number(name.split(":").at(-1)));
}

describe("workers", () => {
  it.each<Kind>(["websocket", "http_stream", "sse"])(
    "serve clients over %s, whichever worker their requests reach",
    async (kind) => {
      const server = await serveWorkers();
      await until(async () => (await pidsOf(server)).length === 2);
      const clients = await Promise.all(countTo(6).map(() => connect(server, kind)));
      const got = clients.map(() => [] as number[]);
      const subscriptions = await Promise.all(
        clients.map(async (client, i) => {
          const subscription = client.newSubscription("news");
          subscription.on("publication", ({ offset = 0 }) => got[i]?.push(offset));
          subscription.subscribe();
          await subscription.ready(10_000);
          return subscription;
        }),
      );
      for (const subscription of subscriptions) await subscription.publish({ n: 1 });
      await until(() => got.every((offsets) => offsets.length === 6));
      for (const offsets of got) expect(offsets).toEqual(countTo(6));
      for (const subscription of subscriptions)
        expect(await subscription.presenceStats()).toMatchObject({ numClients: 6 });
    },
  );

  it("answer a scrape of any of them with what all count", async () => {
    const adminPort = await findFreePort();
    const server = await serveWorkers("--admin-port", String(adminPort));
    await until(async () => (await pidsOf(server)).length === 2);
    const pids = [...(await pidsOf(server))].map(String).sort();
    await Promise.all(countTo(6).map(() => connect(server, "websocket")));
    const places = [`http://127.0.0.1:${adminPort}/metrics`, `${server.url}/metrics`];
    for (const place of [...places, ...places]) {
      const answer = await fetch(place, { headers: { "X-API-Key": apiKey, Connection: "close" } });
      const { samples } = parseExposition(await answer.text()).get(
        "holdfast_client_connections_inflight",
      ) as Family;
      const workers = [...samples.keys()].map((sample) => /worker="(\d+)"/.exec(sample)?.[1]);
      for (const worker of workers) expect(pids).toContain(worker);
      expect([...samples.values()].reduce((sum, value) => sum + value, 0)).toBe(6);
    }
  });

  it("that die are started again, and clients of the others stay", async () => {
    const server = await serveWorkers();
    await until(async () => (await pidsOf(server)).length === 2);
    const before = await pidsOf(server);
    const clients = await Promise.all(countTo(6).map(() => connect(server, "websocket")));
    let lost = 0;
    for (const client of clients) client.on("connecting", () => lost++);
    process.kill(before[0] as number, "SIGKILL");
    await until(() => /another one is started/.test(server.run.err));
    await until(async () => {
      const now = await pidsOf(server);
      return now.length === 2 && !now.includes(before[0] as number);
    });
    await Promise.all(clients.map((client) => client.ready(10_000)));
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThan(6);
    expect(await callApi(server, "publish", { channel: "news", data: 1 })).toMatchObject({ offset: 1 });
  });

  it("count connections together", async () => {
    const server = await serveWorkers("--max-connections", "3");
    await until(async () => (await pidsOf(server)).length === 2);
    const clients = countTo(8).map(() =>
      createSdk(`${server.url.replace("http", "ws")}/connection/websocket`),
    );
    for (const client of clients) client.connect();
    const connected = () => clients.filter(({ state }) => state === "connected").length;
    await until(() => connected() === 3);
    for (const client of clients) if (client.state !== "connected") client.disconnect();
    await until(async () => {
      const { nodes } = await callApi<{ nodes: { num_clients: number }[] }>(server, "info");
      return nodes.reduce((sum, { num_clients }) => sum + num_clients, 0) === 3;
    });
    expect(connected()).toBe(3);
  });

  it("count the connections of a user together", async () => {
    const config = join(makeFolder(), "holdfast.json");
    writeFileSync(config, JSON.stringify({ authenticate: { jwt: { secret } }, channels: { news: {} } }));
    const server = await serveWorkers("--config", config, "--max-user-connections", "3");
    await until(async () => (await pidsOf(server)).length === 2);
    const token = tokenOf({ sub: "ann" });
    const url = `${server.url.replace("http", "ws")}/connection/websocket`;
    const clients = countTo(8).map(() => createSdk(url, { token }));
    const codes: number[] = [];
    for (const client of clients) {
      client.on("disconnected", ({ code }) => codes.push(code));
      client.connect();
    }
    const connected = () => clients.filter(({ state }) => state === "connected");
    await until(() => connected().length + codes.length === 8);
    expect(codes).toEqual([3504, 3504, 3504, 3504, 3504]);
    const [first] = connected();
    first?.disconnect();
    const another = createSdk(url, { token });
    await until(() => {
      if (another.state === "disconnected") another.connect();
      return another.state === "connected";
    });
  });

  it("end together by a signal, and tell their clients", async () => {
    const server = await serveWorkers();
    const clients = await Promise.all(countTo(4).map(() => connect(server, "websocket")));
    const codes: number[] = [];
    for (const client of clients) client.on("connecting", ({ code }) => codes.push(code));
    server.run.kill("SIGTERM");
    expect(await server.run.exit()).toBe(0);
    await until(() => codes.length >= 4);
    expect(codes.slice(0, 4)).toEqual([3001, 3001, 3001, 3001]);
  });

  it("end when the process that started them is killed", async () => {
    const server = await serveWorkers();
    await until(async () => (await pidsOf(server)).length === 2);
    const pids = await pidsOf(server);
    server.run.kill("SIGKILL");
    await server.run.exit();
    await until(() => !pids.some(isRunning));
  });

  it("serve TLS, and Unix sockets", async () => {
    const socket = join(makeFolder(), "holdfast.sock");
    const tls = await serveWorkers("--tls-cert", certFile, "--tls-key", keyFile);
    expect(tls.url).toMatch(/^https:/);
    const unix = new CliRun(["serve", "--workers", "2", "--unix-socket", socket], {
      HOLDFAST_DATA: makeFolder(),
    });
    await unix.untilSaid(/is listening on/);
    const statuses = await Promise.all(countTo(4).map(() => statusOf(socket)));
    expect(statuses).toEqual([200, 200, 200, 200]);
    unix.kill("SIGTERM");
    expect(await unix.exit()).toBe(0);
    expect(unix.err).not.toMatch(/error/i);
  });

  it("of a program's own, such as the example with Express, need no more than the folder", async () => {
    const port = await findFreePort();
    const program = spawn(process.execPath, ["--import", "tsx", "examples/express-cluster/server.ts"], {
      cwd: root,
      env: { ...process.env, PORT: String(port), DATA: makeFolder(), API_KEY: apiKey, WORKERS: "2" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const output of [program.stdout, program.stderr]) output.pipe(process.stderr, { end: false });
    endWithTest(program);
    const server = { run: undefined as never, url: `http://127.0.0.1:${port}`, port };
    await until(() =>
      pidsOf(server).then(
        ({ length }) => length === 2,
        () => false,
      ),
    );
    const clients = await Promise.all(countTo(4).map(() => connect(server, "websocket")));
    const got = clients.map(() => [] as unknown[]);
    for (const [i, client] of clients.entries()) {
      const subscription = client.newSubscription("news");
      subscription.on("publication", ({ data }) => got[i]?.push(data));
      subscription.subscribe();
      await subscription.ready(10_000);
    }
    for (const n of countTo(4)) await callApi(server, "publish", { channel: "news", data: n });
    await until(() => got.every(({ length }) => length === 4));
    expect(await callApi(server, "presence_stats", { channel: "news" })).toMatchObject({ num_clients: 4 });
    const pages = await Promise.all(
      countTo(6).map(
        async () => await (await fetch(`${server.url}/hello`, { headers: { connection: "close" } })).text(),
      ),
    );
    expect(new Set(pages).size).toBe(2);
  });

  it("that cannot run end the command with an error", async () => {
    const folder = makeFolder();
    writeFileSync(
      join(folder, "holdfast.config.mjs"),
      `import cluster from "node:cluster";
       if (cluster.isWorker) setTimeout(() => process.exit(3), 300);
       export default { authenticate: "none" };`,
    );
    const { code, err } = await runCli(
      ["serve", "--workers", "2", "--port", "0", "--data", join(folder, "data")],
      { HOLDFAST_CONFIG: join(folder, "holdfast.config.mjs") },
    );
    expect(err).toMatch(/workers cannot run|before it listened/);
    expect(code).toBe(1);
  });

  it.each([
    [["--data", "memory"], "workers need a store that they share"],
    [["--workers", "0"], 'workers must be an integer from 1 to 1024, or "auto", but is "0"'],
    [["--broker", "lmdb:///tmp/store"], "workers need a store that they share"],
  ])("are refused with %j", async (args, message) => {
    const { code, err } = await runCli(["serve", "--workers", "2", "--port", "0", ...args], {
      HOLDFAST_DATA: undefined,
    });
    expect(err).toContain(message);
    expect(code).toBe(2);
  });
});

function makeFolder(): string {
  return createTemporaryFolder("workers");
}

function statusOf(socketPath: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, path: "/health", agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("error", reject);
    request.end();
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
