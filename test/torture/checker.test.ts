import { describe, expect, it } from "vitest";
import { checkHistory } from "./checker.js";
import { broken, Story } from "./support/story.js";
import { countByPromise, promises } from "./violations.js";

describe("checker: histories in which all promises are kept", () => {
  it("finds nothing where everything arrives in order", () => {
    const story = new Story("disk:1").publish("1/1", "a:1").publish("2/1", "a:2", "key");
    story.reader("r").subscribe("a:0").get("1/1@1", "2/1@2");
    expect(broken(story.history("a: 1/1 2/1", { after: "a: 1/1 2/1" }))).toEqual([]);
  });

  it("finds nothing where a reader goes on after a cut", () => {
    const story = new Story("process:1").publish("1/1", "a:1");
    const reader = story.reader("r").subscribe("a:0").get("1/1@1").close();
    story.end("kill").publish("1/2", "a:2");
    reader.recover("a:1", "a:1").get("1/2@2");
    expect(broken(story.history("a: 1/1 1/2"))).toEqual([]);
  });

  it("finds nothing where an unacknowledged publication is there, and another is not", () => {
    const story = new Story("disk:1").publish("1/1").publish("1/2");
    story.reader("r").subscribe("a:0").get("1/2@1");
    expect(broken(story.history("a: 1/2"))).toEqual([]);
  });

  it("finds nothing where a memory channel starts afresh with the process", () => {
    const story = new Story("memory:1").publish("1/1", "a:1");
    const reader = story.reader("r").subscribe("a:0").get("1/1@1").close();
    story.end("kill").publish("1/2", "b:1");
    reader.told("a:1", "b:0").get("1/2@1");
    expect(broken(story.history("b: 1/2"))).toEqual([]);
  });

  it("finds nothing where a process channel loses its log with the power", () => {
    const story = new Story("process:1").publish("1/1", "a:1", "k");
    const reader = story.reader("r").subscribe("a:0").get("1/1@1").close();
    story.end("powerCut").publish("1/1", "b:1", "k");
    reader.told("a:1", "b:0").get("1/1@1");
    expect(broken(story.history("b: 1/1"))).toEqual([]);
  });

  it("finds nothing where a repeat is answered with the epoch before a loss that the publication survived", () => {
    const story = new Story("process:1")
      .publish("1/1", "a:1", "k")
      .end("powerCut")
      .publish("1/1", "a:1", "k");
    expect(broken(story.history("b: 1/1"))).toEqual([]);
  });

  it("finds nothing where a reader falls out of a short log and is told", () => {
    const story = new Story("short:1");
    const names = Array.from({ length: 80 }, (_, index) => `1/${index + 1}`);
    names.forEach((name, index) => {
      story.publish(name, `a:${index + 1}`);
    });
    story.reader("r").subscribe("a:0").get("1/1@1").unsubscribed().told("a:1", "a:80");
    expect(broken(story.history(`a@31: ${names.slice(30).join(" ")}`))).toEqual([]);
  });

  it("finds nothing where a lagging reader of the latest skips", () => {
    const story = new Story("latest:1").publish("1/1", "a:1").publish("1/2", "a:2").publish("1/3", "a:3");
    story.reader("r").subscribe("a:0").get("1/1@1", "1/3@3");
    expect(broken(story.history("a@3: 1/3"))).toEqual([]);
  });

  it("finds nothing where live publications get lost with a connection", () => {
    const story = new Story("live:1").publish("1/1", "").publish("1/2", "").publish("1/3", "");
    story.reader("r").subscribe(":0").get("1/1@0").close().subscribe(":0").get("1/3@0");
    expect(broken(story.history(":"))).toEqual([]);
  });
});

