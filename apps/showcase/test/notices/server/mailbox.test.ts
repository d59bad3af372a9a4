import { describe, expect, it } from "vitest";
import { Delayed, InTurn } from "../../../notices/server/mailbox.js";
import { HandClock } from "../../server/support/hand-clock.js";

function start() {
  const clock = new HandClock();
  const delayed = new Delayed({ later: clock.later, maxOfOne: 2, maxOfAll: 3 });
  const done: string[] = [];
  const add = (person: string, ms = 1000) => delayed.add(person, ms, () => done.push(person));
  return { clock, delayed, done, add };
}

describe("Delayed", () => {
  it("carries out each in its time, and is empty then", async () => {
    const { clock, delayed, done, add } = start();
    add("Ann", 2000);
    add("Bo");
    await clock.advance(1000);
    expect(done).toEqual(["Bo"]);
    await clock.advance(1000);
    expect([done, delayed.count]).toEqual([["Bo", "Ann"], 0]);
  });

  it("takes so many of one, and so many of all", async () => {
    const { clock, add } = start();
    expect([add("Ann"), add("Ann"), add("Ann")]).toEqual([true, true, false]);
    expect([add("Bo"), add("Bo")]).toEqual([true, false]);
    await clock.advance(1000);
    expect(add("Bo")).toBe(true);
  });

  it("drops what waits when it is closed, and takes nothing then", async () => {
    const { clock, delayed, done, add } = start();
    add("Ann");
    delayed.close();
    expect([clock.timers, delayed.count, add("Ann")]).toEqual([0, 0, false]);
    await clock.advance(5000);
    expect(done).toEqual([]);
    delayed.open();
    expect(add("Ann")).toBe(true);
  });
});

describe("InTurn", () => {
  it("carries out one after the other, also after one that failed, and keeps nothing", async () => {
    const inTurn = new InTurn();
    const said: string[] = [];
    const slow = inTurn.run("Ann", async () => {
      await Promise.resolve();
      said.push("first");
      throw new Error("no");
    });
    const quick = inTurn.run("Ann", async () => void said.push("second"));
    const other = inTurn.run("Bo", async () => void said.push("other"));
    await expect(slow).rejects.toThrow("no");
    await Promise.all([quick, other]);
    expect(said.indexOf("first")).toBeLessThan(said.indexOf("second"));
    expect(inTurn.size).toBe(0);
  });
});
