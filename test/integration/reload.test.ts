/** A server is replaced by another process while its clients stay connected. */
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Centrifuge } from "centrifuge";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { countTo } from "../../packages/holdfast/test/channels/support/entries.js";
import { runCli, type ServerRun, serve } from "../../packages/holdfast/test/cli/run-cli.js";
import { createSdk } from "../../packages/holdfast/test/support/app-server.js";
import { clientFrame, RawClient, textFrame, until } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";
import { certFile, keyFile } from "../../packages/holdfast/test/support/tls.js";

const apiKey = "a-key-for-tests-only";
const unlimited = [
  "--max-address-connections",
  "--address-connections-per-second",
  "--max-address-handshakes",
];
const flags = [
  "--api-keys",
  apiKey,
  ...unlimited.flatMap((flag) => [flag, "none"]),
  "--shed-above-lag-ms",
  "none",
];

async function publish(
  { url }: ServerRun,
  channel: string,
  data: unknown,
  options: object = {},
): Promise<number> {
  const answer = await fetch(`${url}/api/publish`, {
    method: "POST",
    headers: { "X-API-Key": apiKey },
    body: JSON.stringify({ channel, data, ...options }),
  });
  const { result } = (await answer.json()) as { result: { offset: number } };
  return result.offset;
}

/** A subscriber without an SDK, which comes back never. */
class Subscriber {
  readonly offsets: number[] = [];
  /** Clients that were said to join, and to leave. */
  readonly joins: string[] = [];
  readonly leaves: string[] = [];
  readonly socket: WebSocket;
  replies = 0;
  closed: string | undefined;
  isReady = false;

  constructor({ url }: ServerRun, subscribe: object, options: { readonly perMessageDeflate?: boolean } = {}) {
    this.socket = new WebSocket(`${url.replace("http", "ws")}/connection/websocket`, options);
    onTestFinished(() => this.socket.terminate());
    this.socket.on("open", () => this.send({ id: 1, connect: {} }, { id: 2, subscribe }));
    this.socket.on("message", (frame) => {
      for (const line of String(frame).split("\n")) this.#receive(JSON.parse(line));
    });
    this.socket.on("close", (code, reason) => {
      this.closed = `${code} ${reason}`;
    });
    this.socket.on("error", () => {});
  }

  send(...commands: readonly object[]): void {
    this.socket.send(commands.map((command) => JSON.stringify(command)).join("\n"));
  }

  #receive(message: Readonly<Record<string, never>> & { id?: number; push?: Push }): void {
    const { id, push } = message;
    if (id === 2) this.isReady = true;
    else if (id !== undefined) this.replies += id > 2 ? 1 : 0;
    else if (push === undefined) this.send({});
    if (push?.pub) this.offsets.push(push.pub.offset);
    if (push?.join) this.joins.push(push.join.info.client);
    if (push?.leave) this.leaves.push(push.leave.info.client);
  }
}

interface Push {
  readonly pub?: { readonly offset: number };
  readonly join?: { readonly info: { readonly client: string } };
  readonly leave?: { readonly info: { readonly client: string } };
}

async function reload({ run }: ServerRun): Promise<string> {
  const before = run.err.length;
  run.kill("SIGHUP");
  const said = () => /the new version runs|not reloaded/.exec(run.err.slice(before));
  await until(() => said() !== null || run.child.exitCode !== null);
  return run.err.slice(before);
}

/** Publishes all the time, until the test ends or `stop`. @param retries whether to try again where the process has died */
function keepPublishing(server: ServerRun, retries = false) {
  let isRunning = true;
  const offsets: number[] = [];
  const run = async () => {
    while (isRunning)
      try {
        const key = { idempotency_key: String(offsets.length) };
        offsets.push(await publish(server, "news", offsets.length, key));
      } catch (error) {
        if (!retries) throw error;
      }
  };
  const running = run();
  onTestFinished(() => {
    isRunning = false;
  });
  return async () => {
    isRunning = false;
    await running;
    return offsets;
  };
}

