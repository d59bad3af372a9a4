import { describe, expect, it } from "vitest";
import { createCounter } from "../../../../packages/holdfast/test/support/counter.js";
import { FakeClock, settle } from "../../../../packages/holdfast/test/support/fake-clock.js";
import { Board } from "../../canvas/model/board.js";
import { boardOfHash } from "../../canvas/model/canvas.js";
import { pageSize } from "../../canvas/model/log-reader.js";
import { logSize, type PartEvent } from "../../canvas/server/board.js";
import { FakeBoard, FakeLog, info, refusal } from "./fake-board.js";

const part = (stroke: string, n = 0): PartEvent => ({
  ...{ kind: "part", stroke, n, colour: 0, width: 0, points: [n, n, 50] },
});
const style = { colour: 1, width: 1 };

/** A window of somebody on a board. */
function openWindow(log: FakeLog, user: string) {
  const clock = new FakeClock();
  const line = new FakeBoard(log, info(user));
  const board = new Board({
    ...{ link: line.link, me: () => user, createId: createCounter(user) },
    clock: () => clock.now(),
    later: (delayMs, task) => clock.setTimer(task, delayMs),
    onChange: () => {},
    onWork: () => {},
  });
  const pass = async (ms: number) => {
    for (let step = 0; step < ms; step += 25) {
      clock.advance(25);
      await settle();
    }
  };
  const draw = (count = 3) => {
    board.pen.down({ x: 0, y: 0, pressure: 0.5 }, style);
    for (let x = 1; x < count; x++) board.pen.move({ x: 10 * x, y: 0, pressure: 0.5 });
    board.pen.up();
  };
  const pieces = () =>
    board.drawing
      .pieces()
      .map(({ author, part: { stroke, n, points } }) => `${author}/${stroke}:${n} ${points}`);
  return { clock, line, board, pass, draw, pieces };
}

