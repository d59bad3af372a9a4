/**
 * Published versions of the SDK for JavaScript: what each does over each transport, in each encoding. The table in
 * docs/reference/sdks.md is what this finds; HOLDFAST_WRITE_TABLE=1 writes it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { EventSource } from "undici";
import { expect, it, onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { channel, defineApp, rpc } from "../../packages/holdfast/src/index.js";
import { withoutLocalStorage } from "../../packages/holdfast/src/without-local-storage.js";
import { type Answer, startApp } from "../../packages/holdfast/test/support/app-server.js";
import { loadSdk, type Sdk } from "../../packages/holdfast/test/support/sdk-versions.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const versions = [
  ["5.0.2", "centrifuge-5.0.2"],
  ["5.1.1", "centrifuge-5.1.1"],
  ["5.2.2", "centrifuge-5.2.2"],
  ["5.3.5", "centrifuge-5.3.5"],
  ["5.7.4", "centrifuge-5.7.4"],
  ["5.8.0", "centrifuge"],
] as const;
const ways = [
  ["websocket", "json"],
  ["websocket", "protobuf"],
  ["http_stream", "json"],
  ["http_stream", "protobuf"],
  ["sse", "json"],
] as const;

const allow = { subscribe: "all", publish: "all", presence: "all", history: "all" } as const;
const app = defineApp({
  channels: {
    "news:{way}": channel({ allow, presence: true, delta: true }),
    "bytes:{way}": channel({ allow, payload: "binary" }),
    "objects:{way}": channel({ allow, kind: "map" }),
    "poll:{way}": channel({
      allow: { subscribe: "all" },
      poll: (keys) => keys.map((key) => ({ key, data: key, version: 1 })),
    }),
  },
  rpc: { double: rpc({ handler: ({ data }) => Number(data) * 2 }) },
});

type Running = Awaited<ReturnType<typeof startApp<typeof app>>>;

interface Run {
  readonly client: Answer;
  readonly sdk: Sdk;
  readonly server: Running["server"];
  readonly way: string;
}

async function subscribe(subscription: Answer): Promise<Answer[]> {
  const received: Answer[] = [];
  for (const event of ["publication", "update"])
    subscription.on(event, (each: Answer) => received.push(each));
  subscription.subscribe();
  await subscription.ready(5000);
  return received;
}

/** Each rejects if it does not work, and gives false if the SDK has no such thing. */
const features: Readonly<Record<string, (run: Run) => Promise<unknown>>> = {
  async subscribe({ client, server, sdk, way }) {
    const received = await subscribe(client.newSubscription(`news:${way}`));
    await server.publish(`news:${way}`, { n: 1 });
    await until(() => received.length === 1);
    expect(sdk.decode(received[0].data)).toEqual({ n: 1 });
  },
  async publish({ client, sdk, way }) {
    await client.getSubscription(`news:${way}`).publish(sdk.encode({ n: 2 }));
  },
  async history({ client, way }) {
    const { publications } = await client.getSubscription(`news:${way}`).history({ limit: 10 });
    expect(publications).toHaveLength(2);
  },
  async presence({ client, way }) {
    const { clients } = await client.getSubscription(`news:${way}`).presence();
    expect(Object.keys(clients)).toHaveLength(1);
  },
  async recovery({ client, server, way, sdk }) {
    const subscription = client.getSubscription(`news:${way}`);
    const received: Answer[] = [];
    subscription.on("publication", ({ data }: Answer) => received.push(sdk.decode(data)));
    const again = new Promise<Answer>((resolve) => subscription.once("subscribed", resolve));
    client.disconnect();
    await server.publish(`news:${way}`, { n: 3 });
    client.connect();
    expect((await again).recovered).toBe(true);
    await until(() => received.length === 1);
    expect(received).toEqual([{ n: 3 }]);
    subscription.unsubscribe();
    client.removeSubscription(subscription);
  },
  async delta({ client, server, sdk, way }) {
    const name = `news:delta ${way}` as const;
    const subscription = client.newSubscription(name, { delta: "fossil" });
    if (subscription._delta !== "fossil") return false;
    const received = await subscribe(subscription);
    const text = (n: number) => `${"ö".repeat(200)}${n}`;
    for (const n of [1, 2, 3]) await server.publish(name, text(n));
    await until(() => received.length === 3);
    expect(received.map(({ data }) => sdk.decode(data))).toEqual([1, 2, 3].map(text));
    return true;
  },
  async map({ client, server, sdk, way }) {
    if (client.newMapSubscription === undefined) return false;
    const received = await subscribe(client.newMapSubscription(`objects:${way}`));
    await server.publish(`objects:${way}`, 1, { key: "x" });
    await until(() => received.some(({ key }) => key === "x"));
    expect(sdk.decode(received[0].data)).toBe(1);
    return true;
  },
  async "shared poll"({ client, sdk, way }) {
    if (client.newSharedPollSubscription === undefined) return false;
    const subscription = client.newSharedPollSubscription(`poll:${way}`, {
      getSignature: async ({ keys }: { keys: string[] }) => ({ keys, signature: "" }),
    });
    const received = await subscribe(subscription);
    subscription.track([{ key: "x", version: 0 }], "none");
    await until(() => received.some(({ key }) => key === "x"));
    expect(sdk.decode(received[0].data)).toBe("x");
    return true;
  },
  async rpc({ client, sdk }) {
    const { data } = await client.rpc("double", sdk.encode(21));
    expect(sdk.decode(data)).toBe(42);
  },
  async binary({ client, sdk, way }) {
    const subscription = client.newSubscription(`bytes:${way}`);
    const received = await subscribe(subscription);
    const bytes = sdk.encoding === "protobuf" ? Uint8Array.of(1, 2, 255) : "AQL/";
    await subscription.publish(bytes);
    await until(() => received.length === 1);
    expect(received[0].data).toEqual(bytes);
  },
};

