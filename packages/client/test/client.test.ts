/** A client as a whole: calls, how the connection stands, what the server sends, and the end. */
import { describe, expect, it, vi } from "vitest";
import { type Client, type ClientStatus, connect } from "../src/node.js";
import { join, startChat } from "./support/chat-app.js";
import { ThievishLine } from "./support/thievish-line.js";

const patience = { timeout: 20_000, interval: 10 };

describe("rpc", () => {
  it("gives what the method returns", async () => {
    const { url } = await startChat();
    const client = join(url, { token: "bo" });
    expect(await client.rpc("add", { a: 2, b: 3 })).toBe(5);
    expect(await client.rpc("whoAmI")).toEqual({ id: "bo" });
  });

  it("rejects with what the method, the schema or the server says", async () => {
    const { url } = await startChat();
    const client = join(url);
    await expect(client.rpc("fail")).rejects.toMatchObject({
      code: "HF_REQUEST_REFUSED",
      details: { code: 409, isTemporary: false },
      message: "fail was refused: that is taken (code 409)",
    });
    await expect(client.rpc("add", { a: 1, b: "2" } as never)).rejects.toThrow(
      /add was refused: bad request: .*b: /,
    );
    await expect((client as unknown as Client).rpc("nothing")).rejects.toMatchObject({
      details: { code: 104 },
    });
    await expect(client.rpc("add", 1n as never)).rejects.toMatchObject({ code: "HF_OPTION_INVALID" });
  });

  it("rejects, and is not carried out again, when the answer gets lost", async () => {
    const { port } = await startChat();
    const line = await ThievishLine.open(port);
    const client = join(line.url);
    await client.ready();
    line.steal('"rpc"', Number.POSITIVE_INFINITY);
    await expect(client.rpc("add", { a: 1, b: 1 })).rejects.toMatchObject({
      code: "HF_CLIENT_CONNECTION",
      message: expect.stringContaining("it may have been carried out"),
    });
    await client.ready();
    expect(line.stolen).toBe(1);
  });

  it("times out without a connection", async () => {
    const { port } = await startChat();
    const line = await ThievishLine.open(port);
    line.cut();
    const client = join(line.url, { requestTimeoutMs: 200 });
    await expect(client.rpc("whoAmI")).rejects.toMatchObject({ code: "HF_CLIENT_TIMEOUT" });
  });
});

