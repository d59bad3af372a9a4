import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { examineBroker } from "../../src/config/examine-broker.js";
import { findFreePort } from "../support/free-port.js";
import { noNatsReason, startNatsServers } from "../support/nats-servers.js";
import { noRedisReason, RedisServer } from "../support/redis-server.js";
import { loadYaml } from "./config-folder.js";

async function examine(broker: string, { isConnecting = false, channel = "" } = {}) {
  const yaml = `broker: "${broker}"\nchannels: { a: { ${channel} } }`;
  return examineBroker(await loadYaml(yaml), isConnecting);
}

/** Findings as `severity id`. */
async function idsOf(...given: Parameters<typeof examine>): Promise<string[]> {
  return (await examine(...given)).map(({ severity, id }) => `${severity} ${id}`);
}

describe("holdfast doctor on a broker's options", () => {
  it.each([
    ["redis://:secret@127.0.0.1", []],
    ["redis://127.0.0.1", ["note broker-no-authentication"]],
    ["redis://redis.example", ["warning broker-plain-text", "warning broker-no-authentication"]],
    ["redis-sentinel://:secret@127.0.0.1,b.example/main", ["warning broker-plain-text"]],
    ["rediss://:secret@redis.example", []],
    ["tls://token@a.example,b.example?replicas=3", ["note broker-data-loss"]],
    ["tls://token@a.example", ["warning broker-data-loss", "note broker-data-loss"]],
    ["nats://a:b@a.example?replicas=3", ["note broker-data-loss", "warning broker-plain-text"]],
    ["nats://[::1]?replicas=3", ["note broker-data-loss", "note broker-no-authentication"]],
    ["lmdb://./data", []],
  ])("%s: %j", async (url, expected) => {
    expect(await idsOf(url)).toEqual(expected);
  });

  it.each(["kind: map", "durability: disk"])("refuses %s on NATS", async (channel) => {
    const ids = await idsOf("tls://token@a.example?replicas=3", { channel });
    expect(ids).toEqual(["error broker-unsuitable", "note broker-data-loss"]);
  });

  it("names what is wrong with a URL", async () => {
    const [finding] = await examine("redis://127.0.0.1?prefx=a");
    expect(finding).toMatchObject({ id: "not-accepted", message: expect.stringContaining("prefx") });
  });

  it.each(["redis", "nats"])("finds that nothing answers at %s://", async (scheme) => {
    const port = await findFreePort();
    const findings = await examine(`${scheme}://a:b@127.0.0.1:${port}`, { isConnecting: true });
    expect(findings[0]).toMatchObject({ severity: "error", id: "broker-unreachable" });
    expect(findings[0]?.message).toContain(String(port));
  });
});

describe.skipIf(noRedisReason)(`holdfast doctor on a Redis server (${noRedisReason ?? "found"})`, () => {
  it("reports each setting that may lose publications, until it is corrected", async () => {
    const server = await RedisServer.start(["--requirepass", "secret"]);
    onTestFinished(() => server.stop());
    const admin = new Redis({ port: server.port, password: "secret" });
    onTestFinished(() => admin.disconnect());
    const url = server.url.replace("//", "//:secret@");
    const disk = { isConnecting: true, channel: "durability: disk" };

    expect((await examine(server.url, disk))[0]).toMatchObject({
      id: "broker-unreachable",
      message: expect.stringContaining("check user and password"),
    });
    const findings = await examine(url, disk);
    expect(findings.map(({ severity, id }) => `${severity} ${id}`)).toEqual([
      "error broker-unsuitable",
      "warning broker-data-loss",
      "note broker-data-loss",
    ]);
    expect(findings[0]?.message).toContain("appendonly no");
    expect(findings[1]?.message).toContain("append-only file");
    expect(findings[2]?.message).toContain("maxmemory");

    await admin.config("SET", "appendonly", "yes");
    await admin.config("SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lru");
    expect((await examine(url, disk))[0]?.message).toContain("evicts keys");
    expect(await idsOf(`${url}?allowEviction=true`, { isConnecting: true })).toEqual([
      "warning broker-data-loss",
    ]);

    await admin.config("SET", "maxmemory-policy", "noeviction");
    expect((await examine(url, disk))[0]?.message).toContain("appendfsync everysec");
    await admin.config("SET", "appendfsync", "always");
    expect(await examine(url, disk)).toEqual([]);
    expect(await admin.dbsize()).toBe(0);
  });
});

describe.skipIf(noNatsReason)(`holdfast doctor on a NATS server (${noNatsReason ?? "found"})`, () => {
  it("reports wrong credentials, streams with other limits, and makes no stream itself", async () => {
    const servers = await startNatsServers(1, ['authorization { user: "app", password: "secret" }']);
    onTestFinished(() => servers.stop());
    const connected = { isConnecting: true };
    const url = (more = "") => `nats://app:secret@${servers.addresses}?streams=1${more}`;

    expect((await examine(url().replace("secret", "wrong"), connected))[0]).toMatchObject({
      id: "broker-unreachable",
      message: expect.stringContaining("are wrong"),
    });
    const usual = ["warning broker-data-loss", "note broker-data-loss"];
    expect(await idsOf(url(), connected)).toEqual(usual);

    const { connect } = await import("@nats-io/transport-node");
    const client = await connect({ servers: servers.addresses, user: "app", pass: "secret" });
    onTestFinished(() => client.close());
    const call = async (api: string, body: object) =>
      (await client.request(`$JS.API.${api}`, JSON.stringify(body))).json<{ error?: { code: number } }>();
    expect((await call("STREAM.INFO.holdfast_log_0", {})).error?.code).toBe(404);
    await call("STREAM.CREATE.holdfast_log_0", { name: "holdfast_log_0", subjects: ["other.>"] });
    expect((await examine(url(), connected))[0]).toMatchObject({
      id: "broker-unsuitable",
      message: expect.stringContaining("was not made by Holdfast"),
    });
  });
});
