/** Channels as clients use them, against a real server. */
import { describe, expect, it, vi } from "vitest";
import type { ChannelStatus, ClientInfo, Publication } from "../src/node.js";
import { join, startChat } from "./support/chat-app.js";
import { ThievishLine } from "./support/thievish-line.js";

const patience = { timeout: 20_000, interval: 10 };

function recorder() {
  const publications: Publication<{ text: string }>[] = [];
  const statuses: ChannelStatus[] = [];
  const joined: ClientInfo[] = [];
  const left: ClientInfo[] = [];
  return {
    ...{ publications, statuses, joined, left },
    texts: () => publications.map(({ data }) => data.text),
    listeners: {
      onPublication: (publication: Publication<{ text: string }>) => void publications.push(publication),
      onStatus: (status: ChannelStatus) => void statuses.push(status),
    },
    news: {
      onJoin: (client: ClientInfo) => void joined.push(client),
      onLeave: (client: ClientInfo) => void left.push(client),
    },
    untilSubscribed: () => vi.waitFor(() => expect(statuses.at(-1)?.state).toBe("subscribed"), patience),
  };
}

describe("subscribing", () => {
  it("brings publications with their publisher and place", async () => {
    const { server, url } = await startChat();
    const lobby = join(url).channel("chat:{room}", { room: "lobby" });
    const seen = recorder();
    lobby.subscribe(seen.listeners);
    expect(lobby.status.state).toBe("subscribing");
    await seen.untilSubscribed();
    await lobby.publish({ text: "hello", sentAt: "12" });
    await server.publish("chat:lobby", { text: "from the server", sentAt: 1, from: "" });
    await vi.waitFor(() => expect(seen.publications).toHaveLength(2), patience);
    expect(seen.publications[0]).toEqual({
      channel: "chat:lobby",
      data: { text: "hello", sentAt: 12, from: "ann" },
      offset: 1,
      info: expect.objectContaining({ user: "ann", connInfo: { name: "ann" } }),
    });
    expect(seen.publications[1]).toEqual({
      channel: "chat:lobby",
      data: { text: "from the server", sentAt: 1, from: "" },
      offset: 2,
    });
    expect(lobby.status).toMatchObject({ state: "subscribed", position: { offset: 0 } });
  });

  it("shares one subscription among all, and ends it with the last", async () => {
    const { server, url } = await startChat();
    const client = join(url);
    const [first, second] = [recorder(), recorder()];
    const leaveFirst = client.channel("chat:{room}", { room: "lobby" }).subscribe(first.listeners);
    await first.untilSubscribed();
    const lobby = client.channel("chat:{room}", { room: "lobby" });
    const leaveSecond = lobby.subscribe(second.listeners);
    expect(second.statuses).toEqual([expect.objectContaining({ state: "subscribed" })]);
    expect((await server.presence("chat:lobby")).length).toBe(1);
    await lobby.publish({ text: "both" });
    await vi.waitFor(() => expect([first.texts(), second.texts()]).toEqual([["both"], ["both"]]), patience);

    leaveFirst();
    leaveFirst();
    await lobby.publish({ text: "second alone" });
    await vi.waitFor(() => expect(second.texts()).toEqual(["both", "second alone"]), patience);
    expect(first.texts()).toEqual(["both"]);
    leaveSecond();
    expect(lobby.status.state).toBe("unsubscribed");
    await vi.waitFor(async () => expect(await server.presence("chat:lobby")).toEqual([]), patience);
  });

  it("goes on without a gap after the line was cut, and says that it recovered", async () => {
    const { server, port } = await startChat();
    const line = await ThievishLine.open(port);
    const seen = recorder();
    join(line.url).channel("chat:{room}", { room: "lobby" }).subscribe(seen.listeners);
    await seen.untilSubscribed();
    expect(seen.statuses.map(({ state }) => state)).toEqual(["subscribing", "subscribed"]);
    expect(seen.statuses.at(-1)).toMatchObject({ wasRecovering: false, recovered: false });
    await server.publish("chat:lobby", { text: "before", sentAt: 0, from: "" });
    await vi.waitFor(() => expect(seen.texts()).toEqual(["before"]), patience);
    line.cut();
    await vi.waitFor(() => expect(seen.statuses.at(-1)?.state).toBe("subscribing"), patience);
    for (const text of ["missed 1", "missed 2"])
      await server.publish("chat:lobby", { text, sentAt: 0, from: "" });
    line.mend();
    await vi.waitFor(() => expect(seen.texts()).toEqual(["before", "missed 1", "missed 2"]), patience);
    expect(seen.statuses.at(-1)).toMatchObject({ state: "subscribed", wasRecovering: true, recovered: true });
  });

  it("tells who comes and goes, also those who ask later, without losing a publication", async () => {
    const { url } = await startChat();
    const ann = join(url, { token: "ann" });
    const bo = join(url, { token: "bo" });
    const lobby = ann.channel("chat:{room}", { room: "lobby" });
    const [plain, curious] = [recorder(), recorder()];
    lobby.subscribe(plain.listeners);
    await plain.untilSubscribed();
    await lobby.publish({ text: "before" });
    lobby.subscribe({ ...curious.listeners, ...curious.news });
    await lobby.publish({ text: "after" });
    await curious.untilSubscribed();
    await vi.waitFor(() => expect(plain.texts()).toEqual(["before", "after"]), patience);
    const leave = bo.channel("chat:{room}", { room: "lobby" }).subscribe(() => {});
    await vi.waitFor(() => expect(curious.joined.map(({ user }) => user)).toContain("bo"), patience);
    leave();
    await vi.waitFor(() => expect(curious.left.map(({ user }) => user)).toContain("bo"), patience);
  });

  it("recovers what came while joins were asked for", async () => {
    const { server, port } = await startChat();
    const line = await ThievishLine.open(port);
    const lobby = join(line.url).channel("chat:{room}", { room: "lobby" });
    const [plain, curious] = [recorder(), recorder()];
    lobby.subscribe(plain.listeners);
    await plain.untilSubscribed();
    await server.publish("chat:lobby", { text: "before", sentAt: 0, from: "" });
    await vi.waitFor(() => expect(plain.texts()).toEqual(["before"]), patience);
    line.cut();
    await vi.waitFor(() => expect(lobby.status.state).toBe("subscribing"), patience);
    lobby.subscribe({ ...curious.listeners, ...curious.news });
    await server.publish("chat:lobby", { text: "missed", sentAt: 0, from: "" });
    line.mend();
    await vi.waitFor(() => expect(plain.texts()).toEqual(["before", "missed"]), patience);
    expect(lobby.status).toMatchObject({ recovered: true });
  });

  it("says why the server allows none, and asks again for the next subscriber", async () => {
    const { url } = await startChat();
    const secret = join(url).channel("secret:{path*}", { path: "a:b" });
    const [first, second] = [recorder(), recorder()];
    secret.subscribe({ onStatus: first.listeners.onStatus });
    const refusal = { state: "unsubscribed", code: 403, reason: "not for you" };
    await vi.waitFor(() => expect(first.statuses.at(-1)).toEqual(refusal), patience);
    expect(secret.status).toEqual(refusal);
    secret.subscribe({ onStatus: second.listeners.onStatus });
    expect(second.statuses[0]?.state).toBe("subscribing");
    await vi.waitFor(() => expect(second.statuses.at(-1)).toEqual(refusal), patience);
  });

  it("is told when the server unsubscribes it", async () => {
    const { server, url } = await startChat();
    const seen = recorder();
    join(url).channel("chat:{room}", { room: "lobby" }).subscribe(seen.listeners);
    await seen.untilSubscribed();
    await server.unsubscribe("ann", "chat:lobby");
    await vi.waitFor(
      () => expect(seen.statuses.at(-1)).toMatchObject({ state: "unsubscribed", code: 2000 }),
      patience,
    );
  });

  it("begins where an earlier visit ended", async () => {
    const { server, url } = await startChat();
    const positions = [];
    for (const text of ["one", "two", "three"])
      positions.push(await server.publish("chat:lobby", { text, sentAt: 0, from: "" }));
    const seen = recorder();
    const since = positions[0];
    if (!since) throw new Error("nothing was published");
    join(url).channel("chat:{room}", { room: "lobby" }).subscribe(seen.listeners, { since });
    await vi.waitFor(() => expect(seen.texts()).toEqual(["two", "three"]), patience);
  });

  it("refuses options that differ from the existing subscription, and unknown ones", async () => {
    const { url } = await startChat();
    const lobby = join(url).channel("chat:{room}", { room: "lobby" });
    lobby.subscribe(() => {}, { data: { a: 1 } });
    lobby.subscribe(() => {}, { data: { a: 1 } });
    expect(() => lobby.subscribe(() => {}, { data: { a: 2 } })).toThrow(
      "data differs from the existing subscription to chat:lobby",
    );
    expect(() => lobby.subscribe(() => {}, { dta: 1 } as never)).toThrow(
      "unknown option dta (did you mean data?); known options: data, ",
    );
  });

  it("keeps others from what one listener throws", async () => {
    const { url } = await startChat();
    const errors: unknown[] = [];
    const client = join(url, {
      onError: (error, { stage }) => errors.push([stage, (error as Error).message]),
    });
    const lobby = client.channel("chat:{room}", { room: "lobby" });
    const seen = recorder();
    lobby.subscribe(() => {
      throw new Error("a listener's own");
    });
    lobby.subscribe(seen.listeners);
    await seen.untilSubscribed();
    await lobby.publish({ text: "one" });
    await lobby.publish({ text: "two" });
    await vi.waitFor(() => expect(seen.texts()).toEqual(["one", "two"]), patience);
    const failure = ["a publication listener", "a listener's own"];
    expect(errors).toEqual([failure, failure]);
  });
});

