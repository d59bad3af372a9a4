import { describe, expect, it } from "vitest";
import { createCounter } from "../../../../packages/holdfast/test/support/counter.js";
import { FakeClock, settle } from "../../../../packages/holdfast/test/support/fake-clock.js";
import { Chat, type LinkEvents, type LinkedChannel, type RoomReceiver } from "../../chat/model/chat.js";
import type { Member, RoomMethods } from "../../chat/model/private-rooms.js";
import type { RoomSession } from "../../chat/model/room-session.js";
import { PageStorage } from "../../shared/session/storage.js";
import { MemoryStorage } from "../shared/memory-storage.js";
import { FakeChannel } from "./fake-channel.js";

function createChat({ area = new MemoryStorage() } = {}) {
  const clock = new FakeClock();
  const connections: string[] = [];
  const ends: string[] = [];
  const server = new FakeRooms();
  let events: LinkEvents | undefined;
  const channels = new Map<string, FakeChannel & { isJoined: boolean }>();
  const createChannel = (room: string): LinkedChannel => {
    const fake = Object.assign(new FakeChannel({ user: "user-1", client: "c1" }), { isJoined: false });
    channels.set(room, fake);
    return Object.assign(fake, {
      join: (receiver: RoomReceiver) => {
        fake.isJoined = true;
        void FakeChannel.prototype.join.call(fake, receiver as RoomSession);
      },
      leave: () => void channels.delete(room),
    }) as unknown as LinkedChannel;
  };
  const chat = new Chat({
    ...{ storage: new PageStorage(area, ""), newId: createCounter("m"), clock: () => clock.now() },
    account: { user: "user-1", name: "Ann" },
    later: (delayMs, task) => clock.setTimer(task, delayMs),
    onSessionEnd: (why) => ends.push(why),
    createLink: (given) => {
      events = given;
      return {
        connect: () => void connections.push("connect"),
        reconnect: () => void connections.push("reconnect"),
        close: () => void connections.push("close"),
        methods: server,
        channel: createChannel,
      };
    },
  });
  return { area, chat, channels, connections, ends, server, events: events as LinkEvents };
}

