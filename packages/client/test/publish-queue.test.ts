/** Publications reach the log once and in order, whatever the connection does; and what is refused says why. */
import { describe, expect, it, vi } from "vitest";
import { join, startChat } from "./support/chat-app.js";
import { ThievishLine } from "./support/thievish-line.js";

const patience = { timeout: 20_000, interval: 10 };
const text = (text: string) => ({ text });

/** What a promise rejects with, looked at from the start, so that it never is unhandled. */
const caught = (promise: Promise<unknown>) =>
  promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );

describe("publishing", () => {
  it("resolves with the position in the log", async () => {
    const { server, url } = await startChat();
    const lobby = join(url).channel("chat:{room}", { room: "lobby" });
    const first = await lobby.publish(text("one"));
    expect(first).toEqual({ epoch: expect.stringMatching(/./), offset: 1 });
    expect(await lobby.publish(text("two"))).toEqual({ epoch: first.epoch, offset: 2 });
    const { publications } = await server.history("chat:lobby");
    expect(publications.map(({ data }) => data)).toEqual([
      { text: "one", sentAt: 0, from: "ann" },
      { text: "two", sentAt: 0, from: "ann" },
    ]);
  });

  it("publishes once, with the first position, when the answers get lost", async () => {
    const { server, url, port } = await startChat();
    const line = await ThievishLine.open(port);
    const lobby = join(line.url).channel("chat:{room}", { room: "lobby" });
    await lobby.publish(text("before"));
    line.steal('"offset":2', 3);
    expect(await lobby.publish(text("once"))).toMatchObject({ offset: 2 });
    expect(line.stolen).toBe(3);
    const { publications } = await server.history("chat:lobby");
    expect(publications.map(({ data }) => data.text)).toEqual(["before", "once"]);
    expect(url).not.toBe(line.url);
  });

  it("keeps the order of a channel across breaks", async () => {
    const { server, port } = await startChat();
    const line = await ThievishLine.open(port);
    const client = join(line.url);
    const lobby = client.channel("chat:{room}", { room: "lobby" });
    await client.ready();
    const texts = Array.from({ length: 40 }, (_, index) => `message ${index}`);
    const sent = texts.map((each) => lobby.publish(text(each)));
    for (const offset of [3, 11, 27]) {
      line.steal(`"offset":${offset}`);
      await sent[offset - 1];
    }
    const positions = await Promise.all(sent);
    expect(positions.map(({ offset }) => offset)).toEqual(texts.map((_, index) => index + 1));
    expect(line.stolen).toBe(3);
    const { publications } = await server.history("chat:lobby");
    expect(publications.map(({ data }) => data.text)).toEqual(texts);
  });

  it("queues publications while offline, and sends them once connected", async () => {
    const { server, port } = await startChat();
    const line = await ThievishLine.open(port);
    line.cut();
    const client = join(line.url);
    const data = { text: "as it was", sentAt: 1 };
    const sent = client.channel("chat:{room}", { room: "lobby" }).publish(data);
    data.text = "changed later";
    expect(client.queuedPublications).toBe(1);
    expect((await server.history("chat:lobby")).publications).toEqual([]);
    line.mend();
    expect(await sent).toMatchObject({ offset: 1 });
    expect((await server.history("chat:lobby")).publications[0]?.data.text).toBe("as it was");
    expect(client.queuedPublications).toBe(0);
  });

  it("refuses more than maxQueuedPublications, of all channels, until there is room", async () => {
    const { port } = await startChat();
    const line = await ThievishLine.open(port);
    line.cut();
    const client = join(line.url, { maxQueuedPublications: 2 });
    const waiting = ["a", "b"].map((room) => client.channel("chat:{room}", { room }).publish(text("waits")));
    await expect(
      client.channel("chat:{room}", { room: "c" }).publish(text("too much")),
    ).rejects.toMatchObject({
      code: "HF_CLIENT_FULL",
      message: expect.stringContaining(
        "2 publications are unacknowledged, as many as maxQueuedPublications allows",
      ),
    });
    line.mend();
    await Promise.all(waiting);
    await expect(client.channel("chat:{room}", { room: "c" }).publish(text("now"))).resolves.toMatchObject({
      offset: 1,
    });
  });

  it("rejects with the schema's words, and goes on with the next", async () => {
    const { url } = await startChat();
    const lobby = join(url).channel("chat:{room}", { room: "lobby" });
    const refused = caught(lobby.publish({ text: 7 } as never));
    const accepted = lobby.publish(text("fine"));
    expect(await refused).toMatchObject({
      name: "HoldfastError",
      code: "HF_REQUEST_REFUSED",
      details: { code: 107, isTemporary: false },
      message: expect.stringMatching(
        /^publishing to chat:lobby was refused: bad request: data\.text: .*string/,
      ),
    });
    expect(await accepted).toMatchObject({ offset: 1 });
  });

  it("rejects if the client may not publish", async () => {
    const { url } = await startChat();
    await expect(join(url).channel("news").publish("hello")).rejects.toMatchObject({
      code: "HF_REQUEST_REFUSED",
      details: { code: 103 },
    });
  });

  it("tries again what the server cannot take at the moment", async () => {
    const { server, url } = await startChat({ commandsPerSecond: 20, commandBurst: 3 });
    const client = join(url);
    const rooms = ["a", "b", "c", "d", "e", "f"];
    const sent = rooms.map((room) => client.channel("chat:{room}", { room }).publish(text("patience")));
    await Promise.all(sent);
    for (const room of rooms)
      expect((await server.history(`chat:${room}`)).publications, room).toHaveLength(1);
  });

  it("gives up in time, and says whether it may have been published", async () => {
    const { port } = await startChat();
    const line = await ThievishLine.open(port);
    const client = join(line.url, { publishTimeoutMs: 1500 });
    const lobby = client.channel("chat:{room}", { room: "lobby" });
    await lobby.publish(text("before"));
    line.steal('"offset":2', Number.POSITIVE_INFINITY);
    const uncertain = caught(lobby.publish(text("sent")));
    const behind = caught(lobby.publish(text("never sent")));
    expect(await uncertain).toMatchObject({
      code: "HF_CLIENT_TIMEOUT",
      details: { isUncertain: true },
    });
    expect(await behind).toMatchObject({
      code: "HF_CLIENT_TIMEOUT",
      details: { isUncertain: false },
    });
    expect(client.queuedPublications).toBe(0);
  });

  it("takes nothing that JSON cannot express, or that would end the connection", async () => {
    const { url } = await startChat();
    const client = join(url);
    const lobby = client.channel("chat:{room}", { room: "lobby" });
    await expect(lobby.publish(undefined as never)).rejects.toThrow("data must be JSON, but is undefined");
    await expect(lobby.publish({ text: 1n } as never)).rejects.toMatchObject({ code: "HF_OPTION_INVALID" });
    await expect(lobby.publish(text("€".repeat(22_000)))).rejects.toThrow(
      /66\d\d\d bytes, more than maxMessageBytes \(65536\)/,
    );
    expect(client.queuedPublications).toBe(0);
  });

  it("rejects what waits when the client is closed", async () => {
    const { port } = await startChat();
    const line = await ThievishLine.open(port);
    line.cut();
    const client = join(line.url);
    const lobby = client.channel("chat:{room}", { room: "lobby" });
    const waiting = [caught(lobby.publish(text("one"))), caught(lobby.publish(text("two")))];
    client.close();
    for (const each of waiting) expect(await each).toMatchObject({ code: "HF_CLIENT_CLOSED" });
    await expect(lobby.publish(text("three"))).rejects.toMatchObject({ code: "HF_CLIENT_CLOSED" });
    expect(client.queuedPublications).toBe(0);
  });

  it("rejects what waits when the server ends the connection for good, and goes on after connect", async () => {
    const { server, port } = await startChat();
    const line = await ThievishLine.open(port);
    const client = join(line.url);
    const lobby = client.channel("chat:{room}", { room: "lobby" });
    await lobby.publish(text("before"));
    line.steal('"offset":2', Number.POSITIVE_INFINITY);
    const lost = caught(lobby.publish(text("lost")));
    await vi.waitFor(() => expect(line.stolen).toBeGreaterThan(0), patience);
    await vi.waitFor(() => {
      void server.disconnect("ann", { code: 3503, reason: "go away" });
      expect(client.status.state).toBe("disconnected");
    }, patience);
    expect(await lost).toMatchObject({
      code: "HF_REQUEST_REFUSED",
      details: { code: 3503 },
      message: expect.stringContaining("go away (code 3503)"),
    });
    line.steal("", 0);
    client.connect();
    expect(await lobby.publish(text("after"))).toMatchObject({ offset: 3 });
  });

  it("gives up in time where no server answers", async () => {
    const { url } = await startChat();
    const client = join(`${url}/nothing`, { publishTimeoutMs: 300 });
    expect(await caught(client.channel("news").publish("hello"))).toMatchObject({
      code: "HF_CLIENT_TIMEOUT",
    });
    expect(client.status.state).toBe("connecting");
  });
});

describe("an idempotency key of the caller's", () => {
  it("makes a publication count once that is published again, also by another client", async () => {
    const { server, url } = await startChat();
    const send = () =>
      join(url).channel("chat:{room}", { room: "lobby" }).publish({ text: "once" }, { idempotencyKey: "m1" });
    expect(await send()).toEqual(await send());
    expect((await server.history("chat:lobby")).publications).toHaveLength(1);
  });
});
