import { describe, expect, it } from "vitest";
import { Notices } from "../../notices/model/notices.js";
import { refusal } from "../refusal.js";
import { HandClock } from "../server/support/hand-clock.js";
import { FakeLink } from "./fake-link.js";

async function start(prepare: (link: FakeLink) => void = () => {}) {
  const link = new FakeLink();
  prepare(link);
  const clock = new HandClock();
  const kept = new Map<string, unknown>();
  const shown: { title: string; body: string; tag: string }[] = [];
  const browser = {
    isHidden: false,
    permission: "default" as "default" | "granted" | "denied" | undefined,
    answer: "granted" as "granted" | "denied",
  };
  const open = () =>
    new Notices({
      ...{ link, later: clock.later },
      desktop: {
        permission: () => browser.permission,
        request: async () => {
          browser.permission = browser.answer;
        },
        show: (title, options) => shown.push({ title, ...options }),
        isHidden: () => browser.isHidden,
      },
      storage: { read: (key) => kept.get(key), write: (key, value) => kept.set(key, value) },
    });
  const notices = open();
  notices.start();
  await clock.advance(0);
  const texts = () => notices.shown.map(({ notice }) => notice.text);
  const toasts = () => notices.toasts.shown.map(({ notice }) => notice.text);
  return { link, clock, notices, open, browser, shown, texts, toasts };
}

const withThree = (link: FakeLink) => {
  for (const text of ["one", "two", "three"]) link.publish(text);
};

describe("Notices", () => {
  it("has what is kept, the newest first, and reads on from there", async () => {
    const { link, notices, texts, toasts } = await start(withThree);
    expect(texts()).toEqual(["three", "two", "one"]);
    expect(link.readings.map(({ since }) => since)).toEqual([{ epoch: "e1", offset: 3 }]);
    expect([notices.unread, toasts()]).toEqual([3, []]);
    link.publish("four");
    expect([texts()[0], notices.unread, toasts()]).toEqual(["four", 4, ["four"]]);
  });

  it("asks on where an answer has not all", async () => {
    const { texts } = await start((link) => {
      withThree(link);
      link.pageSize = 2;
    });
    expect(texts()).toEqual(["three", "two", "one"]);
  });

  it("has each once, in order, and no more than are kept", async () => {
    const { link, notices, texts, toasts } = await start(withThree);
    const { listeners } = link.readings[0] as (typeof link.readings)[0];
    const [first] = link.log;
    if (first) listeners.onNotice(first);
    expect([texts(), toasts()]).toEqual([["three", "two", "one"], []]);
    for (let count = 0; count < 200; count++) link.publish("more");
    expect([notices.shown.length, notices.shown.at(-1)?.offset]).toEqual([100, 104]);
  });

  it("misses nothing after a break that was too long to be told of", async () => {
    const { link, clock, texts } = await start(withThree);
    const reading = link.readings[0] as (typeof link.readings)[0];
    reading.isOver = true;
    link.publish("four");
    reading.isOver = false;
    reading.listeners.onStatus({ state: "subscribed", wasRecovering: true, recovered: false });
    await clock.advance(0);
    expect(texts()).toEqual(["four", "three", "two", "one"]);
    expect(link.readings).toHaveLength(1);
  });

  it("begins anew with another log", async () => {
    const { link, clock, notices, texts } = await start(withThree);
    notices.markAllRead();
    await clock.advance(0);
    Object.assign(link, { epoch: "e2", log: [] });
    link.publish("fresh");
    link.readings[0]?.listeners.onStatus({ state: "subscribed", wasRecovering: true, recovered: false });
    await clock.advance(0);
    expect([texts(), notices.unread]).toEqual([["fresh"], 1]);
  });

  it("says in words what does not work, and can try again", async () => {
    const { link, clock, notices, texts } = await start((fake) => {
      withThree(fake);
      fake.failure = refusal("the history of a", 103, "permission denied");
    });
    expect([notices.isLoaded, notices.problem]).toEqual([false, "permission denied"]);
    link.failure = undefined;
    notices.begin();
    await clock.advance(0);
    expect([notices.isLoaded, notices.problem, texts().length]).toEqual([true, undefined, 3]);
  });

  it("tells what came of sending", async () => {
    const { link, notices } = await start();
    expect(await notices.notify("Bo", "hi")).toEqual({ isDone: true, words: "Sent to Bo." });
    link.failure = refusal("notify", 404, "there is nobody named Bo");
    expect(await notices.notify("Bo", "hi")).toEqual({ isDone: false, words: "There is nobody named Bo." });
    expect((await notices.notifyMe(5)).isDone).toBe(false);
  });

  it("leaves everything when it is closed", async () => {
    const { link, clock, notices } = await start();
    link.publish("one");
    notices.close();
    expect([link.readings[0]?.isOver, clock.timers]).toEqual([true, 0]);
  });
});

