/** A store that ordinary users have filled, of names, of bytes, and to the end of the disk: what goes on all the same. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Centrifuge } from "centrifuge";
import { describe, expect, it } from "vitest";
import {
  type Answer,
  apiKey,
  connectSdk,
  createSdk,
  inSeconds,
  next,
  secret,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { endWithTest } from "../../packages/holdfast/test/support/child-process.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const script = join(import.meta.dirname, "../../packages/holdfast/test/support/full-server.mjs");
const tokenFor = (user: string) => tokenOf({ sub: user, exp: inSeconds(1000) });

interface Start {
  readonly data: string;
  readonly store: object;
  /** For each file of the process. */
  readonly maxFileKb?: number;
}

async function startServer({ data, store, maxFileKb }: Start) {
  const limit = maxFileKb === undefined ? "" : `ulimit -S -f ${maxFileKb};`;
  const options = JSON.stringify({ data, store, secret, apiKey });
  const child = spawn("bash", ["-c", `${limit} exec "$@"`, "server", process.execPath, script, options], {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  endWithTest(child);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const url = `ws://127.0.0.1:${port}/connection/websocket`;
  const api = async (method: string, params: object): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/${method}`, {
      method: "POST",
      headers: { "X-API-Key": apiKey },
      body: JSON.stringify(params),
    });
    return await response.json();
  };
  const kill = async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return { url, api, kill, connect: (user: string) => connectSdk(url, { token: tokenFor(user) }) };
}

function makeFolder(): string {
  return createTemporaryFolder("full-store");
}

/** Publishes in one new room after the other until it is refused. @returns what it was refused with */
async function fill(client: Centrifuge, prefix: string, characters: number, most: number): Promise<Answer> {
  const data = "x".repeat(characters);
  for (let n = 0; n < most; n++) {
    try {
      await client.publish(`chat:${prefix}-${n}`, data);
    } catch (error) {
      return error;
    }
  }
  throw new Error(`all of ${most} publications were taken`);
}

async function endOf(url: string, user: string): Promise<Answer> {
  const client = createSdk(url, { token: tokenFor(user) });
  const ended = next(client, "disconnected");
  const connected = next(client, "connected");
  client.connect();
  return await Promise.race([ended, connected.then(() => undefined)]);
}

/** That somebody is banned, and stays so over kill -9, while others come in. */
async function expectBanThatHolds(server: Awaited<ReturnType<typeof startServer>>, start: Start) {
  const banned = await server.connect("banned");
  const ended = next(banned, "disconnected");
  expect(await server.api("revoke", { user: "banned" })).toEqual({ result: {} });
  expect(await ended).toMatchObject({ code: 3500 });
  await server.kill();
  const again = await startServer(start);
  expect(await endOf(again.url, "banned")).toMatchObject({ code: 3500 });
  expect(await endOf(again.url, "newcomer")).toBeUndefined();
  return again;
}

describe("store filled by users", () => {
  it("with names: users over their share are refused, others and the server continue, also after a restart", async () => {
    const start = { data: makeFolder(), store: { maxChannels: 100 } };
    let server = await startServer(start);
    for (const isAfterRestart of [false, true]) {
      const mallory = await server.connect("mallory");
      const refusal = await fill(mallory, `m-${isAfterRestart}`, 10, 200);
      expect(refusal).toMatchObject({ code: 111, message: expect.stringMatching(/maxUserPercent/) });
      const bo = await server.connect("bo");
      await bo.publish(`chat:new-${isAfterRestart}`, 1);
      const subscription = bo.newSubscription(`chat:quiet-${isAfterRestart}`);
      subscription.subscribe();
      await subscription.ready(5000);
      expect(await server.api("publish", { channel: `chat:api-${isAfterRestart}`, data: 1 })).toMatchObject({
        result: { offset: 1 },
      });
      if (isAfterRestart) continue;
      await server.kill();
      server = await startServer(start);
    }
  });

  it("with all available names: new users connect, the server publishes, and a ban is stored", async () => {
    const start = { data: makeFolder(), store: { maxChannels: 100 } };
    const server = await startServer(start);
    for (let n = 0; n < 60; n++) await fill(await server.connect(`user-${n}`), `u${n}`, 10, 200);
    const newcomer = await server.connect("newcomer");
    expect(await fill(newcomer, "n", 10, 200)).toMatchObject({
      message: expect.stringMatching(/maxChannels/),
    });
    expect(await server.api("publish", { channel: "inbox:newcomer", data: 1 })).toMatchObject({
      result: { offset: 1 },
    });
    await expectBanThatHolds(server, start);
  });

  it("with bytes: others and the server continue, and a ban is stored", async () => {
    const start = { data: makeFolder(), store: { maxBytes: 8_000_000, checkpointDelayMs: 5 } };
    const server = await startServer(start);
    const refusal = await fill(await server.connect("mallory"), "m", 30_000, 1000);
    expect(refusal).toMatchObject({ code: 111, message: expect.stringMatching(/maxUserPercent/) });
    await (await server.connect("bo")).publish("chat:new-room", "x".repeat(30_000));
    expect(await server.api("publish", { channel: "chat:by-api", data: 1 })).toMatchObject({
      result: { offset: 1 },
    });
    await expectBanThatHolds(server, start);
  });

  it("to the end of the disk: a ban is stored", async () => {
    const start = { data: makeFolder(), store: { checkpointDelayMs: 5 }, maxFileKb: 9000 };
    const server = await startServer(start);
    const refusal = await fill(await server.connect("mallory"), "m", 30_000, 3000);
    expect(refusal).toMatchObject({ code: 111 });
    await expectBanThatHolds(server, { data: start.data, store: start.store });
  });
});
