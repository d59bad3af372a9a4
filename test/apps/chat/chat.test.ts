import { describe, expect, it } from "vitest";
import { Chat, type LinkedChannel, type RoomReceiver } from "../../../apps/showcase/chat/model/chat.js";
import type { Author } from "../../../apps/showcase/chat/model/message.js";
import type { RoomSession } from "../../../apps/showcase/chat/model/room-session.js";
import { ChatStorage } from "../../../apps/showcase/chat/model/storage.js";
import { createCounter } from "../../support/counter.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { FakeChannel } from "./fake-channel.js";
import { MemoryStorage } from "./memory-storage.js";

function createChat({ area = new MemoryStorage(), search = "" } = {}) {
  const clock = new FakeClock();
  const connections: Author[] = [];
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
    ...{ search, storage: new ChatStorage(area, ""), newId: createCounter("user"), clock: () => clock.now() },
    later: (delayMs, task) => clock.setTimer(task, delayMs),
    createLink: () => ({
      connect: (as) => connections.push(as),
      reconnect: (as) => connections.push(as),
      channel: createChannel,
    }),
  });
  return { area, chat, channels, connections };
}

describe("chat", () => {
  it("connects only when it knows under which name", () => {
    const { chat, channels, connections } = createChat();
    chat.start();
    expect(connections).toEqual([]);
    chat.rename("Ann");
    expect(connections).toEqual([{ user: "user-1", name: "Ann" }]);
    expect([...channels.values()].map(({ isJoined }) => isJoined)).toEqual([true, true, true]);
  });

  it("connects anew under a new name, and not under the same", () => {
    const { chat, connections } = createChat({ search: "?as=Ann" });
    chat.start();
    chat.rename("Ann");
    chat.rename("Annie");
    expect(connections.map(({ name }) => name)).toEqual(["Ann", "Annie"]);
  });

  it("opens rooms by name, joins them, and has them again after a reload", () => {
    const { area, chat, channels } = createChat({ search: "?as=Ann" });
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
    const { chat, channels } = createChat({ search: "?as=Ann" });
    chat.start();
    chat.open("tea");
    chat.leave("tea");
    expect([chat.openRoom, chat.canLeave("lobby"), channels.has("tea")]).toEqual(["lobby", false, false]);
  });

  it("counts unread messages over all rooms", async () => {
    const { chat, channels } = createChat({ search: "?as=Ann" });
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
    const { chat, channels } = createChat({ search: "?as=Ann" });
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
    const { area, chat } = createChat({ search: "?as=Ann" });
    chat.open("tea");
    chat.send("later");
    chat.leave("tea");
    const reloaded = createChat({ area, search: "?as=Ann" });
    reloaded.chat.start();
    await settle();
    expect(reloaded.channels.get("tea")?.published).toMatchObject([{ text: "later" }]);
    expect(reloaded.chat.rooms.map(({ room }) => room)).not.toContain("tea");
  });
});
