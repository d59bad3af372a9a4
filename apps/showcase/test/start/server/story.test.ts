import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { TraceEvent } from "../../../start/trace-types.js";
import { ShowcaseServer } from "../../server/support/showcase-server.js";

const trace = "AAAAAAAAAAAAAAAAAAAAAA";
const other = "BBBBBBBBBBBBBBBBBBBBBB";

async function eventsOf(server: ShowcaseServer, id = trace): Promise<TraceEvent[]> {
  const { body } = await server.send(`/channels/trace:${id}?guest`);
  return (body as { publications: { data: TraceEvent }[] }).publications.map(({ data }) => data);
}

async function until(server: ShowcaseServer, type: TraceEvent["type"]): Promise<TraceEvent[]> {
  for (;;) {
    const events = await eventsOf(server);
    if (events.some((event) => event.type === type)) return events;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function open(server: ShowcaseServer, query: string, headers: Record<string, string> = {}): WebSocket {
  const url = `${server.url.replace("http", "ws")}/connection/websocket?${query}`;
  return new WebSocket(url, { headers });
}

describe("the story's server", () => {
  it("tells a visitor what it received and answered, without credentials", async () => {
    const server = await ShowcaseServer.start();
    await server.post(
      `/channels/story:${trace}?guest&trace=${trace}.post`,
      { text: "hello" },
      {
        Cookie: "holdfast_chat=secret",
        Authorization: "Bearer secret",
      },
    );
    const events = await until(server, "answered");
    const [asked, answered] = events;
    expect(asked).toMatchObject({ type: "asked", label: "post" });
    expect(answered).toMatchObject({ type: "answered", label: "post", received: asked?.received });
    expect(JSON.stringify(events)).not.toContain("secret");
    if (asked?.type !== "asked" || answered?.type !== "answered") throw new Error("unexpected events");
    expect(asked.head).toMatch(/^POST \/channels\/story:A+\?guest/);
    // A wrong key is refused, also a guest's.
    expect(answered.answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    const length = Number(/content-length: (\d+)/i.exec(answered.answer)?.[1]);
    expect(answered.sent).toBe(answered.answer.length + length);
  });

  it("tells the handshake and each frame of a WebSocket, and cuts it without a Close frame", async () => {
    const server = await ShowcaseServer.start();
    const socket = open(server, `guest&trace=${trace}.line`, { Cookie: "holdfast_chat=secret" });
    await once(socket, "open");
    socket.send('{"id":1,"connect":{}}');
    await once(socket, "message");
    const closed = once(socket, "close");
    socket.on("error", () => {});
    expect((await server.post(`/story/cut?trace=${other}.line`, {})).body).toEqual({ cut: 0 });
    expect((await server.post(`/story/cut?trace=${trace}.line`, {})).body).toEqual({ cut: 1 });
    expect((await closed)[0]).toBe(1006);
    const events = await until(server, "gone");
    const frames = events.flatMap((event) => (event.type === "frame" ? [event] : []));
    expect(frames.map(({ direction }) => direction)).toEqual(["up", "down"]);
    // RFC 6455 §5.3: 21 bytes of text, 4 of the mask, 2 of the header.
    expect(frames[0]?.bytes).toBe(27);
    const opened = events.find((event) => event.type === "opened");
    expect(opened?.head).toMatch(/Sec-WebSocket-Key: /);
    expect(opened?.head).not.toContain("secret");
    expect(events.at(-1)).toMatchObject({
      type: "gone",
      framesReceived: 1,
      framesSent: 1,
      received: (opened?.received ?? 0) + (frames[0]?.bytes ?? 0),
      sent: (opened?.sent ?? 0) + (frames[1]?.bytes ?? 0),
    });
  });

  it("says nothing of requests and sockets without a trace", async () => {
    const server = await ShowcaseServer.start();
    await server.send(`/channels/story:${trace}?guest`);
    await server.send(`/channels/story:${trace}?guest&trace=short.poll`);
    expect(await eventsOf(server)).toEqual([]);
  });

  it("lets a guest read what is public, and write only the story's own channels", async () => {
    const server = await ShowcaseServer.start();
    const statuses = await Promise.all(
      [`story:${trace}`, "chat:lobby", "names", "story:short"].map(
        async (name) => (await server.send(`/channels/${name}?guest`)).status,
      ),
    );
    expect(statuses).toEqual([200, 200, 403, 403]);
    expect((await server.send(`/channels/story:${trace}`)).status).toBe(200);
    expect((await server.post(`/channels/story:${trace}?guest`, { text: "hello" })).status).toBe(201);
    for (const name of [`trace:${trace}`, "chat:lobby"])
      expect((await server.post(`/channels/${name}?guest`, { type: "gone" })).status).toBe(403);
  });

  it("knows who is connected, and who asks over HTTP is not", async () => {
    const server = await ShowcaseServer.start();
    await (await server.join("Ann")).client.ready();
    const guest = open(server, "guest");
    await once(guest, "open");
    guest.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"crowd"}}');
    const texts: string[] = [];
    guest.on("message", (data: Buffer) => texts.push(data.toString()));
    while (!texts.join("").includes('"connections":2')) await once(guest, "message");
    expect(texts.join("")).toContain('"users":1');
    expect(texts.join("")).toContain('"name":"Ann"');
    guest.close();
  });
});