describe.each([
  ["a server", []],
  ["a server of two workers", ["--workers", "2"]],
])("reload of %s", { timeout: 600_000 }, (_name, workers) => {
  it("keeps clients connected, who miss nothing and get nothing twice", async () => {
    const server = await serve(...flags, ...workers, "--compression");
    const clients = countTo(60).map(
      (i) =>
        new Subscriber(server, { channel: "news", join_leave: true }, { perMessageDeflate: i % 2 === 0 }),
    );
    await until(() => clients.every(({ isReady }) => isReady));
    const sdks: Centrifuge[] = countTo(3).map(() =>
      createSdk(`${server.url.replace("http", "ws")}/connection/websocket`),
    );
    const got = sdks.map(() => [] as number[]);
    let reconnects = 0;
    await Promise.all(
      sdks.map(async (sdk, i) => {
        const subscription = sdk.newSubscription("news");
        subscription.on("publication", ({ offset = 0 }) => got[i]?.push(offset));
        subscription.subscribe();
        sdk.connect();
        await subscription.ready(20_000);
        sdk.on("connecting", () => reconnects++);
      }),
    );
    const stop = keepPublishing(server);
    let asked = 0;
    const asking = setInterval(() => {
      asked++;
      for (const client of clients.slice(0, 5))
        client.send({ id: 2 + asked, presence_stats: { channel: "news" } });
    }, 20);
    onTestFinished(() => clearInterval(asking));
    for (const _ of countTo(3)) expect(await reload(server)).toMatch(/the new version runs/);
    const published = await stop();
    clearInterval(asking);
    expect(published).toEqual(countTo(published.length));
    await until(() => clients.every(({ offsets }) => offsets.length >= published.length));
    for (const { offsets } of clients) expect(offsets).toEqual(published);
    for (const offsets of got) expect(offsets).toEqual(published);
    await until(() => clients.slice(0, 5).every(({ replies }) => replies >= asked));
    for (const { replies } of clients.slice(0, 5)) expect(replies).toBe(asked);
    expect(clients.map(({ closed }) => closed)).toEqual(clients.map(() => undefined));
    expect(clients.flatMap(({ leaves }) => leaves)).toEqual([]);
    for (const { joins } of clients) expect(new Set(joins).size).toBe(joins.length);
    expect(reconnects).toBe(0);
    server.run.kill("SIGTERM");
    expect(await server.run.exit()).toBe(0);
  });
});