describe("history", () => {
  const data = (page: { publications: readonly Publication<{ text: string }>[] }) =>
    page.publications.map((each) => each.data.text);

  it("gives pages from the oldest and from the newest", async () => {
    const { server, url } = await startChat();
    const all = Array.from({ length: 7 }, (_, index) => `line ${index + 1}`);
    for (const text of all) await server.publish("chat:lobby", { text, sentAt: 0, from: "" });
    const lobby = join(url).channel("chat:{room}", { room: "lobby" });
    expect(data(await lobby.history())).toEqual(all);
    const { position, publications } = await lobby.history({ limit: 0 });
    expect(publications).toEqual([]);
    expect(position.offset).toBe(7);

    const forward: string[][] = [];
    for (let since = { ...position, offset: 0 }; since.offset < 7; ) {
      const page = await lobby.history({ limit: 3, since });
      forward.push(data(page));
      since = { ...position, offset: page.publications.at(-1)?.offset as number };
    }
    expect(forward).toEqual([all.slice(0, 3), all.slice(3, 6), all.slice(6)]);

    const newest = await lobby.history({ limit: 3, reverse: true });
    expect(data(newest)).toEqual(["line 7", "line 6", "line 5"]);
    const since = { ...position, offset: newest.publications.at(-1)?.offset as number };
    expect(data(await lobby.history({ limit: 3, since, reverse: true }))).toEqual([
      "line 4",
      "line 3",
      "line 2",
    ]);
  });

  it("rejects for a position of another log, and where nothing is kept", async () => {
    const { url } = await startChat();
    const client = join(url);
    const lobby = client.channel("chat:{room}", { room: "lobby" });
    await lobby.publish({ text: "one" });
    await expect(lobby.history({ since: { epoch: "another", offset: 1 } })).rejects.toMatchObject({
      code: "HF_REQUEST_REFUSED",
      details: { code: 112 },
    });
    const live = client.channel("live:{room}", { room: "a" });
    live.subscribe(() => {});
    await vi.waitFor(() => expect(live.status.state).toBe("subscribed"), patience);
    await expect(live.history()).rejects.toThrow(
      "the history of live:a was refused: not available: this channel keeps no history",
    );
  });
});

describe("presence", () => {
  it("lists and counts who is subscribed", async () => {
    const { url } = await startChat();
    const clients = ["ann", "bo", "bo"].map((token) => join(url, { token }));
    const lobbies = clients.map((client) => client.channel("chat:{room}", { room: "lobby" }));
    for (const lobby of lobbies) lobby.subscribe(() => {});
    const [lobby] = lobbies;
    await vi.waitFor(
      async () => expect(await lobby?.presenceStats()).toEqual({ numClients: 3, numUsers: 2 }),
      patience,
    );
    const present = await lobby?.presence();
    expect(present?.map(({ user, connInfo }) => [user, connInfo]).sort()).toEqual([
      ["ann", { name: "ann" }],
      ["bo", { name: "bo" }],
      ["bo", { name: "bo" }],
    ]);
  });

  it("rejects for those who may not see it", async () => {
    const { url } = await startChat();
    const club = join(url).channel("club:{room}", { room: "a" });
    await expect(club.presence()).rejects.toMatchObject({ details: { code: 103 } });
  });
});
