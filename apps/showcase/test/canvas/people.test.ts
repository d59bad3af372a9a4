import { describe, expect, it } from "vitest";
import { CanvasWork } from "../../canvas/model/canvas.js";
import { Cursors } from "../../canvas/model/cursors.js";
import { People } from "../../canvas/model/people.js";
import { info } from "./fake-board.js";

describe("cursors", () => {
  it("go to where they were seen, and are there after a while", () => {
    const cursors = new Cursors();
    cursors.receive(info("bo"), { x: 100, y: 100 });
    expect(cursors.list).toMatchObject([{ x: 100, y: 100, name: "BO", colour: undefined }]);
    expect(cursors.step(16, false)).toBe(false);
    cursors.receive(info("bo"), { x: 200, y: 100, colour: 4 });
    expect(cursors.step(16, false)).toBe(true);
    const [first] = cursors.list;
    expect(first?.x).toBeGreaterThan(110);
    expect(first?.x).toBeLessThan(190);
    let steps = 0;
    while (cursors.step(16, false) && steps < 100) steps++;
    expect(cursors.list).toMatchObject([{ x: 200, y: 100, colour: 4 }]);
    expect(steps).toBeLessThan(40);
    // At once where people want no motion.
    cursors.receive(info("bo"), { x: 900, y: 900 });
    expect([cursors.step(16, true), cursors.list[0]?.x]).toEqual([false, 900]);
  });

  it("go with their windows, and are bounded", () => {
    const cursors = new Cursors();
    for (const each of [info("bo", "1"), info("bo", "2"), info("cy")]) cursors.receive(each, { x: 0, y: 0 });
    cursors.leave("1");
    cursors.receive(info("cy"), {});
    expect(cursors.list.map(({ client }) => client)).toEqual(["2"]);
    for (let number = 0; number < 500; number++) cursors.receive(info("many", `m${number}`), { x: 0, y: 0 });
    expect(cursors.list.length).toBe(200);
    cursors.clear();
    expect(cursors.list).toEqual([]);
  });
});

describe("people", () => {
  it("are the server's list, with who came and went since it was asked for", () => {
    const people = new People();
    people.join(info("old"));
    people.expect();
    people.join(info("dee"));
    people.leave("bo-1");
    people.receive([info("bo"), info("ann"), info("ann", "ann-2")]);
    expect(people.list.map(({ name }) => name)).toEqual(["ANN", "DEE"]);
    people.leave("ann-1");
    expect(people.list.length).toBe(2);
    people.leave("ann-2");
    expect(people.list.map(({ name }) => name)).toEqual(["DEE"]);
  });
});

describe("what is to be painted", () => {
  it("is everything at first, then what is new, and everything again where that is too much", () => {
    let calls = 0;
    const work = new CanvasWork(() => calls++);
    expect([work.take(), work.take()]).toEqual(["all", []]);
    const piece = { author: "ann", part: {} as never, offset: 1 };
    work.add("nothing");
    work.add(piece);
    work.add(piece, 6);
    expect([work.take(), calls]).toEqual([
      [
        { piece, from: 0 },
        { piece, from: 6 },
      ],
      2,
    ]);
    for (let count = 0; count < 600; count++) work.add(piece);
    expect(work.take()).toBe("all");
    work.add(piece);
    work.add("all");
    work.add(piece);
    expect([work.take(), work.take()]).toEqual(["all", []]);
  });
});