async function resultOf(feature: (run: Run) => Promise<unknown>, run: Run): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("took too long")), 20_000);
  });
  try {
    return (await Promise.race([feature(run), tooLong])) === false ? "–" : "yes";
  } catch (error) {
    return `no: ${error instanceof Error ? error.message : JSON.stringify(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

const rows: string[] = [];

it.each(versions)(
  "SDK %s does what it can over every transport, in every encoding",
  async (version, name) => {
    const { server, http, errors } = await startApp(app);
    for (const [transport, encoding] of ways) {
      const sdk = await loadSdk(name, encoding);
      const base = transport === "websocket" ? http.replace("http:", "ws:") : http;
      const endpoint = [{ transport, endpoint: `${base}/connection/${transport}` }];
      const options = {
        websocket: WsWebSocket,
        eventsource: EventSource,
        emulationEndpoint: `${http}/emulation`,
      };
      const client = withoutLocalStorage(() => new sdk.Client(endpoint, options));
      onTestFinished(() => client.disconnect());
      client.connect();
      await client.ready(20_000);
      const run: Run = { client, sdk, server, way: `${transport} ${encoding}` };
      const results: string[] = [];
      for (const feature of Object.values(features)) results.push(await resultOf(feature, run));
      rows.push(
        `| ${[version, transport, encoding === "json" ? "JSON" : "Protobuf", ...results].join(" | ")} |`,
      );
      client.disconnect();
    }
    expect(rows.filter((row) => row.includes("no:"))).toEqual([]);
    expect(errors).toEqual([]);
  },
);

it("is what docs/reference/sdks.md says", () => {
  const file = new URL("../../docs/reference/sdks.md", import.meta.url);
  const head = ["SDK", "transport", "encoding", ...Object.keys(features)];
  const table = [`| ${head.join(" | ")} |`, `|${"---|".repeat(head.length)}`, ...rows].join("\n");
  const text = readFileSync(file, "utf8");
  const [begin, end] = ["<!-- sdk-table -->", "<!-- /sdk-table -->"];
  const written = `${text.slice(0, text.indexOf(begin))}${begin}\n${table}\n${text.slice(text.indexOf(end))}`;
  if (process.env.HOLDFAST_WRITE_TABLE) writeFileSync(file, written);
  expect(readFileSync(file, "utf8")).toBe(written);
});
