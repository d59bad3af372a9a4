import { describe, expect, it } from "vitest";
import { next } from "../../../../../packages/holdfast/test/support/app-server.js";
import { createTemporaryFolder } from "../../../../../packages/holdfast/test/support/temporary-folder.js";
import { codeOf, ShowcaseServer, type Somebody } from "../../server/support/showcase-server.js";

interface Room {
  readonly room: string;
}

/** Ann with a private room that Bo is in, and Cy who is not. */
async function startWithRoom() {
  const server = await ShowcaseServer.start();
  const [ann, bo, cy] = (await Promise.all(["Ann", "Bo", "Cy"].map((name) => server.join(name)))) as [
    Somebody,
    Somebody,
    Somebody,
  ];
  const { room } = (await ann.call("createRoom", { title: "Plans" })) as Room;
  await ann.call("invite", { room, name: "bo" });
  return { server, ann, bo, cy, room, channel: `private:${room}` };
}

/** All that can be done in a channel, and whether it is refused. */
async function tryAll({ client }: { client: Somebody["client"] }, channel: string) {
  const subscription = client.getSubscription(channel) ?? client.newSubscription(channel);
  subscription.subscribe();
  return {
    subscribe: await codeOf(subscription.ready(5000)),
    publish: await codeOf(client.publish(channel, { text: "let me in" })),
    history: await codeOf(client.history(channel, { limit: 1 })),
    presence: await codeOf(client.presence(channel)),
  };
}

const accepted = { subscribe: "accepted", publish: "accepted", history: "accepted", presence: "accepted" };
const refused = { subscribe: expect.any(Number), publish: 103, history: 103, presence: 103 };

describe("messages", () => {
  it("have the author and the time of the server, whatever the client says", async () => {
    const time = 1_800_000_000_000;
    const server = await ShowcaseServer.start({ now: () => time });
    const ann = await server.join("Ann");
    await ann.client.publish("chat:lobby", {
      ...{ id: "m1", text: "  hello ", sentAt: 1, event: "cleared", format: "json" },
      from: { id: "bo", name: "Bo" },
    });
    const { publications } = await ann.client.history("chat:lobby", { limit: 1 });
    expect(publications[0]).toMatchObject({
      data: { id: "m1", text: "hello", sentAt: time, from: { id: ann.user, name: "Ann" } },
      info: { user: ann.user, connInfo: { name: "Ann" } },
    });
    expect(Object.keys(publications[0]?.data).sort()).toEqual(["from", "id", "sentAt", "text"]);
  });

  it("are refused when they are empty or too long", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    const say = (text: string) => codeOf(ann.client.publish("chat:lobby", { text }));
    expect(await say("👋".repeat(2000))).toBe("accepted");
    expect(await say("👋".repeat(2001))).toBe(107);
    expect(await say("  ")).toBe(107);
  });

  it("of programs of this machine are shown as what they are, and from nobody", async () => {
    const server = await ShowcaseServer.start();
    const tool = server.tool();
    for (const data of [42, { temperature: 21 }, { id: "1", text: "hi" }, { event: "cleared" }])
      await tool.publish("chat:lobby", data);
    const { publications } = await tool.history("chat:lobby", { limit: 10 });
    const from = { id: "", name: "someone via the command line" };
    expect(publications.map(({ data }) => data)).toMatchObject([
      { text: "42", from },
      { text: '{\n  "temperature": 21\n}', format: "json", from },
      { id: "1", text: "hi", from },
      { text: '{\n  "event": "cleared"\n}', format: "json", from },
    ]);
  });

  it("are there after a restart, where there is a folder, and so are members", async () => {
    const data = createTemporaryFolder("rooms");
    const first = await ShowcaseServer.start({ data });
    const ann = await first.join("Ann");
    const { room } = (await ann.call("createRoom", { title: "Plans" })) as Room;
    for (const channel of ["chat:lobby", `private:${room}`]) await ann.say(channel, `kept in ${channel}`);
    await first.server.close();
    const second = await ShowcaseServer.start({ data });
    const client = second.connect({ Cookie: ann.cookie, Origin: second.url });
    for (const channel of ["chat:lobby", `private:${room}`]) {
      const { publications } = await client.history(channel, { limit: 1 });
      expect(publications[0]?.data.text).toBe(`kept in ${channel}`);
    }
    const stranger = await second.join("Bo");
    expect(await tryAll(stranger, `private:${room}`)).toEqual(refused);
  });
});

