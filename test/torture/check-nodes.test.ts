/** What the checker says of several nodes, and of stores that went back to an earlier state. */
import { describe, expect, it } from "vitest";
import { splitByChannel } from "./channel-history.js";
import { countReplaced } from "./check-acknowledgements.js";
import type { History } from "./history.js";
import { broken, Story } from "./support/story.js";

const replaced = (history: History) => splitByChannel(history).map(countReplaced);

describe("checker: nodes", () => {
  const story = () => new Story("process:1").publish("1/1", "a:1").publish("1/2", "a:2");

  it("finds nothing where all nodes have the same log", () => {
    expect(broken(story().history("a: 1/1 1/2", { others: ["a: 1/1 1/2", "a: 1/1 1/2"] }))).toEqual([]);
  });

  it("finds a node whose log ends earlier, is of another epoch, or has another publication", () => {
    for (const other of ["a: 1/1", "b: 1/1 1/2", "a: 1/2 1/1"])
      expect(broken(story().history("a: 1/1 1/2", { others: ["a: 1/1 1/2", other] })), other).toEqual([
        "differs",
      ]);
  });
});

describe("checker: a store that went back", () => {
  const story = () =>
    new Story("process:1").publish("1/1", "a:1").publish("1/2", "a:2").end("rollback").publish("1/3", "b:2");

  it("finds nothing where the log has a new epoch and readers were told, and counts what is gone", () => {
    const kept = story();
    kept.reader("r").subscribe("a:0").get("1/1@1", "1/2@2").unsubscribed().told("a:2", "b:1").get("1/3@2");
    const history = kept.history("b: 1/1 1/3");
    expect(broken(history)).toEqual([]);
    expect(replaced(history)).toEqual([1]);
  });

  it("counts nothing where nothing is gone", () => {
    expect(replaced(new Story("process:1").publish("1/1", "a:1").history("a: 1/1"))).toEqual([0]);
  });

  it("lets a reader without an epoch be refused, and none that has the epoch", () => {
    const early = story();
    early.reader("r").told(":0", "b:1").get("1/3@2");
    expect(broken(early.history("b: 1/1 1/3"))).toEqual([]);
    const late = story();
    late.reader("r").told("b:0", "b:1").get("1/3@2");
    expect(broken(late.history("b: 1/1 1/3"))).toEqual(["needless"]);
  });

  it("finds a reader that was not told", () => {
    const silent = story();
    silent.reader("r").subscribe("a:0").get("1/1@1", "1/2@2", "1/3@b:2");
    expect(broken(silent.history("b: 1/1 1/3"))).toEqual(["gap"]);
  });

  it("finds an epoch that has gone on with other publications", () => {
    const same = new Story("process:1").publish("1/1", "a:1").publish("1/2", "a:2").end("rollback");
    expect(broken(same.publish("1/3", "a:2").history("a: 1/1 1/3"))).toEqual(["lost", "conflict"]);
  });

  it("finds that something is gone where no store went back", () => {
    const killed = new Story("process:1").publish("1/1", "a:1").publish("1/2", "a:2").end("kill");
    expect(broken(killed.publish("1/3", "b:2").history("b: 1/1 1/3"))).toContain("lost");
  });

  it("lets the last of an old primary be gone, which is no reason for another epoch", () => {
    const demoted = () => story().publish("1/4", "a:3").end("demotion");
    expect(broken(demoted().history("b: 1/1 1/3"))).toEqual([]);
    const renewed = demoted().publish("1/5", "c:3");
    expect(broken(renewed.history("c: 1/1 1/3 1/5"))).toEqual(["epoch"]);
  });

  it("holds channels on the disk to what was acknowledged, in whatever epoch", () => {
    const disk = () =>
      new Story("disk:1").publish("1/1", "a:1").publish("1/2").end("rollback").publish("1/3", "b:2");
    expect(broken(disk().history("b: 1/1 1/3"))).toEqual([]);
    expect(broken(disk().history("b@2: 1/3"))).toContain("lost");
  });
});