describe("checker: acknowledged publications", () => {
  it("finds one that is not in the log", () => {
    const story = new Story("disk:1").publish("1/1", "a:1").publish("1/2", "a:2");
    expect(broken(story.history("a: 1/1"))).toEqual(["lost"]);
  });

  it("finds one that the log has elsewhere", () => {
    const story = new Story("disk:1").publish("1/1", "a:2").publish("2/1", "a:1");
    expect(broken(story.history("a: 1/1 2/1"))).toContain("lost");
  });

  it("finds one that went with an epoch, which its channel had to survive", () => {
    const killed = new Story("process:1").publish("1/1", "a:1").end("kill").publish("1/2", "b:1");
    expect(broken(killed.history("b: 1/2"))).toEqual(["lost", "epoch"]);
    const cut = new Story("disk:1").publish("1/1", "a:1").end("powerCut").publish("1/2", "b:1");
    expect(broken(cut.history("b: 1/2"))).toEqual(["lost", "epoch"]);
  });

  it("finds one that was published only after the loss that its channel need not survive", () => {
    const story = new Story("process:1").publish("1/1", "a:1").end("powerCut").publish("1/2", "b:1");
    expect(broken(story.publish("1/3", "c:1").history("c: 1/3"))).toEqual(["lost", "epoch"]);
  });

  it("finds one that a repeat after the loss was told to be there", () => {
    const story = new Story("process:1").send("1/1", "k").end("powerCut").publish("1/1", "a:1", "k");
    expect(broken(story.history("b:"))).toEqual(["lost"]);
  });

  it("finds one whose answer had no position and that nobody has seen", () => {
    const story = new Story("disk:1").publish("1/1", "");
    expect(broken(story.history("a:"))).toEqual(["lost"]);
  });

  it("finds that a memory channel lost it in silence", () => {
    const story = new Story("memory:1").publish("1/1", "a:1").publish("1/2", "a:2").end("kill");
    expect(broken(story.history("a: 1/1"))).toEqual(["lost"]);
  });

  it("finds one that was dropped from a short log before its time", () => {
    const story = new Story("short:1").publish("1/1", "a:1").publish("1/2", "a:2");
    expect(broken(story.history("a@2: 1/2"))).toEqual(["lost", "lost"]);
  });

  it("finds that the latest is gone", () => {
    const story = new Story("latest:1").publish("1/1", "a:1").publish("1/2", "a:2");
    expect(broken(story.history("a: 1/1"))).toEqual(["lost"]);
  });
});

describe("checker: witnesses against each other", () => {
  it("finds two readers that see different data at one position", () => {
    const story = new Story("memory:1").publish("1/1").publish("1/2");
    story.reader("r").subscribe("a:0").get("1/1@1").told("a:1", "b:0");
    story.reader("s").subscribe("a:0").get("1/2@1").told("a:1", "b:0");
    expect(broken(story.end("kill").history("b:"))).toEqual(["conflict"]);
  });

  it("finds a publication that a reader got and the log has not", () => {
    const story = new Story("disk:1").publish("1/1");
    story.reader("r").subscribe("a:0").get("1/1@1");
    expect(broken(story.history("a:"))).toEqual(["vanished", "behind"]);
  });

  it("finds that an offset was used again", () => {
    const story = new Story("disk:1").publish("1/1");
    story.reader("r").subscribe("a:0").get("1/1@1");
    story.end("powerCut").publish("2/1", "a:1");
    expect(broken(story.history("a: 2/1"))).toEqual(["vanished", "conflict"]);
  });

  it("finds an unacknowledged publication that is there twice", () => {
    const story = new Story("disk:1").publish("1/1");
    expect(broken(story.history("a: 1/1 1/1"))).toEqual(["duplicate"]);
  });

  it("finds a key with two effects", () => {
    const story = new Story("process:1").send("1/1", "k").end("kill").publish("1/1", "a:2");
    expect(broken(story.history("a: 1/1 1/1"))).toEqual(["key"]);
  });

  it("finds a key whose answers differ", () => {
    const story = new Story("process:1").publish("1/1", "a:1", "k").publish("1/1", "a:2", "k");
    expect(broken(story.publish("2/1", "a:2").history("a: 1/1 2/1"))).toEqual(["lost", "key", "conflict"]);
  });

  it("finds publications that nobody sent, here at least", () => {
    const story = new Story("disk:1");
    story.reader("r").subscribe("a:0").get("9/9@1");
    expect(broken(story.history("a: 9/9"))).toEqual(["invented"]);
  });

  it("finds a publisher whose publications have changed places", () => {
    const story = new Story("disk:1").publish("1/1", "a:2").publish("1/2", "a:1");
    expect(broken(story.history("a: 1/2 1/1"))).toEqual(["disorder"]);
  });

  it("leaves the order of what was under way at the same time open", () => {
    const story = new Story("disk:1").send("1/1").send("1/2").acknowledge("1/2", "a:1");
    expect(broken(story.acknowledge("1/1", "a:2").history("a: 1/2 1/1"))).toEqual([]);
  });
});