/** Processes that this one has started. Linux only. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

function countSockets(pid: number): number {
  const files = readdirSync(`/proc/${pid}/fd`);
  const isSocket = (file: string) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${file}`).startsWith("socket:");
    } catch {
      return false;
    }
  };
  return files.filter(isSocket).length;
}

describe.skipIf(process.platform !== "linux")(
  "reload whose new version is killed while it takes clients over",
  () => {
    it("leaves the others where they are; those that it had come back, and nobody misses anything", async () => {
      const server = await serve(...flags, "--data", createTemporaryFolder("reload"));
      const clients = countTo(200).map(() => new Subscriber(server, { channel: "news" }));
      await until(() => clients.every(({ isReady }) => isReady));
      const got = countTo(20).map(() => [] as number[]);
      await Promise.all(
        got.map(async (offsets) => {
          const sdk = createSdk(`${server.url.replace("http", "ws")}/connection/websocket`);
          const subscription = sdk.newSubscription("news");
          subscription.on("publication", ({ offset = 0 }) => offsets.push(offset));
          subscription.subscribe();
          sdk.connect();
          await subscription.ready(20_000);
        }),
      );
      const stop = keepPublishing(server, true);
      const pid = server.run.child.pid ?? 0;
      const before = new Set(childrenOf(pid));
      const said = server.run.err.length;
      server.run.kill("SIGUSR2");
      let successor = 0;
      await until(() => {
        successor = childrenOf(pid).find((child) => !before.has(child)) ?? 0;
        return successor > 0;
      });
      // It has all of its parent's, until it runs its own program.
      await until(() => countSockets(successor) < 20);
      await until(() => countSockets(successor) > 30);
      process.kill(successor, "SIGKILL");
      await until(() => /not reloaded|ended while/.test(server.run.err.slice(said)));
      const published = await stop();
      await until(() => got.every((offsets) => offsets.length >= published.length));
      for (const offsets of got) expect(offsets).toEqual(published);
      await until(() =>
        clients.every(({ offsets, closed }) => closed !== undefined || offsets.length === published.length),
      );
      const left = clients.filter(({ closed }) => closed === undefined);
      expect(left.length).toBeGreaterThan(0);
      expect(left.length).toBeLessThan(clients.length);
      for (const { offsets } of left) expect(offsets).toEqual(published);
      expect(await reload(server)).toMatch(/the new version runs/);
    });
  },
);

describe("reload", () => {
  it("goes on with the version that runs if the new one does not start, and says why", async () => {
    const folder = createTemporaryFolder("reload");
    const config = join(folder, "holdfast.config.json");
    writeFileSync(config, JSON.stringify({ pingIntervalMs: 25_000 }));
    const server = await serve(...flags, "--config", config);
    const client = new Subscriber(server, { channel: "news" });
    await until(() => client.isReady);
    writeFileSync(config, JSON.stringify({ pingIntervalMs: "often" }));
    expect(await reload(server)).toMatch(
      /pingIntervalMs.*\n.*not reloaded: the new version ended with code 2 before it listened/s,
    );
    await publish(server, "news", 1);
    await until(() => client.offsets.length === 1);
    writeFileSync(config, "{}");
    expect(await reload(server)).toMatch(/the new version runs/);
    await publish(server, "news", 2);
    await until(() => client.offsets.length === 2);
    expect(client.closed).toBeUndefined();
  });

  it("is refused where the new version could not share the store", async () => {
    const server = await serve("--data", "memory");
    expect(await reload(server)).toMatch(/not reloaded: .*set data to a folder/);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  it("drains what cannot be given away: a message that does not end", async () => {
    const server = await serve(...flags);
    const raw = await RawClient.upgrade(server.port);
    raw.write(textFrame({ id: 1, connect: {} }));
    await raw.readFrame();
    raw.write(clientFrame(0x1, "x".repeat(100)).subarray(0, 50));
    const client = new Subscriber(server, { channel: "news" });
    await until(() => client.isReady);
    expect(await reload(server)).toMatch(/with 1 connections/);
    expect(await raw.readClose()).toMatchObject({ code: 3001 });
    expect(client.closed).toBeUndefined();
  });

  it("gives a message away that has come and was not handled, and one whose first half has", async () => {
    const server = await serve(...flags);
    const raw = await RawClient.upgrade(server.port);
    raw.write(textFrame({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "news" } }));
    await raw.readFrame();
    const frame = textFrame({ id: 3, presence_stats: { channel: "news" } });
    raw.write(frame.subarray(0, 5));
    const reloaded = reload(server);
    await until(() => /\d/.test(server.run.out));
    raw.write(frame.subarray(5));
    expect(await reloaded).toMatch(/the new version runs/);
    const answers = [(await raw.readFrame()).payload.toString()];
    raw.write(textFrame({ id: 4, presence_stats: { channel: "news" } }));
    while (!answers.join("").includes('"id":4')) answers.push((await raw.readFrame()).payload.toString());
    expect(answers.join("")).toContain('"id":3');
    expect(raw.hasClosed).toBe(false);
  });

  it("is asked for by a command, which finds the server by its store", async () => {
    const data = createTemporaryFolder("reload");
    const server = await serve(...flags, "--data", data);
    const { code, out } = await runCli(["reload", "--data", data]);
    expect([code, out]).toEqual([0, expect.stringMatching(/was told to reload/)]);
    await server.run.untilSaid(/the new version runs/);
    // The process that has the store open is another one now, and passes it on.
    expect((await runCli(["reload", "--data", data])).code).toBe(0);
    await server.run.untilSaid(/the new version runs \(one process\)/);
    const nobody = createTemporaryFolder("reload");
    expect(await runCli(["reload", "--data", nobody])).toMatchObject({ code: 2 });
    // This process does not know what reloading is.
    expect(await runCli(["reload", "--pid", String(process.ppid)])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no server that can be reloaded/),
    });
  });

  it("of certificates alone is what SIGHUP means with TLS", async () => {
    const server = await serve(...flags, "--tls-cert", certFile, "--tls-key", keyFile);
    server.run.kill("SIGHUP");
    await server.run.untilSaid(/certificate and key were reloaded/);
  });
});
