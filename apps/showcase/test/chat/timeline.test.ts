import { describe, expect, it } from "vitest";
import { Timeline } from "../../chat/model/timeline.js";

const ann = { user: "ann", client: "c1" };
const bo = { user: "bo", client: "c2" };
const message = (offset: number, id = `m${offset}`, info = ann) => ({ offset, info, data: { id, text: id } });
const texts = (timeline: Timeline) => timeline.entries.map(({ message: { text } }) => text);

function timelineWith(...offsets: number[]): Timeline {
  const timeline = new Timeline();
  timeline.enterEpoch("e1");
  for (const offset of offsets) timeline.add(message(offset));
  return timeline;
}

describe("timeline", () => {
  it("orders publications by offset, however they arrive", () => {
    expect(texts(timelineWith(3, 1, 2, 5, 4))).toEqual(["m1", "m2", "m3", "m4", "m5"]);
  });

  it("shows a publication once that comes live, recovered and from history", () => {
    expect(texts(timelineWith(1, 2, 2, 1))).toEqual(["m1", "m2"]);
  });

  it("shows a message once that was published twice", () => {
    const timeline = timelineWith(1);
    expect(timeline.add(message(2, "m1"))).toBeUndefined();
    expect(texts(timeline)).toEqual(["m1"]);
  });

  it("does not let one author hide another's message by its id", () => {
    const timeline = timelineWith(1);
    timeline.add(message(2, "m1", bo));
    expect(timeline.entries).toHaveLength(2);
  });

  it("shows every publication without an author, whatever its id", () => {
    const timeline = new Timeline();
    for (const offset of [1, 2]) timeline.add({ offset, data: { id: "1", text: "hi" } });
    expect(timeline.entries).toHaveLength(2);
  });

  it("shows publications of a channel without a log in the order of arrival", () => {
    const timeline = new Timeline();
    for (const text of ["b", "a"]) timeline.add({ data: text });
    expect(texts(timeline)).toEqual(["b", "a"]);
  });

  it("knows a gap, and that it is closed", () => {
    const timeline = timelineWith(1, 2, 5);
    expect([0, 1, 2].map((index) => timeline.breakBefore(index))).toEqual(["none", "none", "gap"]);
    for (const offset of [3, 4]) timeline.add(message(offset));
    expect([2, 3, 4].map((index) => timeline.breakBefore(index))).toEqual(["none", "none", "none"]);
  });

  it("takes a repeated message for no gap", () => {
    const timeline = timelineWith(1);
    timeline.add(message(2, "m1"));
    timeline.add(message(3));
    expect(timeline.breakBefore(1)).toBe("none");
  });

  it("places a new log after the old one, and counts its offsets apart", () => {
    const timeline = timelineWith(1, 2);
    timeline.enterEpoch("e2");
    for (const id of ["x1", "x2"]) timeline.add(message(id === "x1" ? 1 : 2, id));
    expect(texts(timeline)).toEqual(["m1", "m2", "x1", "x2"]);
    expect([1, 2, 3].map((index) => timeline.breakBefore(index))).toEqual(["none", "new-log", "none"]);
    expect(timeline.oldestOffset).toBe(1);
    expect(timeline.startsInPresentEpoch).toBe(false);
  });

  it("takes the first epoch it hears of for the one it was in", () => {
    const timeline = new Timeline();
    timeline.enterEpoch("");
    timeline.add(message(1));
    timeline.enterEpoch("e1");
    timeline.add(message(2));
    expect(timeline.breakBefore(1)).toBe("none");
  });

  it("lets go of the oldest, which can then be read again", () => {
    const timeline = timelineWith(1, 2, 3);
    timeline.trim(1);
    expect(texts(timeline)).toEqual(["m3"]);
    for (const offset of [2, 1]) timeline.add(message(offset));
    expect(texts(timeline)).toEqual(["m1", "m2", "m3"]);
  });
});

describe("what moderators say", () => {
  const deletes = (offset: number, at: number, epoch = "e1") => ({
    offset: at,
    data: { event: "deleted", offset, epoch },
  });
  const shown = (timeline: Timeline) =>
    timeline.entries.filter(({ event }) => !event).map(({ message, isDeleted }) => [message.text, isDeleted]);

  it("takes a message out, also one that is read only later", () => {
    const timeline = timelineWith(3);
    timeline.add(deletes(3, 4));
    timeline.add(deletes(2, 5));
    timeline.add(message(2));
    timeline.add(message(1));
    expect(shown(timeline)).toEqual([
      ["m1", false],
      ["m2", true],
      ["m3", true],
    ]);
    expect(timeline.breakBefore(timeline.entries.length - 1)).toBe("none");
  });

  it("does not reach into a log that is another one", () => {
    const timeline = timelineWith(1);
    timeline.enterEpoch("e2");
    timeline.add(message(1, "new"));
    timeline.add(deletes(1, 2));
    timeline.add(deletes(1, 3, "e3"));
    expect(shown(timeline)).toEqual([
      ["m1", false],
      ["new", false],
    ]);
  });

  it("clears what came before, also what is read only later", () => {
    const timeline = timelineWith(2, 3);
    timeline.add({ offset: 4, data: { event: "cleared" } });
    timeline.add(message(1));
    timeline.add(message(5));
    expect(shown(timeline)).toEqual([["m5", false]]);
  });

  it("is believed of the server only: of a client it is a message", () => {
    const timeline = timelineWith(1);
    timeline.add({ ...deletes(1, 2), info: bo });
    timeline.add({ offset: 3, info: bo, data: { event: "cleared" } });
    expect(shown(timeline).map(([, isDeleted]) => isDeleted)).toEqual([false, false, false]);
  });
});
