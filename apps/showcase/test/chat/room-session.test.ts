import { describe, expect, it } from "vitest";
import { createCounter } from "../../../../packages/holdfast/test/support/counter.js";
import { FakeClock, settle } from "../../../../packages/holdfast/test/support/fake-clock.js";
import { Outbox } from "../../chat/model/room-sender.js";
import { RoomSession } from "../../chat/model/room-session.js";
import { ReadMarks } from "../../chat/model/rooms.js";
import type { RoomReturn } from "../../shared/line/connection-status.js";
import { PageStorage } from "../../shared/session/storage.js";
import { MemoryStorage } from "../shared/memory-storage.js";
import { FakeChannel } from "./fake-channel.js";

const ann = { user: "ann", client: "c1", connInfo: { name: "Ann" } };
const bo = { user: "bo", client: "c2", connInfo: { name: "Bo" } };

/** The room as Ann's page has it; with the same storage and channel, as it is after a reload. */
function createRoom({ area = new MemoryStorage(), channel = new FakeChannel(ann), isOpen = true } = {}) {
  const clock = new FakeClock();
  const storage = new PageStorage(area, "");
  const ids = createCounter(`m${area.length}`);
  const outbox = new Outbox(storage, () => clock.now(), ids);
  const returns: (RoomReturn | undefined)[] = [];
  const session = new RoomSession({
    ...{ room: "lobby", me: "ann", channel, outbox },
    readMarks: new ReadMarks(storage),
    later: (delayMs, task) => clock.setTimer(task, delayMs),
    onChange: () => {},
    onReturn: (result) => returns.push(result),
  });
  session.show(isOpen, true);
  const write = (text: string) => {
    const entry = outbox.add("lobby", text);
    session.send();
    return entry;
  };
  const texts = () => session.timeline.entries.map(({ message }) => message.text);
  const waiting = () => outbox.entriesOf("lobby").map(({ text, delivery }) => `${text}: ${delivery.state}`);
  /** What the channel holds, as texts. */
  const logged = () => channel.log.map(({ data }) => (data as { text: string }).text);
  return { area, channel, clock, outbox, returns, session, write, texts, waiting, logged };
}

function appendMany(channel: FakeChannel, count: number): void {
  for (let number = 1; number <= count; number++) channel.append({ text: `t${channel.offset + 1}` }, bo);
}

describe("people of a room", () => {
  const refused = (code: number, isTemporary: boolean) =>
    Object.assign(new Error("refused"), { details: { code, isTemporary } });

  it("are asked for again where the server is too busy to say", async () => {
    const { channel, clock, session } = createRoom();
    channel.present = { c1: ann };
    channel.refusals = [refused(100, true), refused(111, true)];
    await channel.join(session);
    session.presence.receiveJoin(bo);
    channel.present = { c1: ann, c2: bo };
    for (let waited = 0; waited < 6000; waited += 1000) {
      clock.advance(1000);
      await settle();
    }
    expect(session.presence.people("ann").map(({ user }) => user)).toEqual(["ann", "bo"]);
  });

  it("are not asked for again where they are never told, or the room was left", async () => {
    const { channel, clock, session } = createRoom();
    channel.refusals = [refused(103, false), refused(100, true)];
    await channel.join(session);
    await settle();
    clock.advance(6000);
    await settle();
    expect(channel.refusals).toHaveLength(1);
    await channel.join(session);
    await settle();
    channel.drop();
    channel.refusals = [refused(100, true)];
    clock.advance(6000);
    await settle();
    expect(channel.refusals).toHaveLength(1);
  });
});

