/** What a component shows of a channel, without React, against a real server. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Channel } from "../../src/node.js";
import { ChannelFeed } from "../../src/react/channel-feed.js";
import { join, startChat } from "../support/chat-app.js";
import { ThievishLine } from "../support/thievish-line.js";

const patience = { timeout: 20_000, interval: 10 };
type Said = { text: string };

function feedOf(channel: unknown, options = {}) {
  const all = { history: 5, limit: 10, presence: false, ...options };
  const feed = new ChannelFeed(channel as Channel<never, Said>, all);
  const texts = () => feed.snapshot().publications.map(({ data }) => data.text);
  return {
    feed,
    untilTexts: (expected: string[]) => vi.waitFor(() => expect(texts()).toEqual(expected), patience),
  };
}

describe("feed of a channel", () => {
  it("is subscribed while it is watched", async () => {
    const { server, url } = await startChat();
    const lobby = join(url).channel("chat:{room}", { room: "a" });
    const { feed } = feedOf(lobby);
    const leave = [feed.subscribe(() => {}), feed.subscribe(() => {})];
    await vi.waitFor(async () => expect(await server.presence("chat:a")).toHaveLength(1), patience);
    leave[0]?.();
    expect(lobby.status.state).not.toBe("unsubscribed");
    leave[1]?.();
    expect(lobby.status.state).toBe("unsubscribed");
    await vi.waitFor(async () => expect(await server.presence("chat:a")).toEqual([]), patience);
  });

  it("ignores replies that belong to an earlier subscription", async () => {
    const { server, url } = await startChat();
    const lobby = join(url).channel("chat:{room}", { room: "a" });
    await lobby.publish({ text: "old" });
    const answered: string[][] = [];
    const gates: (() => void)[] = [];
    const slow = {
      name: lobby.name,
      subscribe: lobby.subscribe.bind(lobby),
      history: async () => {
        const page = await lobby.history();
        await new Promise<void>((resolve) => gates.push(resolve));
        answered.push(page.publications.map(({ data }) => data.text));
        return page;
      },
    };
    const { feed, untilTexts } = feedOf(slow);
    const leave = feed.subscribe(() => {});
    await vi.waitFor(() => expect(gates).toHaveLength(1), patience);
    leave();
    await server.removeHistory("chat:a");
    await lobby.publish({ text: "new" });
    onTestFinished(feed.subscribe(() => {}));
    await vi.waitFor(() => expect(gates).toHaveLength(2), patience);
    gates[0]?.();
    await vi.waitFor(() => expect(answered).toEqual([["old"]]), patience);
    gates[1]?.();
    await untilTexts(["new"]);
  });

  it("returns the same snapshot until something changes, and then calls its watchers", async () => {
    const { server, url } = await startChat();
    const { feed, untilTexts } = feedOf(join(url).channel("chat:{room}", { room: "a" }));
    const watcher = vi.fn();
    onTestFinished(feed.subscribe(watcher));
    await vi.waitFor(() => expect(feed.snapshot().status.state).toBe("subscribed"), patience);
    const before = feed.snapshot();
    expect(feed.snapshot()).toBe(before);
    const calls = watcher.mock.calls.length;
    await server.publish("chat:a", { text: "one", sentAt: 0, from: "" });
    await untilTexts(["one"]);
    expect(feed.snapshot()).not.toBe(before);
    expect(watcher.mock.calls.length).toBeGreaterThan(calls);
    expect(before.publications).toEqual([]);
  });

  it("restarts if the server could not recover what was missed", async () => {
    const { server, port } = await startChat();
    const line = await ThievishLine.open(port);
    const { feed, untilTexts } = feedOf(join(line.url).channel("chat:{room}", { room: "a" }));
    onTestFinished(feed.subscribe(() => {}));
    await vi.waitFor(() => expect(feed.snapshot().status.state).toBe("subscribed"), patience);
    await server.publish("chat:a", { text: "before", sentAt: 0, from: "" });
    await untilTexts(["before"]);
    line.cut();
    await vi.waitFor(() => expect(feed.snapshot().status.state).toBe("subscribing"), patience);
    await server.publish("chat:a", { text: "lost", sentAt: 0, from: "" });
    await server.removeHistory("chat:a");
    await server.publish("chat:a", { text: "kept", sentAt: 0, from: "" });
    line.mend();
    await untilTexts(["kept"]);
    expect(feed.snapshot().status).toMatchObject({ wasRecovering: true, recovered: false });
  });

  it("reports that there is no history, and continues live", async () => {
    const { server, url } = await startChat();
    const live = join(url).channel("live:{room}", { room: "a" });
    const { feed } = feedOf(live);
    onTestFinished(feed.subscribe(() => {}));
    await vi.waitFor(() => expect(feed.snapshot().error?.details).toMatchObject({ code: 108 }), patience);
    await server.publish("live:a", 7);
    await vi.waitFor(
      () => expect(feed.snapshot().publications.map(({ data }) => data)).toEqual([7]),
      patience,
    );
  });

  it("says why a publication was refused, until one is taken", async () => {
    const { url } = await startChat();
    const lobby = join(url).channel("chat:{room}", { room: "a" });
    const feed = new ChannelFeed<unknown, { text: string }>(lobby, {
      history: 0,
      limit: 10,
      presence: false,
    });
    onTestFinished(feed.subscribe(() => {}));
    await vi.waitFor(() => expect(feed.snapshot().status.state).toBe("subscribed"), patience);
    await expect(feed.publish({ text: "x".repeat(2000) })).rejects.toMatchObject({
      code: "HF_REQUEST_REFUSED",
    });
    expect(feed.snapshot().error).toMatchObject({ code: "HF_REQUEST_REFUSED", details: { code: 107 } });
    await feed.publish({ text: "shorter" });
    expect(feed.snapshot().error).toBeUndefined();
  });

  it("says why it cannot subscribe if the client is closed", async () => {
    const { url } = await startChat();
    const client = join(url);
    const { feed } = feedOf(client.channel("news"));
    client.close();
    onTestFinished(feed.subscribe(() => {}));
    expect(feed.snapshot().error).toMatchObject({ code: "HF_CLIENT_CLOSED" });
  });
});