describe("private rooms", () => {
  it("are for members: others, and tools, may do nothing there", async () => {
    const { server, ann, bo, cy, channel } = await startWithRoom();
    expect(await tryAll(ann, channel)).toEqual(accepted);
    expect(await tryAll(bo, channel)).toEqual(accepted);
    expect(await tryAll(cy, channel)).toEqual(refused);
    expect(await tryAll({ client: server.tool() }, channel)).toEqual(refused);
    expect(await ann.texts(channel)).toEqual(["let me in", "let me in"]);
    expect(server.errors).toEqual([]);
  });

  it("are listed to members, and to nobody else", async () => {
    const { ann, bo, cy, room } = await startWithRoom();
    expect(await ann.call("rooms")).toEqual([{ room, title: "Plans", role: "owner" }]);
    expect(await bo.call("rooms")).toEqual([{ room, title: "Plans", role: "member" }]);
    expect(await cy.call("rooms")).toEqual([]);
    const members = [
      { user: ann.user, name: "Ann", role: "owner" },
      { user: bo.user, name: "Bo", role: "member" },
    ];
    expect(await bo.call("members", { room })).toEqual(expect.arrayContaining(members));
    expect(await codeOf(cy.call("members", { room }))).toBe(404);
    expect(await codeOf(cy.call("members", { room: "nowhere" }))).toBe(404);
  });

  it("have members that their owner invites and removes, and nobody else", async () => {
    const { ann, bo, cy, room, channel } = await startWithRoom();
    expect(await codeOf(bo.call("invite", { room, name: "Cy" }))).toBe(403);
    expect(await codeOf(cy.call("invite", { room, name: "Cy" }))).toBe(404);
    expect(await codeOf(bo.call("removeMember", { room, user: ann.user }))).toBe(403);
    expect(await codeOf(ann.call("invite", { room, name: "Nobody" }))).toBe(404);
    expect(await codeOf(ann.call("removeMember", { room, user: ann.user }))).toBe(403);
    expect(await tryAll(cy, channel)).toEqual(refused);
    const told = next<{ data: unknown }>(cy.client, "message");
    await ann.call("invite", { room, name: "Cy" });
    expect((await told).data).toEqual({ kind: "rooms" });
    expect(await tryAll(cy, channel)).toEqual(accepted);
  });

  it("end at once for who is removed, live subscription included", async () => {
    const { ann, bo, room, channel } = await startWithRoom();
    const subscription = await bo.subscribe(channel);
    const heard: unknown[] = [];
    subscription.on("publication", ({ data }) => heard.push(data.text));
    const ended = next<{ code: number }>(subscription, "unsubscribed");
    await ann.call("removeMember", { room, user: bo.user });
    expect((await ended).code).toBe(2000);
    await ann.say(channel, "he is gone");
    expect(await tryAll(bo, channel)).toEqual(refused);
    expect(heard).toEqual([]);
    expect(await bo.call("rooms")).toEqual([]);
  });

  it("are left by members, and end with their owner, whatever was said included", async () => {
    const { server, ann, bo, room, channel } = await startWithRoom();
    await ann.say(channel, "secret");
    await bo.call("leaveRoom", { room });
    expect(await tryAll(bo, channel)).toEqual(refused);
    expect(await tryAll(ann, channel)).toEqual(accepted);
    await ann.call("invite", { room, name: "Bo" });
    await ann.call("leaveRoom", { room });
    for (const each of [ann, bo]) {
      expect(await each.call("rooms")).toEqual([]);
      expect(await tryAll(each, channel)).toEqual(refused);
    }
    expect((await server.server.history(channel as never)).publications).toEqual([]);
  });

  it("show a member's new name", async () => {
    const { server, ann, bo, room } = await startWithRoom();
    await server.post("/login", { name: "Bob" }, { Cookie: bo.cookie });
    const members = (await ann.call("members", { room })) as { name: string }[];
    expect(members.map(({ name }) => name).sort()).toEqual(["Ann", "Bob"]);
    expect(await codeOf(ann.call("invite", { room, name: "Bo" }))).toBe(404);
  });

  it("are bounded for each person", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    for (let count = 0; count < 50; count++) await ann.call("createRoom", { title: `Room ${count}` });
    expect(await codeOf(ann.call("createRoom", { title: "One more" }))).toBe(409);
    expect(await codeOf(ann.call("createRoom", { title: " " }))).toBe(107);
  });
});
