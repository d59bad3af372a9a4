/** One server, four clients that know nothing of it: centrifuge, ws, undici, and a socket with lines typed by hand. */
import { Centrifuge, type PublicationContext, type Subscription } from "centrifuge";
import { WebSocket as UndiciWebSocket } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { WebSocket } from "../../packages/holdfast/src/websocket.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { RawClient, startServer, textFrame, until } from "../../packages/holdfast/test/support/server.js";

/** Any class with the interface that browsers give. */
type WebSocketClass = new (
  url: string,
) => {
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  send(text: string): void;
  close(code?: number, reason?: string): void;
};

const implementations: readonly [string, unknown][] = [
  ["ws", WsWebSocket],
  ["undici", UndiciWebSocket],
  ["holdfast/websocket", WebSocket],
];

function createClient(url: string, websocket: unknown, user = "ann"): Centrifuge {
  const client = new Centrifuge(url, { websocket, data: { user, info: { name: user } } });
  onTestFinished(() => client.disconnect());
  client.connect();
  return client;
}

async function subscribed(client: Centrifuge, channel: string, options = {}): Promise<Subscription> {
  const subscription = client.newSubscription(channel, options);
  subscription.subscribe();
  await subscription.ready();
  return subscription;
}

describe.each(implementations)("the centrifuge SDK over %s", (_name, websocket) => {
  it("connects, subscribes, publishes and receives with offsets", async () => {
    const { url } = await startServer();
    const client = createClient(url, websocket);
    const subscription = await subscribed(client, "news");
    const received: PublicationContext[] = [];
    subscription.on("publication", (publication) => received.push(publication));
    await subscription.publish({ text: "héllo €" });
    await subscription.publish("two");
    await until(() => received.length === 2);
    expect(received.map(({ data, offset }) => [data, offset])).toEqual([
      [{ text: "héllo €" }, 1],
      ["two", 2],
    ]);
    expect(received[0]?.info).toMatchObject({ user: "ann", connInfo: { name: "ann" } });
  });

  it("reads history, presence and presence statistics", async () => {
    const { url } = await startServer();
    const ann = createClient(url, websocket);
    const bob = createClient(url, websocket, "bob");
    const subscription = await subscribed(ann, "news");
    await subscribed(bob, "news");
    for (let i = 1; i <= 5; i++) await bob.publish("news", i);
    const forward = await subscription.history({ limit: 2 });
    expect(forward.publications.map(({ data }) => data)).toEqual([1, 2]);
    expect(forward.offset).toBe(5);
    const since = await subscription.history({ limit: -1, since: { epoch: forward.epoch, offset: 3 } });
    expect(since.publications.map(({ data }) => data)).toEqual([4, 5]);
    const reverse = await subscription.history({ limit: 2, reverse: true });
    expect(reverse.publications.map(({ data }) => data)).toEqual([5, 4]);
    const { clients } = await subscription.presence();
    expect(Object.values(clients).map(({ user }) => user)).toEqual(["ann", "bob"]);
    expect(await subscription.presenceStats()).toEqual({ numClients: 2, numUsers: 2 });
  });

  it("receives joins and leaves, its own join first", async () => {
    const { url } = await startServer();
    const ann = createClient(url, websocket);
    const seen: string[] = [];
    const subscription = ann.newSubscription("news", { joinLeave: true });
    subscription.on("join", ({ info }) => seen.push(`+${info.user}`));
    subscription.on("leave", ({ info }) => seen.push(`-${info.user}`));
    subscription.subscribe();
    await subscription.ready();
    const bob = createClient(url, websocket, "bob");
    await subscribed(bob, "news");
    bob.disconnect();
    await until(() => seen.length === 3);
    expect(seen).toEqual(["+ann", "+bob", "-bob"]);
  });

  it("recovers publications missed while it was away", async () => {
    const { url } = await startServer();
    const ann = createClient(url, websocket);
    const bob = createClient(url, websocket, "bob");
    const subscription = await subscribed(ann, "news");
    const received: unknown[] = [];
    subscription.on("publication", ({ data }) => received.push(data));
    await bob.publish("news", 0);
    await until(() => received.length === 1);
    ann.disconnect();
    for (let i = 1; i <= 20; i++) await bob.publish("news", i);
    let recovered: boolean | undefined;
    subscription.on("subscribed", (context) => {
      recovered = context.wasRecovering && context.recovered;
    });
    ann.connect();
    await until(() => received.length === 21);
    expect(received).toEqual(Array.from({ length: 21 }, (_, i) => i));
    expect(recovered).toBe(true);
  });

  it("is told when the server cannot recover", async () => {
    const { url, server, port } = await startServer({ port: await findFreePort() });
    const ann = createClient(url, websocket);
    const subscription = await subscribed(ann, "news");
    await subscription.publish(1);
    await server.close();
    await startServer({ port });
    const context = await new Promise<{ wasRecovering: boolean; recovered: boolean }>((resolve) => {
      subscription.on("subscribed", resolve);
    });
    expect(context).toMatchObject({ wasRecovering: true, recovered: false });
  });
});

describe.each(implementations)("%s without an SDK", (_name, implementation) => {
  it("receives the server's close code, and the server receives the client's", async () => {
    const { url, server } = await startServer();
    const socket = new (implementation as WebSocketClass)(url);
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.onclose = resolve;
    });
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    socket.send("nonsense");
    const { code, reason } = await closed;
    expect(code).toBe(3501);
    expect(reason).toBe('bad request: invalid JSON: "nonsense"');
    await until(() => server.stats().sockets === 0);

    const other = new (implementation as WebSocketClass)(url);
    await new Promise((resolve) => {
      other.onopen = resolve;
    });
    await until(() => server.stats().connections === 1);
    other.close(4001, "enough");
    await until(() => server.stats().connections === 0 && server.stats().sockets === 0);
  });
});

describe("WebSocket with the two commands typed by hand", () => {
  it("connects, subscribes, and receives its own publication", async () => {
    const { port } = await startServer();
    const client = await RawClient.upgrade(port);
    client.write(textFrame({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "news" } }));
    client.write(textFrame({ id: 3, publish: { channel: "news", data: { a: 1 } } }));
    const lines: Record<string, unknown>[] = [];
    while (!lines.some((line) => line.push) || !lines.some((line) => line.id === 3)) {
      const { opcode, payload } = await client.readFrame();
      expect(opcode).toBe(0x1);
      for (const line of payload.toString().split("\n")) lines.push(JSON.parse(line));
    }
    expect(lines[0]).toMatchObject({ id: 1, connect: { ping: 25, pong: true, version: expect.any(String) } });
    expect(lines[1]).toMatchObject({
      id: 2,
      subscribe: { recoverable: true, positioned: true, epoch: expect.any(String) },
    });
    expect(lines).toContainEqual({ id: 3, publish: {} });
    expect(lines.find((line) => line.push)).toMatchObject({
      push: { channel: "news", pub: { data: { a: 1 }, offset: 1 } },
    });
  });

  it("answers a ping frame at once", async () => {
    const { port } = await startServer();
    const client = await RawClient.upgrade(port);
    client.write(clientPing("are you there"));
    expect(await client.readFrame()).toEqual({ opcode: 0xa, payload: Buffer.from("are you there") });
  });
});

function clientPing(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x89, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}
