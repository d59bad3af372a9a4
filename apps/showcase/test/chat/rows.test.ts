import { describe, expect, it } from "vitest";
import { createCounter } from "../../../../packages/holdfast/test/support/counter.js";
import { Outbox } from "../../chat/model/room-sender.js";
import { arrangeRows, dayOf, dayText, type Row, timeText } from "../../chat/model/rows.js";
import { Timeline } from "../../chat/model/timeline.js";
import { PageStorage } from "../../shared/session/storage.js";

const me = { user: "ann", name: "Ann" };
const at = (day: number, hour: number, minute = 0) => new Date(2024, 4, day, hour, minute).getTime();

function timelineOf(...messages: [user: string, sentAt: number | undefined][]): Timeline {
  const timeline = new Timeline();
  timeline.enterEpoch("e1");
  messages.forEach(([user, sentAt], index) => {
    const info = { user, client: `c ${user}`, connInfo: { name: user } };
    timeline.add({ offset: index + 1, info, data: { id: `m${index + 1}`, text: `t${index + 1}`, sentAt } });
  });
  return timeline;
}

/** One word per row: the day of the month, the break, or the author with the texts. */
function outline(rows: Row[]): string[] {
  return rows.map((row) => {
    if (row.kind === "day") return `day ${new Date(row.day).getDate()}`;
    if (row.kind !== "group") return row.kind;
    return `${row.author.user}${row.isOwn ? "*" : ""}: ${row.messages.map(({ text }) => text).join(" ")}`;
  });
}

describe("rows of a timeline", () => {
  it("group what one author says in a while, and mark days", () => {
    const timeline = timelineOf(
      ["bo", at(1, 9)],
      ["bo", at(1, 9, 4)],
      ["bo", at(1, 9, 30)],
      ["ann", at(1, 9, 31)],
      ["ann", at(2, 9)],
    );
    expect(outline(arrangeRows(timeline, [], me))).toEqual([
      ...["day 1", "bo: t1 t2", "bo: t3", "ann*: t4"],
      ...["day 2", "ann*: t5"],
    ]);
  });

  it("don't turn the calendar back for a message that waited long", () => {
    const timeline = timelineOf(["bo", at(2, 9)], ["ann", at(1, 9)], ["bo", at(2, 10)]);
    const rows = arrangeRows(timeline, [], me);
    expect(outline(rows)).toEqual(["day 2", "bo: t1", "ann*: t2", "bo: t3"]);
    expect(rows[2]).toMatchObject({ day: dayOf(at(2, 9)) });
  });

  it("group messages without a time by author alone", () => {
    const timeline = timelineOf(["", undefined], ["", undefined], ["bo", undefined]);
    expect(outline(arrangeRows(timeline, [], me))).toEqual([": t1 t2", "bo: t3"]);
  });

  it("show gaps and new logs where they are", () => {
    const timeline = timelineOf(["bo", undefined]);
    timeline.add({ offset: 5, data: "later" });
    expect(arrangeRows(timeline, [], me)[1]).toMatchObject({ kind: "gap", beforeOffset: 5 });
    timeline.enterEpoch("e2");
    timeline.add({ offset: 1, data: "afresh" });
    const rows = arrangeRows(timeline, [], me);
    expect(rows.map(({ kind }) => kind)).toEqual(["group", "gap", "group", "new-log", "group"]);
    expect(rows[1]).toMatchObject({ beforeOffset: undefined });
  });

  it("end with what waits, unless the room has it already, under the key it will keep", () => {
    const timeline = timelineOf(["bo", undefined]);
    const outbox = new Outbox(new PageStorage(undefined, ""), () => at(1, 9), createCounter("w"));
    for (const text of ["one", "two"]) outbox.add("lobby", text);
    const info = { user: "ann", client: "c1", connInfo: { name: "Ann" } };
    timeline.add({ offset: 2, info, data: { id: "w-1", text: "one" } });
    const rows = arrangeRows(timeline, outbox.entriesOf("lobby"), me);
    const groups = rows.filter((row) => row.kind === "group").slice(1);
    expect(
      groups.flatMap(({ messages }) => messages.map(({ text, pending }) => [text, pending?.id])),
    ).toEqual([
      ["one", undefined],
      ["two", "w-2"],
    ]);
    const key = groups.at(-1)?.messages.at(-1)?.key;
    expect(timeline.add({ offset: 3, info, data: { id: "w-2", text: "two" } })?.key).toBe(key);
  });
});

describe("words for days and times", () => {
  it("names today, yesterday and other days", () => {
    const now = at(15, 0, 1);
    expect(dayText(at(15, 23), now)).toBe("Today");
    expect(dayText(at(14, 0), now)).toBe("Yesterday");
    expect(dayText(at(13, 23), now)).toMatch(/13/);
    expect(dayText(new Date(2023, 4, 15).getTime(), now)).toMatch(/2023/);
  });

  it("adds the day to a time that stands under another", () => {
    const day = dayOf(at(2, 0));
    expect(timeText(at(1, 9), day)).toContain(timeText(at(1, 9), undefined));
    expect(timeText(at(1, 9), day)).not.toBe(timeText(at(1, 9), undefined));
    expect(timeText(at(2, 9), day)).toBe(timeText(at(2, 9), undefined));
  });
});

describe("rows of what moderators say", () => {
  it("show that a message was deleted, without its text, and that a room was cleared", () => {
    const timeline = timelineOf(["bo", at(1, 9)], ["bo", at(1, 9, 1)]);
    timeline.add({ offset: 3, data: { event: "deleted", offset: 2, epoch: "e1" } });
    const [, group] = arrangeRows(timeline, [], me);
    expect(group?.kind === "group" && group.messages).toMatchObject([
      { text: "t1", isDeleted: false, offset: 1 },
      { text: "", isDeleted: true, offset: 2 },
    ]);
    timeline.add({ offset: 4, data: { event: "cleared" } });
    expect(outline(arrangeRows(timeline, [], me))).toEqual(["cleared"]);
  });
});