describe("joining a room", () => {
  it("reads the latest page of history, and earlier pages when asked to", async () => {
    const { channel, session, texts } = createRoom();
    appendMany(channel, 120);
    await channel.join(session);
    expect([texts().length, texts()[0], texts().at(-1)]).toEqual([50, "t71", "t120"]);
    expect(channel.historyRequests).toEqual([{ limit: 50, reverse: true }]);
    await session.history.loadBefore(71);
    await session.history.loadBefore(21);
    expect([texts().length, texts()[0]]).toEqual([120, "t1"]);
    expect(channel.historyRequests.at(-1)).toEqual({
      ...{ limit: 50, reverse: true, since: { epoch: "e1", offset: 21 } },
    });
    expect(session.history.hasEarlier).toBe(false);
  });

  it("knows the end of what is kept", async () => {
    const { channel, session } = createRoom();
    appendMany(channel, 60);
    channel.evicted = 10;
    await channel.join(session);
    expect(session.history.hasEarlier).toBe(true);
    await session.history.loadBefore(11);
    expect(session.history.hasEarlier).toBe(false);
  });

  it("leaves the history of a room that is not open until it is opened", async () => {
    const { channel, session, texts } = createRoom({ isOpen: false });
    appendMany(channel, 3);
    await channel.join(session);
    expect(channel.historyRequests).toEqual([]);
    session.show(true, true);
    await settle();
    expect(texts()).toEqual(["t1", "t2", "t3"]);
  });

  it("says what is wrong with the history, and can try again", async () => {
    const { channel, session, texts } = createRoom();
    appendMany(channel, 1);
    channel.historyError = { code: 108, message: "not available" };
    await channel.join(session);
    expect([session.phase, session.history.state, session.history.problem]).toEqual([
      ...["ready", "failed", "not available"],
    ]);
    channel.historyError = undefined;
    await session.history.loadLatest();
    expect(texts()).toEqual(["t1"]);
  });

  it("says why it was refused", () => {
    const { session, returns } = createRoom();
    session.receiveUnsubscribed(103, "permission denied");
    expect([session.phase, session.refusal]).toEqual(["refused", "permission denied (103)"]);
    expect(returns).toEqual([undefined]);
  });
});

describe("coming back to a room", () => {
  it("counts what was recovered, in order and once", async () => {
    const { channel, session, texts, returns } = createRoom();
    appendMany(channel, 2);
    await channel.join(session);
    channel.drop();
    appendMany(channel, 20);
    await channel.join(session, 2);
    expect(texts()).toEqual(Array.from({ length: 22 }, (_, index) => `t${index + 1}`));
    expect(returns).toEqual([undefined, { isRecovered: true, count: 20 }]);
    expect(channel.historyRequests).toHaveLength(1);
    expect(session.position).toEqual({ epoch: "e1", offset: 22 });
  });

  it("reloads the latest, and shows the gap, when the log kept too little", async () => {
    const { channel, session, texts, returns } = createRoom();
    appendMany(channel, 2);
    await channel.join(session);
    channel.drop();
    appendMany(channel, 98);
    channel.evicted = 40;
    await channel.join(session, 2);
    expect(returns.at(-1)).toEqual({ isRecovered: false });
    expect(texts()).toHaveLength(52);
    expect(session.timeline.breakBefore(2)).toBe("gap");
    await session.history.loadBefore(51);
    expect(texts()).toHaveLength(62);
    expect(session.history.canLoadBefore(41)).toBe(false);
  });

  it("reloads the latest after a restart that emptied the log, and keeps what it has", async () => {
    const { channel, session, texts, returns } = createRoom();
    appendMany(channel, 2);
    await channel.join(session);
    channel.drop();
    channel.restart("e2");
    channel.evicted = 99;
    await channel.join(session, 2);
    channel.evicted = 0;
    channel.say("afresh", bo);
    expect(returns.at(-1)).toEqual({ isRecovered: false });
    expect(texts()).toEqual(["t1", "t2", "afresh"]);
    expect(session.timeline.breakBefore(2)).toBe("new-log");
  });

  it("says nothing when the line breaks again before it has caught up", async () => {
    const { channel, session, returns } = createRoom();
    await channel.join(session);
    channel.drop();
    const back = channel.join(session, 0);
    channel.drop();
    await back;
    expect(returns).toEqual([undefined]);
    expect(session.phase).toBe("joining");
  });
});