describe("a board in a window", () => {
  it("shows a late joiner the whole log, page by page, up to where it was cleared", async () => {
    const log = new FakeLog();
    for (let n = 0; n < 900; n++) log.append(part(`s${n}`), info("bo"));
    const ann = openWindow(log, "ann");
    ann.line.connect();
    expect(ann.board.isRead).toBe(false);
    await settle();
    expect([ann.board.isRead, ann.board.drawing.size, ann.line.historyRequests.length]).toEqual([
      true,
      900,
      4,
    ]);
    expect(ann.line.historyRequests[1]).toEqual({
      ...{ limit: pageSize, reverse: true, since: { epoch: "e1", offset: 651 } },
    });

    log.append({ kind: "clear" }, info("bo"));
    expect([ann.board.drawing.size, ann.board.news]).toEqual([0, "BO cleared the board."]);
    log.append(part("new"), info("bo"));
    const cy = openWindow(log, "cy");
    cy.line.connect();
    await settle();
    expect([cy.pieces(), cy.line.historyRequests.length, cy.board.news]).toEqual([ann.pieces(), 1, ""]);
  });

  it("shows what is left of a log that has been full for long", async () => {
    const log = new FakeLog();
    const ann = openWindow(log, "ann");
    ann.line.connect();
    await settle();
    for (let n = 0; n < logSize + 700; n++) log.append(part(`s${n}`), info("bo"));
    const cy = openWindow(log, "cy");
    cy.line.connect();
    await settle();
    expect(cy.board.drawing.size).toBe(logSize);
    expect(cy.pieces()).toEqual(ann.pieces());
  });

  it("sends what is drawn while the line is cut when it is back, and misses nothing of the others", async () => {
    const log = new FakeLog();
    const [ann, bo] = [openWindow(log, "ann"), openWindow(log, "bo")];
    for (const { line } of [ann, bo]) line.connect();
    ann.draw();
    await ann.pass(500);
    ann.line.cut();
    ann.draw();
    ann.draw();
    ann.board.undo();
    bo.draw();
    await Promise.all([ann.pass(1000), bo.pass(1000)]);
    expect([ann.board.waiting, ann.board.drawing.size, bo.board.drawing.size]).toEqual([3, 2, 2]);
    ann.line.connect();
    await ann.pass(1000);
    expect([ann.board.waiting, ann.board.drawing.size]).toEqual([0, 3]);
    expect(bo.pieces()).toEqual(ann.pieces());
    expect(ann.line.historyRequests.length).toBe(1);
    const late = openWindow(log, "cy");
    late.line.connect();
    await settle();
    expect(late.pieces()).toEqual(ann.pieces());
  });

  it("has nothing twice where an answer was lost", async () => {
    const log = new FakeLog();
    const ann = openWindow(log, "ann");
    ann.line.connect();
    await settle();
    ann.line.lostAnswers = 2;
    ann.draw();
    await ann.pass(3000);
    expect([log.log.length, ann.board.waiting, ann.board.drawing.size]).toEqual([1, 0, 1]);
  });

  it("reads the log anew where too much was missed, and where it is another", async () => {
    const log = new FakeLog();
    const ann = openWindow(log, "ann");
    ann.line.connect();
    ann.draw();
    await ann.pass(500);
    ann.line.cut();
    for (let n = 0; n < logSize + 5; n++) log.append(part(`s${n}`), info("bo"));
    ann.line.connect();
    expect(ann.board.isRead).toBe(false);
    await settle();
    expect([ann.board.isRead, ann.board.drawing.size, ann.pieces()[0]]).toEqual([
      true,
      logSize,
      "bo/s5:0 0,0,50",
    ]);
    ann.line.cut();
    ann.draw();
    log.epoch = "e2";
    log.top = 0;
    log.log = [];
    log.append(part("fresh"), info("bo"), "another");
    ann.line.connect();
    await ann.pass(500);
    expect(ann.board.drawing.size).toBe(2);
    expect(log.log.length).toBe(2);
  });

  it("reads on where the line broke while it read", async () => {
    const log = new FakeLog();
    for (let n = 0; n < 400; n++) log.append(part(`s${n}`), info("bo"));
    const ann = openWindow(log, "ann");
    ann.line.connect();
    ann.line.cut();
    await settle();
    log.append(part("meanwhile"), info("bo"));
    ann.line.connect();
    await settle();
    expect([ann.board.isRead, ann.board.drawing.size, ann.board.problem]).toEqual([true, 401, ""]);
  });

  it("takes nothing of a page that was asked for before the line broke", async () => {
    const log = new FakeLog();
    for (let n = 0; n < 20; n++) log.append(part(`s${n}`), info("bo"));
    const ann = openWindow(log, "ann");
    ann.line.connect();
    // The page is under way, and meanwhile the log is another.
    ann.line.cut();
    log.epoch = "e2";
    log.top = 0;
    log.log = [];
    ann.line.connect();
    await settle();
    expect([ann.board.isRead, ann.board.drawing.size]).toEqual([true, 0]);
  });

  it("takes back what the server refuses, and says why", async () => {
    const log = new FakeLog();
    const ann = openWindow(log, "ann");
    ann.line.connect();
    await settle();
    ann.draw();
    await ann.pass(500);
    ann.line.failures.push(refusal(403, "a moderator has banned you"));
    ann.draw();
    expect(ann.board.drawing.size).toBe(2);
    await ann.pass(500);
    expect([ann.board.drawing.size, ann.board.waiting]).toEqual([1, 0]);
    expect(ann.board.problem).toBe("The server refused it: a moderator has banned you.");
    // Nor is a stroke gone that may not be undone.
    ann.line.failures.push(refusal(403, "no"));
    ann.board.undo();
    expect([ann.board.drawing.size, ann.board.canUndo]).toEqual([0, false]);
    await ann.pass(500);
    expect([ann.board.drawing.size, ann.board.canUndo]).toEqual([1, true]);
    ann.line.refuse();
    expect([ann.board.problem, ann.board.isLive]).toEqual([
      "This board is not available: permission denied.",
      false,
    ]);
  });

  it("draws no more where too much waits for the line", async () => {
    const log = new FakeLog();
    const ann = openWindow(log, "ann");
    ann.line.connect();
    await settle();
    ann.line.cut();
    for (let count = 0; count < 1100; count++) ann.draw(1);
    expect([ann.board.waiting, ann.board.drawing.size]).toEqual([1000, 1000]);
    expect(ann.board.problem).toBe("Too much is waiting to be sent: continue when the connection is back.");
  });

  it("asks again who is there where the server is too busy to say, and keeps who comes meanwhile", async () => {
    const ann = openWindow(new FakeLog(), "ann");
    ann.line.connect();
    ann.line.presence = [info("ann"), info("bo")];
    ann.line.refusedLists = 2;
    ann.board.show(true);
    const { cursorListeners: cursors } = ann.line;
    cursors?.onStatus?.({ state: "subscribed", wasRecovering: false, recovered: false });
    await settle();
    cursors?.onJoin?.(info("bo"));
    for (let waited = 0; waited < 6000; waited += 1000) await ann.pass(1000);
    expect(ann.board.people.list.map(({ user }) => user)).toEqual(["ann", "bo"]);
    ann.line.refusedLists = 1;
    cursors?.onStatus?.({ state: "subscribed", wasRecovering: false, recovered: false });
    await settle();
    ann.board.close();
    await ann.pass(6000);
    expect(ann.line.refusedLists).toBe(0);
  });

  it("has the others' pointers while it is shown, and its own not among them", async () => {
    const ann = openWindow(new FakeLog(), "ann");
    ann.line.connect();
    ann.line.presence = [info("ann"), info("bo")];
    ann.board.show(true);
    const { cursorListeners: cursors } = ann.line;
    cursors?.onStatus?.({ state: "subscribed", wasRecovering: false, recovered: false });
    await settle();
    expect(ann.board.people.list.map(({ user }) => user)).toEqual(["ann", "bo"]);
    const told = (user: string) =>
      cursors?.onPublication?.({ channel: "", data: { x: 1, y: 1 }, info: info(user) });
    for (const user of ["ann", "bo", "cy"]) told(user);
    expect(ann.board.cursors.list.map(({ user }) => user)).toEqual(["bo", "cy"]);
    cursors?.onLeave?.(info("bo"));
    // What it sent last, which comes late.
    told("bo");
    expect(ann.board.cursors.list.map(({ user }) => user)).toEqual(["cy"]);
    cursors?.onStatus?.({ state: "subscribing", code: 1, reason: "transport closed" });
    expect(ann.board.cursors.list).toEqual([]);
    ann.board.point({ x: 1.4, y: 2.6, pressure: 1 }, style);
    await ann.pass(100);
    ann.board.pen.down({ x: 1, y: 1, pressure: 1 }, style);
    ann.board.point({ x: 5, y: 5, pressure: 1 }, style);
    await ann.pass(100);
    ann.board.point();
    await ann.pass(100);
    expect(ann.line.pointed).toEqual([{ x: 1, y: 3 }, { x: 5, y: 5, colour: 1 }, {}]);
    ann.board.show(false);
    ann.board.point({ x: 9, y: 9, pressure: 1 }, style);
    await ann.pass(100);
    expect(ann.line.pointed.length).toBe(3);
  });

  it("leaves no timer when the visit is over", async () => {
    const ann = openWindow(new FakeLog(), "ann");
    ann.line.connect();
    ann.board.show(true);
    await settle();
    ann.draw();
    ann.board.point({ x: 1, y: 1, pressure: 1 }, style);
    ann.board.close();
    await ann.pass(1000);
    expect([ann.clock.timers, ann.line.cursorListeners]).toEqual([0, undefined]);
  });
});

describe("addresses", () => {
  it("name a board, or lead to the first", () => {
    expect(["#reef", "#harbour", "#nowhere", "", "#"].map(boardOfHash)).toEqual([
      "reef",
      "harbour",
      "harbour",
      "harbour",
      "harbour",
    ]);
  });
});