describe("client", () => {
  it("says how the connection stands", async () => {
    const { port } = await startChat();
    const line = await ThievishLine.open(port);
    const client = join(line.url);
    const states: ClientStatus["state"][] = [];
    const remove = client.onStatus(({ state }) => void states.push(state));
    expect(client.status).toMatchObject({ state: "connecting" });
    await client.ready();
    expect(client.status).toEqual({ state: "connected", client: expect.stringMatching(/./) });
    line.cut();
    await vi.waitFor(() => expect(client.status.state).toBe("connecting"), patience);
    line.mend();
    await client.ready();
    expect(states).toEqual(["connected", "connecting", "connected"]);
    remove();
    client.close();
    expect(client.status).toMatchObject({ state: "disconnected", code: 0 });
    expect(states).toHaveLength(3);
  });

  it("tells how long it waits for the next attempt, and connects at once when asked to", async () => {
    const { port } = await startChat();
    const line = await ThievishLine.open(port);
    const delays: number[] = [];
    // Nobody waits that long: what comes back has been asked for.
    const client = join(line.url, {
      ...{ minReconnectDelayMs: 3_600_000, maxReconnectDelayMs: 3_600_001 },
      onReconnectDelay: (delayMs) => void delays.push(delayMs),
    });
    await client.ready();
    const heard: unknown[] = [];
    const room = client.channel("chat:{room}", { room: "lobby" });
    room.subscribe(({ data }) => void heard.push(data.text));
    await room.publish({ text: "before" });
    const states: ClientStatus["state"][] = [];
    client.onStatus(({ state }) => void states.push(state));
    line.cut();
    await vi.waitFor(() => expect(delays.length).toBeGreaterThan(0), patience);
    const sent = room.publish({ text: "meanwhile" });
    line.mend();
    client.reconnect();
    await sent;
    await vi.waitFor(() => expect(heard).toEqual(["before", "meanwhile"]), patience);
    expect(states).not.toContain("disconnected");
    expect(room.status).toMatchObject({ state: "subscribed", wasRecovering: true, recovered: true });
    client.reconnect();
    await client.ready();
    client.close();
    expect(() => client.reconnect()).toThrow(expect.objectContaining({ code: "HF_CLIENT_CLOSED" }));
  });

  it("is not ready if the server refuses it, and may try again as another user", async () => {
    const { url } = await startChat();
    let token = "nobody";
    const client = join(url, { token: () => token });
    await expect(client.ready()).rejects.toMatchObject({
      code: "HF_REQUEST_REFUSED",
      details: { code: 3500 },
      message: expect.stringContaining("unrecognized token"),
    });
    await expect(client.rpc("whoAmI")).rejects.toMatchObject({ code: "HF_REQUEST_REFUSED" });
    token = "bo";
    client.connect();
    await client.ready();
    expect(await client.rpc("whoAmI")).toEqual({ id: "bo" });
  });

  it("sends its token, from a function too, and its data", async () => {
    const { url } = await startChat();
    const getToken = vi.fn(async () => "cy");
    expect(await join(url, { token: getToken }).rpc("whoAmI")).toEqual({ id: "cy" });
    expect(getToken).toHaveBeenCalledTimes(1);
    expect(await join(url, { data: { name: "dee" } }).rpc("whoAmI")).toEqual({ id: "dee" });
  });

  it("gets what the server sends in no channel, and publications of channels it was subscribed to", async () => {
    const { server, url } = await startChat();
    const client = join(url, { token: "watched" });
    const messages: unknown[] = [];
    const news: unknown[] = [];
    client.onMessage((data) => void messages.push(data));
    client.onPublication((channel, { data, offset }) => void news.push([channel, data, offset]));
    await client.ready();
    await server.send("watched", { hello: "you" });
    await server.publish("news", "rain");
    await vi.waitFor(() => expect(messages).toEqual([{ hello: "you" }]), patience);
    await vi.waitFor(() => expect(news).toEqual([["news", "rain", 1]]), patience);
  });

  it("refuses everything once it is closed, and tells subscribers", async () => {
    const { url } = await startChat();
    const client = join(url);
    const lobby = client.channel("chat:{room}", { room: "lobby" });
    const states: string[] = [];
    lobby.subscribe({ onStatus: ({ state }) => void states.push(state) });
    await vi.waitFor(() => expect(states.at(-1)).toBe("subscribed"), patience);
    client.close();
    client.close();
    expect(states).toEqual(["subscribing", "subscribed", "unsubscribed"]);
    const closed = { code: "HF_CLIENT_CLOSED" };
    await expect(client.ready()).rejects.toMatchObject(closed);
    await expect(client.rpc("whoAmI")).rejects.toMatchObject(closed);
    await expect(lobby.history()).rejects.toMatchObject(closed);
    await expect(lobby.presence()).rejects.toMatchObject(closed);
    expect(() => lobby.subscribe(() => {})).toThrow("the client was closed");
    expect(() => client.connect()).toThrow("the client was closed");
  });

  it("rejects a call under way when it is closed", async () => {
    const { port } = await startChat();
    const line = await ThievishLine.open(port);
    line.cut();
    const client = join(line.url);
    const call = expect(client.rpc("whoAmI")).rejects.toMatchObject({ code: "HF_CLIENT_CLOSED" });
    const ready = expect(client.ready()).rejects.toMatchObject({ code: "HF_CLIENT_CLOSED" });
    client.close();
    await call;
    await ready;
  });

  it("refuses a channel without its parameters", async () => {
    const { url } = await startChat();
    const client = join(url);
    expect(() => client.channel("chat:{room}", {} as never)).toThrow(
      "needs a non-empty string for the parameter room",
    );
    expect(() => client.channel("chat:{room}", { room: "a:b" })).toThrow(
      "does not allow a colon in the parameter room",
    );
    expect(client.channel("secret:{path*}", { path: "a:b" }).name).toBe("secret:a:b");
  });

  it("needs no application to be typed by", async () => {
    const { url } = await startChat();
    const client = connect(url);
    try {
      const lobby = client.channel("chat:{room}", { room: "lobby" });
      expect(await lobby.publish({ text: "untyped" })).toMatchObject({ offset: 1 });
    } finally {
      client.close();
    }
  });
});