describe("sending", () => {
  it("takes a message out of the outbox when it is seen in the channel", async () => {
    const { channel, session, write, waiting, texts } = createRoom();
    await channel.join(session);
    write("one");
    expect(waiting()).toEqual([]);
    expect(texts()).toEqual(["one"]);
    expect(channel.published).toEqual([{ id: "m0-1", text: "one", sentAt: 1_700_000_000_000 }]);
  });

  it("keeps what is written without a connection, and sends it in order when there is one", async () => {
    const { channel, session, write, waiting, texts, logged } = createRoom();
    for (const text of ["one", "two", "three"]) write(text);
    expect(waiting()).toEqual(["one: waiting", "two: waiting", "three: waiting"]);
    await channel.join(session);
    await settle();
    expect(logged()).toEqual(["one", "two", "three"]);
    expect(texts()).toEqual(["one", "two", "three"]);
    expect(waiting()).toEqual([]);
  });

  it("sends what waited only after what was missed has been taken in", async () => {
    const { channel, session, write, logged } = createRoom();
    await channel.join(session);
    channel.drop();
    write("mine");
    appendMany(channel, 2);
    await channel.join(session, 0);
    await settle();
    expect(logged()).toEqual(["t1", "t2", "mine"]);
  });

  it("does not repeat a message that arrived although its answer was lost", async () => {
    const { channel, session, write, waiting, logged } = createRoom();
    await channel.join(session);
    channel.outcome = "accept silently";
    write("one");
    channel.drop();
    expect(waiting()).toEqual(["one: waiting"]);
    channel.outcome = "deliver";
    await channel.join(session, 0);
    await settle();
    expect(logged()).toEqual(["one"]);
    expect(waiting()).toEqual([]);
  });

  it("repeats a message that was lost on the way", async () => {
    const { channel, session, write, waiting, logged } = createRoom();
    await channel.join(session);
    channel.outcome = "lose";
    write("one");
    channel.drop();
    channel.outcome = "deliver";
    await channel.join(session, 0);
    await settle();
    expect(logged()).toEqual(["one"]);
    expect(waiting()).toEqual([]);
  });

  it("passes over an answer that belongs to an earlier subscription", async () => {
    const { channel, session, write, waiting } = createRoom();
    await channel.join(session);
    channel.outcome = "lose";
    write("one");
    channel.drop();
    await channel.join(session, 0);
    expect(channel.published).toHaveLength(2);
    channel.fail({ code: 103, message: "permission denied" });
    await settle();
    expect(waiting()).toEqual(["one: sending"]);
  });

  it("finds a message after a reload that arrived long ago, beyond the first page", async () => {
    const { area, channel, session, write } = createRoom();
    await channel.join(session);
    channel.outcome = "accept silently";
    write("one");
    appendMany(channel, 130);
    channel.outcome = "deliver";
    const reloaded = createRoom({ area, channel });
    expect(reloaded.waiting()).toEqual(["one: waiting"]);
    await channel.join(reloaded.session);
    await settle();
    expect(reloaded.waiting()).toEqual([]);
    expect(reloaded.logged().filter((text) => text === "one")).toHaveLength(1);
  });

  it("looks no further back than where sending was first tried", async () => {
    const { area, channel, session, write } = createRoom();
    appendMany(channel, 500);
    await channel.join(session);
    channel.outcome = "lose";
    write("one");
    appendMany(channel, 40);
    channel.outcome = "deliver";
    channel.historyRequests.length = 0;
    const reloaded = createRoom({ area, channel });
    await channel.join(reloaded.session);
    await settle();
    // The latest page for the person, and again in search of the message.
    expect(channel.historyRequests).toHaveLength(2);
    expect(channel.log.at(-1)?.data).toMatchObject({ text: "one" });
  });

  it("waits and looks again when it can't tell whether a message arrived", async () => {
    const { area, channel, session, write } = createRoom();
    await channel.join(session);
    channel.outcome = "accept silently";
    write("one");
    channel.outcome = "deliver";
    channel.historyError = { code: 1, message: "timeout" };
    const reloaded = createRoom({ area, channel });
    await channel.join(reloaded.session);
    await settle();
    reloaded.write("two");
    expect(reloaded.waiting()).toEqual(["one: waiting", "two: waiting"]);
    channel.historyError = undefined;
    reloaded.clock.advance(2_000);
    await settle();
    expect(reloaded.waiting()).toEqual([]);
    expect(reloaded.logged()).toEqual(["one", "two"]);
  });

  it("keeps a message that the server refused, goes on with the next, and retries when told to", async () => {
    const { channel, session, outbox, write, waiting, logged } = createRoom();
    await channel.join(session);
    channel.outcome = { code: 103, message: "permission denied" };
    const { id } = write("one");
    await settle();
    expect(outbox.entriesOf("lobby")[0]?.delivery).toEqual({
      ...{ state: "failed", reason: "permission denied (103)" },
    });
    channel.outcome = "deliver";
    write("two");
    await settle();
    expect(waiting()).toEqual(["one: failed"]);
    outbox.markWaiting(id);
    session.send();
    await settle();
    expect(logged()).toEqual(["two", "one"]);
  });

  it.each([
    ["a timeout", { code: 1, message: "timeout" }],
    ["too many requests", { code: 111, message: "too many requests", temporary: true }],
    ["an internal error", { code: 100, message: "internal server error", temporary: true }],
  ])("tries again later, and in order, after %s", async (_error, error) => {
    const { channel, clock, session, write, waiting, logged } = createRoom();
    await channel.join(session);
    channel.outcome = error;
    write("one");
    write("two");
    await settle();
    expect(waiting()).toEqual(["one: waiting", "two: waiting"]);
    expect(channel.published).toHaveLength(1);
    clock.advance(2_000);
    await settle();
    expect(channel.published).toHaveLength(2);
    channel.outcome = "deliver";
    clock.advance(3_999);
    await settle();
    expect(logged()).toEqual([]);
    clock.advance(1);
    await settle();
    expect(logged()).toEqual(["one", "two"]);
    expect(waiting()).toEqual([]);
  });

  it("looks for a message that was acknowledged and did not come", async () => {
    const { channel, clock, session, write, waiting, logged } = createRoom();
    await channel.join(session);
    channel.outcome = "acknowledge";
    write("one");
    await settle();
    expect(waiting()).toEqual(["one: sending"]);
    clock.advance(2_000);
    await settle();
    expect(waiting()).toEqual([]);
    expect(logged()).toEqual(["one"]);
  });

  it("repeats a message that was acknowledged and is not in the channel", async () => {
    const { channel, clock, session, write, logged } = createRoom();
    await channel.join(session);
    channel.outcome = "forget";
    write("one");
    await settle();
    channel.outcome = "deliver";
    clock.advance(2_000);
    await settle();
    expect(logged()).toEqual(["one"]);
  });

  it("leaves no timer behind when everything has arrived", async () => {
    const { channel, clock, session, write } = createRoom();
    await channel.join(session);
    write("one");
    await settle();
    expect(clock.timers).toBe(0);
  });

  it("does not take another person's message with the same id for its own", async () => {
    const { channel, session, write, waiting } = createRoom();
    await channel.join(session);
    channel.outcome = "lose";
    const { id } = write("one");
    session.receivePublication(channel.append({ id, text: "not mine" }, bo));
    expect(waiting()).toEqual(["one: sending"]);
  });
});