describe("what is read", () => {
  it("is so at once, and stays so when the server has it", async () => {
    const { link, clock, notices } = await start(withThree);
    notices.markRead(2);
    expect(notices.shown.map(({ isUnread }) => isUnread)).toEqual([true, false, true]);
    await clock.advance(0);
    expect([notices.unread, link.marks?.read]).toEqual([2, [2]]);
    notices.dismiss(3);
    expect([notices.unread, notices.shown.length]).toEqual([1, 2]);
    await clock.advance(0);
    notices.markAllRead();
    await clock.advance(0);
    expect([notices.unread, notices.shown.length, link.marks?.readTo]).toEqual([0, 2, 3]);
    expect(link.changes).toEqual([
      { epoch: "e1", read: [2] },
      { epoch: "e1", dismiss: [3] },
      { epoch: "e1", readTo: 3 },
    ]);
  });

  it("is taken back where the server does not take it, and that is said", async () => {
    const { link, clock, notices } = await start(withThree);
    link.failure = new Error("markNotices got no answer in time");
    notices.markAllRead();
    expect(notices.unread).toBe(0);
    await clock.advance(0);
    expect([notices.unread, notices.problem]).toEqual([3, "markNotices got no answer in time"]);
  });

  it("follows other windows, and no older word than it has", async () => {
    const { link, clock, notices } = await start(withThree);
    const old = link.markElsewhere({ read: [1] });
    expect(notices.unread).toBe(2);
    link.markElsewhere({ read: [2] });
    // An answer that was overtaken.
    link.mark = async () => old;
    notices.markRead(1);
    await clock.advance(0);
    expect(notices.unread).toBe(1);
  });

  it("goes by the answer where the map has not told yet", async () => {
    const { link, clock, notices } = await start(withThree);
    link.tellsMarks = false;
    notices.markRead(3);
    await clock.advance(0);
    expect(notices.unread).toBe(2);
  });

  it("counts for nothing in another log", async () => {
    const { notices } = await start((link) => {
      withThree(link);
      link.marks = { epoch: "another", version: 9, readTo: 3, read: [], dismissed: [2] };
    });
    expect([notices.unread, notices.shown.length]).toEqual([3, 3]);
  });
});

describe("toasts", () => {
  it("stay for some seconds, three at most", async () => {
    const { link, clock, toasts } = await start();
    for (const text of ["one", "two", "three", "four"]) link.publish(text);
    expect(toasts()).toEqual(["two", "three", "four"]);
    await clock.advance(7000);
    expect([toasts(), clock.timers]).toEqual([[], 0]);
  });

  it("stay for as long as somebody looks at them", async () => {
    const { link, clock, notices, toasts } = await start();
    link.publish("one");
    notices.toasts.hold();
    link.publish("two");
    await clock.advance(60_000);
    expect(toasts()).toEqual(["one", "two"]);
    notices.toasts.release();
    await clock.advance(7000);
    expect(toasts()).toEqual([]);
  });

  it("go when what they tell is read, here or elsewhere", async () => {
    const { link, toasts } = await start();
    link.publish("one");
    link.publish("two");
    link.markElsewhere({ read: [1] });
    expect(toasts()).toEqual(["two"]);
  });
});

describe("toasts after a break", () => {
  it("say nothing of what was read elsewhere meanwhile", async () => {
    const { link, toasts } = await start();
    const reading = link.readings[0] as (typeof link.readings)[0];
    reading.isOver = true;
    link.publish("read elsewhere");
    link.publish("new");
    link.markElsewhere({ read: [1] });
    for (const received of link.log) reading.listeners.onNotice(received);
    expect(toasts()).toEqual(["new"]);
  });
});

describe("notifications of the desktop", () => {
  it("come only to who has asked for them, and only while the page is hidden", async () => {
    const { link, clock, notices, browser, shown, open } = await start();
    browser.isHidden = true;
    link.publish("one");
    expect([notices.desktop.state, shown]).toEqual(["off", []]);
    await notices.desktop.turnOn();
    link.publish("two");
    expect(shown).toEqual([{ title: "Bo", body: "two", tag: "holdfast-notice-2" }]);
    browser.isHidden = false;
    link.publish("three");
    expect(shown).toHaveLength(1);
    // What was chosen is known at the next visit.
    expect(open().desktop.state).toBe("on");
    notices.desktop.turnOff();
    browser.isHidden = true;
    link.publish("four");
    await clock.advance(0);
    expect([notices.desktop.state, shown.length]).toEqual(["off", 1]);
  });

  it("are refused, or not there at all, without a fault", async () => {
    const { notices, browser } = await start();
    browser.answer = "denied";
    await notices.desktop.turnOn();
    expect(notices.desktop.state).toBe("denied");
    browser.permission = undefined;
    expect(notices.desktop.state).toBe("absent");
  });
});
