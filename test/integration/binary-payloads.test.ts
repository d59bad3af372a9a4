/** Bytes from end to end: kept as they are by whoever publishes them, and given to each reader in the form that it can read. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Centrifuge as ProtobufCentrifuge } from "centrifuge/build/protobuf";
import { EventSource } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { connect } from "../../packages/client/src/node.js";
import { channel, defineApp, rpc } from "../../packages/holdfast/src/index.js";
import { connectSdk, startApp, subscribeSdk } from "../../packages/holdfast/test/support/app-server.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const all = { subscribe: "all", publish: "all", presence: "all", history: "all" } as const;
const messages: unknown[] = [];
const app = defineApp({
  channels: {
    "bytes:{name}": channel<Uint8Array>({ allow: all, payload: "binary" }),
    "objects:{name}": channel<Uint8Array>({ allow: all, payload: "binary", kind: "map" }),
    "turned:{name}": channel({
      allow: all,
      payload: "binary",
      publish: ({ data }: { data: Uint8Array }) => Uint8Array.from(data).reverse(),
    }),
    "text:{name}": channel({ allow: all }),
  },
  rpc: {
    reverse: rpc({
      payload: "binary",
      allow: "all",
      handler: ({ data }) => Uint8Array.from(data as Uint8Array).reverse(),
    }),
    add: rpc({ allow: "all", handler: ({ data }) => Number(data) + 1 }),
  },
  onMessage: ({ data }) => messages.push(data),
});

const payloads = {
  "bytes:{name}": "binary",
  "objects:{name}": "binary",
  "turned:{name}": "binary",
} as const;

/** No UTF-8, and what looks like JSON. */
const samples = [
  Uint8Array.from({ length: 256 }, (_, i) => 255 - i),
  new TextEncoder().encode(' {"a": 1}\n'),
  Uint8Array.of(0),
];
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

async function connectProtobuf(url: string): Promise<ProtobufCentrifuge> {
  const client = new ProtobufCentrifuge(url, { websocket: WsWebSocket, minReconnectDelay: 20 });
  onTestFinished(() => client.disconnect());
  client.connect();
  await client.ready(5000);
  return client;
}

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bytes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe.each([
  ["in memory", () => null],
  ["on disk", createFolder],
])("channel of bytes, %s", (_name, createData) => {
  it("has from every publisher the same bytes for every reader", async () => {
    const { url, http, server, api, errors } = await startApp(app, { data: createData() });
    const [binary, json] = [await connectProtobuf(url), await connectSdk(url)];
    const seen: Uint8Array[] = [];
    const texts: unknown[] = [];
    const reader = binary.newSubscription("bytes:a");
    reader.on("publication", ({ data }) => seen.push(data));
    reader.subscribe();
    await reader.ready(5000);
    (await subscribeSdk(json, "bytes:a")).on("publication", ({ data }) => texts.push(data));
    const expected: Uint8Array[] = [];
    for (const bytes of samples) {
      await binary.publish("bytes:a", bytes);
      await json.publish("bytes:a", base64(bytes));
      await server.publish("bytes:a", bytes);
      await api("publish", { channel: "bytes:a", b64data: base64(bytes) });
      await fetch(`${http}/channels/bytes:a`, {
        method: "POST",
        headers: { "Content-Type": "application/octet-stream" },
        body: Buffer.from(bytes),
      });
      expected.push(bytes, bytes, bytes, bytes, bytes);
    }
    await until(() => seen.length === expected.length && texts.length === expected.length);
    expect(seen.map(base64)).toEqual(expected.map(base64));
    expect(texts).toEqual(expected.map(base64));
    const kept = await binary.history("bytes:a", { limit: -1 });
    expect(kept.publications.map(({ data }) => base64(data))).toEqual(expected.map(base64));
    const { publications } = await server.history("bytes:a");
    expect(publications.map(({ data }) => base64(data))).toEqual(expected.map(base64));
    const answer = (await (await fetch(`${http}/channels/bytes:a`)).json()) as {
      publications: { data: string }[];
    };
    expect(answer.publications.map(({ data }) => data)).toEqual(expected.map(base64));
    expect(errors).toEqual([]);
  });
});

describe.each(["http_stream", "sse"] as const)("typed client over WebSocket, and an SDK over %s", (way) => {
  it("publish and read the same bytes", async () => {
    const { http, errors } = await startApp(app);
    const stream = await connectSdk([{ transport: way, endpoint: `${http}/connection/${way}` }], {
      emulationEndpoint: `${http}/emulation`,
      eventsource: EventSource,
    });
    const texts: unknown[] = [];
    (await subscribeSdk(stream, "bytes:a")).on("publication", ({ data }) => texts.push(data));
    const faults: unknown[] = [];
    const client = connect<typeof app>(http, { payloads, onError: (error) => faults.push(error) });
    onTestFinished(() => client.close());
    const channel = client.channel("bytes:{name}", { name: "a" });
    const seen: Uint8Array[] = [];
    channel.subscribe(({ data }) => seen.push(data));
    await until(() => channel.status.state === "subscribed");
    const expected: Uint8Array[] = [];
    for (const bytes of samples) {
      await channel.publish(bytes);
      await stream.publish("bytes:a", base64(bytes));
      expected.push(bytes, bytes);
    }
    await until(() => seen.length === expected.length && texts.length === expected.length);
    expect(seen).toEqual(expected);
    expect(texts).toEqual(expected.map(base64));
    expect((await channel.history()).publications.map(({ data }) => data)).toEqual(expected);
    expect([faults, errors]).toEqual([[], []]);
  });
});