describe("unread messages", () => {
  it("are counted where the person does not look, but not their own", async () => {
    const { channel, session } = createRoom({ isOpen: false });
    await channel.join(session);
    channel.say("hi", bo);
    channel.say("from my other window", ann);
    expect(session.unread).toBe(1);
    session.show(true, true);
    expect(session.unread).toBe(0);
  });

  it("are counted in the open room while the page is out of sight", async () => {
    const { channel, session } = createRoom();
    await channel.join(session);
    session.show(true, false);
    channel.say("hi", bo);
    expect(session.unread).toBe(1);
  });

  it("are counted from where the room was left, across a reload", async () => {
    const { area, channel, session } = createRoom();
    await channel.join(session);
    channel.say("seen", bo);
    channel.drop();
    appendMany(channel, 3);
    const reloaded = createRoom({ area, channel, isOpen: false });
    await channel.join(reloaded.session);
    expect(reloaded.session.unread).toBe(3);
  });

  it("are none in a room never opened, until something is said", async () => {
    const { channel, session } = createRoom({ isOpen: false });
    appendMany(channel, 5);
    await channel.join(session);
    expect(session.unread).toBe(0);
    channel.drop();
    appendMany(channel, 2);
    await channel.join(session, 5);
    expect(session.unread).toBe(2);
  });

  it("are counted in a room never opened from when it was first joined, across a reload", async () => {
    const { area, channel, session } = createRoom({ isOpen: false });
    appendMany(channel, 5);
    await channel.join(session);
    appendMany(channel, 2);
    const reloaded = createRoom({ area, channel, isOpen: false });
    await channel.join(reloaded.session);
    expect(reloaded.session.unread).toBe(2);
  });

  it("stay counted when a new log begins", async () => {
    const { channel, session } = createRoom({ isOpen: false });
    await channel.join(session);
    channel.say("hi", bo);
    channel.drop();
    channel.restart("e2");
    appendMany(channel, 2);
    channel.evicted = 99;
    await channel.join(session, 1);
    expect(session.unread).toBe(3);
  });
});

describe("a room open for weeks", () => {
  it("lets go of old messages while the person follows the newest", async () => {
    const { channel, session } = createRoom();
    await channel.join(session);
    for (let count = 0; count < 600; count++) channel.say("x", bo);
    expect(session.timeline.entries).toHaveLength(500);
    session.isFollowing = false;
    channel.say("x", bo);
    expect(session.timeline.entries).toHaveLength(501);
  });
});
