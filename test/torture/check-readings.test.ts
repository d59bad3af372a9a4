import { describe, expect, it } from "vitest";
import { checkHistory } from "./checker.js";
import { broken, Story } from "./support/story.js";

describe("checker: readers", () => {
  const twoAndMore = () => new Story("process:1").publish("1/1", "a:1").publish("1/2", "a:2");

  it("finds a publication that came twice", () => {
    const story = twoAndMore();
    story.reader("r").subscribe("a:0").get("1/1@1", "1/1@1", "1/2@2");
    expect(broken(story.history("a: 1/1 1/2"))).toEqual(["duplicate"]);
  });

  it("finds a publication that came again after a recovery", () => {
    const story = twoAndMore();
    story.reader("r").subscribe("a:0").get("1/1@1", "1/2@2").close().recover("a:2", "a:2").get("1/2@2");
    expect(broken(story.history("a: 1/1 1/2"))).toEqual(["duplicate"]);
  });

  it("finds a gap, and what came too late", () => {
    const story = twoAndMore();
    story.reader("r").subscribe("a:0").get("1/2@2", "1/1@1");
    expect(broken(story.history("a: 1/1 1/2"))).toEqual(["gap", "disorder"]);
  });

  it("finds a gap in a recovery", () => {
    const story = twoAndMore().publish("1/3", "a:3");
    story.reader("r").subscribe("a:0").get("1/1@1").close().recover("a:1", "a:1").get("1/3@3");
    expect(broken(story.history("a: 1/1 1/2 1/3"))).toEqual(["gap"]);
  });

  it("finds a recovery into another epoch", () => {
    const story = new Story("memory:1").publish("1/1", "a:1");
    const reader = story.reader("r").subscribe("a:0").get("1/1@1").close();
    story.end("kill");
    reader.recover("a:1", "b:1");
    story.publish("1/2", "b:1").publish("1/3", "b:2");
    reader.get("1/3@2");
    expect(broken(story.history("b: 1/2 1/3"))).toEqual(["gap"]);
  });

  it("finds another epoch of which a reader was not told", () => {
    const story = new Story("memory:1").publish("1/1", "a:1");
    const reader = story.reader("r").subscribe("a:0").get("1/1@1");
    story.end("kill").publish("1/2", "b:1");
    reader.get("1/2@b:1");
    expect(broken(story.history("b: 1/2"))).toEqual(["gap"]);
  });

  it("finds a reader that was told of a loss where there was none", () => {
    const story = twoAndMore();
    story.reader("r").subscribe("a:0").get("1/1@1").close().told("a:1", "a:2");
    story.reader("s").subscribe("a:0").get("1/1@1").close().refused(112).subscribe("a:2");
    expect(broken(story.history("a: 1/1 1/2"))).toEqual(["needless", "needless"]);
  });

  it("finds readers that do not get to the end, or never begin", () => {
    const story = twoAndMore();
    story.reader("slow").subscribe("a:0").get("1/1@1");
    story.reader("absent");
    expect(broken(story.history("a: 1/1 1/2"))).toEqual(["behind", "behind"]);
  });

  it("finds what comes on a connection after its close, or after an unsubscribe", () => {
    const story = twoAndMore();
    story.reader("closed").subscribe("a:0").get("1/1@1").close().get("1/2@2");
    story.reader("left").subscribe("a:0").get("1/1@1").unsubscribed(0).get("1/2@2");
    expect(broken(story.history("a: 1/1 1/2"))).toEqual(["outside", "outside"]);
  });

  it("finds a reader of the latest that goes back", () => {
    const story = new Story("latest:1").publish("1/1", "a:1").publish("1/2", "a:2");
    story.reader("r").subscribe("a:0").get("1/2@2", "1/1@1");
    expect(broken(story.history("a@2: 1/2"))).toEqual(["disorder"]);
  });

  it("finds live publications that come twice, or in another order than they were sent", () => {
    const story = new Story("live:1").publish("1/1", "").publish("1/2", "");
    story.reader("twice").subscribe(":0").get("1/1@0", "1/1@0");
    story.reader("turned").subscribe(":0").get("1/2@0", "1/1@0");
    expect(broken(story.history(":"))).toEqual(["duplicate", "disorder"]);
  });

  it("finds a live publication that a subscribed reader was not given", () => {
    const story = new Story("live:1");
    story.reader("r").subscribe(":0");
    story.reader("cut").subscribe(":0").close();
    story.reader("told").subscribe(":0").unsubscribed(2500);
    story.publish("1/1", "").publish("1/2");
    story.reader("late").subscribe(":0");
    const violations = checkHistory(story.history(":"));
    expect(violations.map(({ where, text }) => `${where}: ${text}`)).toEqual(["live:1, r: 1/1 never came"]);
  });

  it("finds a reader of the latest that was not given the newest of a key", () => {
    const story = new Story("latest:1").publish("1/1", "a:1").publish("2/1", "a:2").publish("1/2", "a:3");
    story.reader("r").subscribe("a:0").get("1/2@3");
    story.reader("fair").subscribe("a:0").get("2/1@2", "1/2@3");
    story.reader("late").subscribe("a:2").get("1/2@3");
    const violations = checkHistory(story.history("a: 1/1=x 2/1=y 1/2=x"));
    expect(violations.map(({ promise, where }) => `${promise} ${where}`)).toEqual(["behind latest:1, r"]);
  });

  it("lets a reader that filters pass over what has tags, and over nothing else", () => {
    const story = new Story("disk:1").publish("1/1", "a:1").tagged("2/2", "a:2").publish("1/2", "a:3");
    story.tagged("2/4", "a:4");
    story.reader("fair", true).subscribe("a:0").get("1/1@1", "1/2@3");
    story.reader("gap", true).subscribe("a:0").get("1/2@3");
    story.reader("short", true).subscribe("a:0").get("1/1@1");
    story.reader("greedy", true).subscribe("a:0").get("1/1@1", "2/2@2", "1/2@3");
    const violations = checkHistory(story.history("a: 1/1 2/2 1/2 2/4"));
    expect(violations.map(({ promise, where }) => `${promise} ${where}`)).toEqual([
      "gap disk:1, gap",
      "behind disk:1, short",
      "outside disk:1, greedy",
    ]);
  });
});
