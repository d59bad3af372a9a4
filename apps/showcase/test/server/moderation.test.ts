import { describe, expect, it } from "vitest";
import { next } from "../../../../packages/holdfast/test/support/app-server.js";
import { codeOf, ShowcaseServer } from "./support/showcase-server.js";

async function start(now?: () => number) {
  const server = await ShowcaseServer.start(now && { now });
  const ann = await server.join("Ann");
  const bo = await server.join("Bo");
  const sanction = (kind: "mute" | "ban") =>
    server.api("map_publish", { channel: "sanctions", key: bo.user, data: { kind, name: "Bo" } });
  return { server, ann, bo, sanction };
}

describe("moderation over the server's interface", () => {
  it.each(["publish", "map_publish", "map_remove", "disconnect", "history_remove", "batch"])(
    "%s needs the key",
    async (method) => {
      const { server } = await start();
      expect((await server.api(method, {}, null)).status).toBe(401);
      expect((await server.api(method, {}, "a key that is none of this server")).status).toBe(401);
    },
  );

  it("mutes somebody, who may go on reading, and lifts that", async () => {
    const { server, ann, bo, sanction } = await start();
    await bo.say("chat:lobby", "before");
    await sanction("mute");
    const refusal = await bo.client.publish("chat:lobby", { text: "muted" }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 403, message: "a moderator has muted you" });
    expect(await bo.texts("chat:lobby")).toEqual(["before"]);
    await ann.say("chat:lobby", "another may write");
    await server.api("map_remove", { channel: "sanctions", key: bo.user });
    await bo.say("chat:lobby", "after");
    expect(await ann.texts("chat:lobby")).toEqual(["before", "another may write", "after"]);
  });

  it("bans somebody: out at once, and not let in again under any name of that session", async () => {
    const { server, ann, bo, sanction } = await start();
    const { room } = await ann.call("createRoom", { title: "Plans" });
    await ann.call("invite", { room, name: "Bo" });
    await bo.subscribe("chat:lobby");
    await sanction("ban");
    // Also before the connection is ended: the rules ask anew.
    for (const channel of ["chat:lobby", `private:${room}`]) {
      expect(await codeOf(bo.client.publish(channel, { text: "x" }))).toBe(103);
      expect(await codeOf(bo.client.history(channel, { limit: 1 }))).toBe(103);
    }
    const ended = next<{ code: number }>(bo.client, "disconnected");
    await server.api("disconnect", { user: bo.user, disconnect: { code: 4503, reason: "banned" } });
    expect(await ended).toMatchObject({ code: 4503 });
    const again = next<{ code: number; reason: string }>(bo.client, "disconnected");
    bo.client.connect();
    expect(await again).toMatchObject({ code: 3507, reason: expect.stringContaining("banned you") });
    expect((await server.post("/login", { name: "Bob" }, { Cookie: bo.cookie })).status).toBe(403);
    await server.post("/logout", {}, { Cookie: bo.cookie });
    expect((await server.post("/login", { name: "Bo" })).status).toBe(409);
    await server.api("map_remove", { channel: "sanctions", key: bo.user });
    bo.client.connect();
    await bo.client.ready(5000);
    await bo.say("chat:lobby", "back");
  });

  it("deletes a message by telling everybody, and clears a room", async () => {
    const { server, ann, bo } = await start();
    const subscription = await ann.subscribe("chat:lobby");
    await bo.say("chat:lobby", "bad words");
    const { publications, epoch } = await ann.client.history("chat:lobby", { limit: 1 });
    const told = next<{ data: unknown }>(subscription, "publication");
    const data = { event: "deleted", offset: publications[0]?.offset, epoch };
    await server.api("publish", { channel: "chat:lobby", data });
    expect((await told).data).toEqual(data);
    const cleared = next<{ data: unknown }>(subscription, "publication");
    await server.api("history_remove", { channel: "chat:lobby" });
    await server.api("publish", { channel: "chat:lobby", data: { event: "cleared" } });
    expect((await cleared).data).toEqual({ event: "cleared" });
    const rest = await bo.client.history("chat:lobby", { limit: 10 });
    expect(rest.publications.map(({ data }) => data)).toEqual([{ event: "cleared" }]);
  });

  it("lets nobody else delete or clear: such data of a client is a message", async () => {
    const { ann, bo } = await start();
    await ann.say("chat:lobby", "mine");
    await bo.client.publish("chat:lobby", { event: "deleted", offset: 1, epoch: "x", text: "gone?" });
    await bo.client.publish("chat:lobby", { event: "cleared" });
    const { publications } = await ann.client.history("chat:lobby", { limit: 10 });
    expect(publications.every(({ data }) => data.event === undefined && typeof data.text === "string")).toBe(
      true,
    );
    expect(publications).toHaveLength(3);
  });

  it("slows a room down, for each person by itself", async () => {
    let time = Date.now();
    const { server, ann, bo } = await start(() => time);
    await server.api("map_publish", {
      channel: "room-settings",
      key: "chat:lobby",
      data: { slowModeSeconds: 30 },
    });
    await ann.say("chat:lobby", "one");
    await bo.say("chat:lobby", "two");
    const refusal = await ann.client
      .publish("chat:lobby", { text: "three" })
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 429, message: "slow mode: one message in 30 s" });
    await ann.say("chat:tech", "elsewhere");
    time += 29_999;
    expect(await codeOf(ann.client.publish("chat:lobby", { text: "three" }))).toBe(429);
    time += 1;
    await ann.say("chat:lobby", "three");
    expect(await bo.texts("chat:lobby")).toEqual(["one", "two", "three"]);
  });
});
