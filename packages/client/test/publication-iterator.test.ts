/** Loops over publications: in order, bounded, and with a reason when they end. */
import { describe, expect, it, vi } from "vitest";
import { join, startChat } from "./support/chat-app.js";

const patience = { timeout: 20_000, interval: 10 };

async function startLobby(options = {}) {
  const { server, url } = await startChat();
  const client = join(url, options);
  const lobby = client.channel("chat:{room}", { room: "lobby" });
  const publish = (text: string) => server.publish("chat:lobby", { text, sentAt: 0, from: "" });
  const untilSubscribed = () => vi.waitFor(() => expect(lobby.status.state).toBe("subscribed"), patience);
  return { server, client, lobby, publish, untilSubscribed };
}

describe("loop over publications", () => {
  it("gives them in order, those that came while it was busy too, and unsubscribes when it is left", async () => {
    const { server, lobby, publish, untilSubscribed } = await startLobby();
    const loop = lobby[Symbol.asyncIterator]();
    await untilSubscribed();
    for (const text of ["one", "two", "three"]) await publish(text);
    const texts: string[] = [];
    for await (const { data } of loop) {
      texts.push(data.text);
      if (texts.length === 3) await publish("four");
      if (data.text === "four") break;
    }
    expect(texts).toEqual(["one", "two", "three", "four"]);
    await vi.waitFor(() => expect(lobby.status.state).toBe("unsubscribed"), patience);
    await vi.waitFor(async () => expect(await server.presence("chat:lobby")).toEqual([]), patience);
    expect(await loop.next()).toEqual({ value: undefined, done: true });
  });

  it("answers calls that wait, in their order", async () => {
    const { lobby, publish, untilSubscribed } = await startLobby();
    const loop = lobby.publications();
    const calls = [loop.next(), loop.next(), loop.next()];
    await untilSubscribed();
    await publish("one");
    await publish("two");
    expect((await calls[0])?.value?.data.text).toBe("one");
    expect((await calls[1])?.value?.data.text).toBe("two");
    await loop.return?.();
    expect(await calls[2]).toEqual({ value: undefined, done: true });
  });

  it("yields what it buffered and then throws if it is too slow, and unsubscribes at once", async () => {
    const { lobby, publish, untilSubscribed } = await startLobby();
    const loop = lobby.publications({ maxBuffered: 2 });
    await untilSubscribed();
    for (const text of ["one", "two", "three", "four"]) await publish(text);
    await vi.waitFor(() => expect(lobby.status.state).toBe("unsubscribed"), patience);
    const texts: string[] = [];
    const run = async () => {
      for await (const { data } of loop) texts.push(data.text);
    };
    await expect(run()).rejects.toMatchObject({
      code: "HF_CLIENT_SLOW",
      message:
        "the loop over chat:lobby is too slow: 2 publications were buffered (maxBuffered) when another came",
    });
    expect(texts).toEqual(["one", "two"]);
    expect(await loop.next()).toEqual({ value: undefined, done: true });
  });

  it("buffers a thousand by default, and refuses an invalid bound", async () => {
    const { lobby, publish, untilSubscribed } = await startLobby();
    const loop = lobby.publications();
    await untilSubscribed();
    await Promise.all(Array.from({ length: 1000 }, (_, index) => publish(`${index}`)));
    await publish("one too many");
    await vi.waitFor(() => expect(lobby.status.state).toBe("unsubscribed"), patience);
    for (let count = 0; count < 1000; count++) expect((await loop.next()).done).toBe(false);
    await expect(loop.next()).rejects.toMatchObject({ code: "HF_CLIENT_SLOW" });
    expect(() => lobby.publications({ maxBuffered: 0 })).toThrow(
      "maxBuffered must be an integer of at least 1, but is 0",
    );
  });

  it("throws if the server refuses the subscription", async () => {
    const { client } = await startLobby();
    const loop = client.channel("secret:{path*}", { path: "x" }).publications();
    await expect(loop.next()).rejects.toMatchObject({ code: "HF_REQUEST_REFUSED", details: { code: 403 } });
    expect(await loop.next()).toEqual({ value: undefined, done: true });
  });

  it("throws if the server ends the connection for good", async () => {
    const { server, lobby, untilSubscribed } = await startLobby();
    const loop = lobby.publications();
    await untilSubscribed();
    const next = expect(loop.next()).rejects.toMatchObject({ details: { code: 3503 } });
    await server.disconnect("ann");
    await next;
    await expect(lobby.publications().next()).rejects.toMatchObject({ details: { code: 3503 } });
  });

  it("ends when the client is closed", async () => {
    const { client, lobby, untilSubscribed } = await startLobby();
    const loop = lobby.publications();
    await untilSubscribed();
    const next = loop.next();
    client.close();
    expect(await next).toEqual({ value: undefined, done: true });
  });
});