describe("checker: logs", () => {
  it("finds a gap in the log, and a head that is none", () => {
    const story = new Story("disk:1").publish("1/1", "a:1").publish("1/3", "a:3");
    const history = story.history("a: 1/1");
    const entries = [
      { publisher: 1, n: 1, offset: 1 },
      { publisher: 1, n: 3, offset: 3 },
    ];
    const log = { channel: "disk:1", position: { epoch: "a", offset: 4 }, entries };
    expect(broken({ ...history, logs: [log] })).toEqual(["gap", "gap"]);
  });

  it("finds a log that a restart has changed", () => {
    const story = () => new Story("process:1").publish("1/1", "a:1").publish("1/2", "a:2");
    for (const after of ["a: 1/1", "b: 1/1 1/2", "a: 1/2 1/1"])
      expect(broken(story().history("a: 1/1 1/2", { after })), after).toEqual(["changed"]);
  });

  it("lets a restart change the log of a memory channel", () => {
    const story = new Story("memory:1").publish("1/1", "a:1");
    expect(broken(story.history("a: 1/1", { after: "b:" }))).toEqual([]);
  });

  it("holds a server without a store to what memory can keep", () => {
    const story = new Story("disk:1").publish("1/1", "a:1").end("kill").publish("1/2", "b:1");
    expect(broken(story.history("b: 1/2", { store: "none" }))).toEqual([]);
  });
});

describe("checker: values of maps", () => {
  const story = () => new Story("map:1").publish("1/1", "a:1").publish("1/2", "a:2").publish("2/1", "a:3");
  const log = "a: 1/1=k 1/2=k 2/1=l";
  const values = ["k=1/2", "l=2/1"];

  it("finds nothing where readers have what the log says last", () => {
    const kept = story();
    kept
      .reader("r")
      .subscribe("a:1")
      .get("1/2@2", "2/1@3")
      .has(...values);
    expect(broken(kept.history(log, { values, after: log }))).toEqual([]);
  });

  it("finds a map that is not what its log says", () => {
    expect(broken(story().history(log, { values: ["k=1/1", "l=2/1"] }))).toEqual(["value"]);
  });

  it("finds a reader that has another value, one too many, or one too few", () => {
    for (const own of [["k=1/1", "l=2/1"], [...values, "m=1/1"], ["k=1/2"]]) {
      const other = story();
      other
        .reader("r")
        .subscribe("a:3")
        .has(...own);
      expect(broken(other.history(log, { values })), own.join()).toEqual(["value"]);
    }
  });

  it("finds values that a restart has changed", () => {
    const valuesAfter = ["k=1/2"];
    expect(broken(story().history(log, { values, after: log, valuesAfter }))).toEqual(["value"]);
  });
});

describe("violations", () => {
  it("are counted by promise, and those that were kept are named", () => {
    const story = new Story("disk:1").publish("1/1", "a:1").publish("1/2", "a:2");
    const counts = countByPromise(checkHistory(story.history("a: 1/1")));
    expect(counts.get("lost")).toBe(1);
    expect(counts.get("gap")).toBe(0);
    expect([...counts.keys()]).toEqual(Object.keys(promises));
  });
});