it("typed clients have bytes in maps, and refuse what a channel does not carry", async () => {
  const { http, server } = await startApp(app);
  const client = connect<typeof app>(http, { payloads });
  onTestFinished(() => client.close());
  const map = client.map("objects:{name}", { name: "a" });
  await server.publish("objects:a", Uint8Array.of(1), { key: "first" });
  const changes: unknown[] = [];
  map.subscribe((change) => changes.push(change.kind === "set" ? change.entry.data : change.kind));
  await until(() => map.size === 1);
  await map.set("second", Uint8Array.of(255, 0));
  await map.remove("first");
  await until(() => changes.length === 3);
  expect(changes).toEqual(["reset", Uint8Array.of(255, 0), "remove"]);
  expect(map.entries().map(({ key, data }) => [key, data])).toEqual([["second", Uint8Array.of(255, 0)]]);
  const [text, bytes] = [client.channel("text:{name}", { name: "a" }), client.channel("bytes:a")];
  // What looks like JSON is refused as well.
  await expect(text.publish(Buffer.from("1") as never)).rejects.toThrow(
    'the payload of text:a is "json": data must be JSON, not bytes',
  );
  await expect(bytes.publish("AAAA" as never)).rejects.toThrow(
    'the payload of bytes:a is "binary": data must be a Uint8Array',
  );
  expect((await server.history("text:a")).publications).toEqual([]);
});

it("data that is not what the client was told reaches its onError, and no listener", async () => {
  const { http, server } = await startApp(app);
  const faults: unknown[] = [];
  const client = connect(http, {
    payloads: { "text:{name}": "binary" },
    onError: (error, { stage }) => faults.push(`${stage}: ${error}`),
  });
  onTestFinished(() => client.close());
  const channel = client.channel("text:a");
  const seen: unknown[] = [];
  channel.subscribe(({ data }) => seen.push(data));
  await until(() => channel.status.state === "subscribed");
  await server.publish("text:a", { a: 1 });
  await server.publish("text:a", "AAAA");
  await until(() => seen.length === 1);
  expect(seen).toEqual([new Uint8Array(3)]);
  expect(faults).toEqual([
    expect.stringContaining(
      'reading a publication: HoldfastError: the option payloads says that text:a is "binary"',
    ),
  ]);
  await expect(channel.history()).rejects.toMatchObject({ code: "HF_OPTION_INVALID" });
});

it("maps keep bytes", async () => {
  const { url, server } = await startApp(app);
  const client = await connectProtobuf(url);
  await server.publish("objects:a", samples[0] as Uint8Array, { key: "k" });
  const map = client.newMapSubscription("objects:a");
  const synced = new Promise<{ entries: readonly { key: string; data: Uint8Array }[] }>((resolve) =>
    map.once("sync", resolve),
  );
  map.subscribe();
  expect((await synced).entries.map(({ key, data }) => [key, base64(data)])).toEqual([
    ["k", base64(samples[0] as Uint8Array)],
  ]);
  const updated = new Promise<{ data: Uint8Array }>((resolve) => map.once("update", resolve));
  await map.publish("k", samples[1]);
  expect(base64((await updated).data)).toBe(base64(samples[1] as Uint8Array));
});

it("publish hooks, methods and messages take bytes", async () => {
  const { url, server } = await startApp(app);
  const [binary, json] = [await connectProtobuf(url), await connectSdk(url)];
  await binary.publish("turned:a", Uint8Array.of(1, 2, 3));
  expect((await server.history("turned:a")).publications.map(({ data }) => data)).toEqual([
    Uint8Array.of(3, 2, 1),
  ]);
  expect(base64((await binary.rpc("reverse", Uint8Array.of(1, 2))).data)).toBe(base64(Uint8Array.of(2, 1)));
  expect((await json.rpc("reverse", base64(Uint8Array.of(1, 2)))).data).toBe(base64(Uint8Array.of(2, 1)));
  expect(Buffer.from((await binary.rpc("add", Buffer.from("41"))).data).toString()).toBe("42");
  await binary.send(Uint8Array.of(255));
  await binary.send(Buffer.from('{"a":1}'));
  await until(() => messages.length === 2);
  expect(messages).toEqual([Uint8Array.of(255), { a: 1 }]);
});

it("what a channel does not carry is refused, and the error names its rule", async () => {
  const { url, http, api } = await startApp(app);
  const [binary, json] = [await connectProtobuf(url), await connectSdk(url)];
  await expect(binary.publish("text:a", Uint8Array.of(255))).rejects.toMatchObject({
    code: 107,
    message: expect.stringContaining(`since this channel's payload is "json"`),
  });
  await expect(json.publish("bytes:a", { a: 1 })).rejects.toMatchObject({
    code: 107,
    message: expect.stringContaining(`this channel's payload is "binary"`),
  });
  await expect(binary.rpc("add", Uint8Array.of(255))).rejects.toMatchObject({ code: 107 });
  await expect(json.rpc("reverse", 1)).rejects.toMatchObject({ code: 107 });
  const { body } = await api("publish", { channel: "text:a", b64data: "/w==" });
  expect(body.error).toMatchObject({ code: 107 });
  const refused = await fetch(`${http}/channels/text:a`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: Buffer.of(255),
  });
  expect(refused.status).toBe(400);
  // Text from a client that speaks Protobuf is JSON like any other.
  await binary.publish("text:a", Buffer.from(' { "a": 1.0 } '));
  expect((await json.history("text:a", { limit: 1 })).publications[0]?.data).toEqual({ a: 1 });
});