describe("chat", () => {
  it("connects once, and joins its rooms then", () => {
    const { chat, channels, connections } = createChat();
    expect(connections).toEqual([]);
    chat.start();
    chat.start();
    expect(connections).toEqual(["connect"]);
    expect([...channels.values()].map(({ isJoined }) => isJoined)).toEqual([true, true, true]);
  });

  it("connects anew as somebody else, whose messages are its own from then on", async () => {
    const { chat, channels, connections } = createChat();
    chat.start();
    await settle();
    chat.become({ user: "user-2", name: "Annie" });
    expect([connections, chat.me.name]).toEqual([["connect", "reconnect"], "Annie"]);
    const unreadBefore = chat.room.arrivals;
    channels.get("lobby")?.say("mine", { user: "user-2", client: "c1" });
    channels.get("lobby")?.say("another's", { user: "user-1", client: "c9" });
    expect(chat.room.arrivals - unreadBefore).toBe(1);
  });

  it("says when its session is over, and why", () => {
    const { events, ends } = createChat();
    events.onUnknown();
    events.onLoggedOut();
    expect(ends).toEqual(["unknown", "logged out"]);
  });

  it("opens rooms by name, joins them, and has them again after a reload", () => {
    const { area, chat, channels } = createChat();
    chat.start();
    expect(chat.open("no room")).toMatch(/space/);
    expect(chat.openRoom).toBe("lobby");
    expect(chat.open("tea")).toBeUndefined();
    expect([chat.openRoom, channels.get("tea")?.isJoined]).toEqual(["tea", true]);
    expect(createChat({ area }).chat.rooms.map(({ room }) => room)).toEqual([
      "lobby",
      "random",
      "tech",
      "tea",
    ]);
  });

  it("goes back to the lobby when the open room is left", () => {
    const { chat, channels } = createChat();
    chat.start();
    chat.open("tea");
    chat.leave("tea");
    expect([chat.openRoom, chat.canLeave("lobby"), channels.has("tea")]).toEqual(["lobby", false, false]);
  });

  it("counts unread messages over all rooms", async () => {
    const { chat, channels } = createChat();
    chat.start();
    await settle();
    for (const room of ["lobby", "tech", "random"])
      channels.get(room)?.say("hi", { user: "bo", client: "c2" });
    expect(chat.unread).toBe(2);
    chat.setVisible(false);
    channels.get("lobby")?.say("hi", { user: "bo", client: "c2" });
    expect(chat.unread).toBe(3);
    chat.setVisible(true);
    chat.open("tech");
    expect(chat.unread).toBe(1);
  });

  it("sends to the open room, and tells its listeners", async () => {
    const { chat, channels } = createChat();
    let changes = 0;
    const stop = chat.onChange(() => {
      changes += 1;
    });
    chat.start();
    await settle();
    chat.open("tech");
    changes = 0;
    chat.send("hello");
    expect(channels.get("tech")?.published).toMatchObject([{ text: "hello" }]);
    expect(changes).toBeGreaterThan(0);
    stop();
    changes = 0;
    chat.send("again");
    expect(changes).toBe(0);
  });

  it("joins a room that is off the list as long as something waits to be sent there", async () => {
    const { area, chat } = createChat();
    chat.open("tea");
    chat.send("later");
    chat.leave("tea");
    const reloaded = createChat({ area });
    reloaded.chat.start();
    await settle();
    expect(reloaded.channels.get("tea")?.published).toMatchObject([{ text: "later" }]);
    expect(reloaded.chat.rooms.map(({ room }) => room)).not.toContain("tea");
  });

  it("has the private rooms that the server tells of, joined and with their titles", async () => {
    const { chat, channels, server, events } = createChat();
    chat.start();
    server.list = [{ room: "r1", title: "Plans", role: "owner" }];
    events.onConnected();
    await settle();
    expect(chat.privateRooms.list.map(({ room, title }) => [room, title])).toEqual([["private:r1", "Plans"]]);
    expect([channels.get("private:r1")?.isJoined, chat.titleOf("private:r1")]).toEqual([true, "Plans"]);
    channels.get("private:r1")?.say("hi", { user: "bo", client: "c2" });
    await settle();
    expect(chat.unread).toBe(1);
    chat.open("private:r1");
    expect(chat.privateRoom?.isOwner).toBe(true);
  });

  it("tells of an invitation until its room is opened, but not of rooms that it had or has created", async () => {
    const { chat, server, events } = createChat();
    chat.start();
    const titles = () => chat.privateRooms.invitations.map(({ title }) => title);
    const own = { room: "r0", title: "Mine", role: "owner" } as const;
    const known = { room: "r1", title: "Known", role: "member" } as const;
    const invited = { room: "r2", title: "Plans", role: "member" } as const;
    server.list = [known];
    events.onConnected();
    await settle();
    expect(titles()).toEqual([]);
    server.list = [own, known, invited, { ...invited, room: "r3", title: "Over soon" }];
    events.onRoomsChanged();
    await settle();
    expect(titles().sort()).toEqual(["Over soon", "Plans"]);
    server.list = [own, known, invited];
    events.onRoomsChanged();
    await settle();
    expect(titles()).toEqual(["Plans"]);
    chat.open("private:r2");
    expect(titles()).toEqual([]);
  });

  it("leaves a private room that it is removed from, also while it is open", async () => {
    const { area, chat, channels, server, events } = createChat();
    chat.start();
    server.list = [{ room: "r1", title: "Plans", role: "member" }];
    events.onRoomsChanged();
    await settle();
    chat.open("private:r1");
    server.list = [];
    events.onRoomsChanged();
    await settle();
    expect([chat.openRoom, channels.has("private:r1"), chat.privateRooms.list]).toEqual(["lobby", false, []]);
    expect([...area.values.keys()].filter((key) => key.includes("private"))).toEqual([]);
  });

  it("joins a room again that had refused it before it was invited", async () => {
    const { chat, channels, server, events } = createChat();
    chat.start();
    chat.open("private:r1");
    chat.room.receiveUnsubscribed(103, "permission denied");
    expect(chat.room.phase).toBe("refused");
    server.list = [{ room: "r1", title: "Plans", role: "member" }];
    events.onRoomsChanged();
    await settle();
    expect([chat.room.phase, channels.get("private:r1")?.isJoined]).toEqual(["ready", true]);
  });

  it("creates a room, invites, and says what the server refuses", async () => {
    const { chat, server } = createChat();
    expect(await chat.privateRooms.create(" ")).toEqual({ problem: "Please enter a title." });
    expect(await chat.privateRooms.create("Plans")).toEqual({ room: "private:r1" });
    expect(await chat.privateRooms.invite("private:r1", "Bo")).toBeUndefined();
    expect(chat.privateRooms.find("private:r1")?.members.map(({ name }) => name)).toEqual(["Bo"]);
    server.refusal = { code: 404, message: "there is nobody named Cy" };
    expect(await chat.privateRooms.invite("private:r1", "Cy")).toBe("There is nobody named Cy.");
  });
});

/** The methods of a server that has whatever rooms a test says. */
class FakeRooms implements RoomMethods {
  list: { room: string; title: string; role: Member["role"] }[] = [];
  invited: Member[] = [];
  refusal: { code: number; message: string } | undefined;

  rooms = async () => this.list;
  members = async () => this.invited;
  removeMember = async () => {};
  leaveRoom = async () => {};
  createRoom = async ({ title }: { title: string }) => {
    this.list.push({ room: "r1", title, role: "owner" });
    return { room: "r1" };
  };
  invite = async ({ name }: { name: string }) => {
    if (this.refusal) throw this.refusal;
    this.invited.push({ user: name, name, role: "member" });
  };
}
