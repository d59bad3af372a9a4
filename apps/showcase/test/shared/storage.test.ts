import { describe, expect, it } from "vitest";
import { PageStorage } from "../../shared/session/storage.js";
import { MemoryStorage } from "./memory-storage.js";

describe("what a browser keeps", () => {
  it("is apart for each prefix", () => {
    const area = new MemoryStorage();
    new PageStorage(area, "a/").write("name", "Ann");
    const other = new PageStorage(area, "b/");
    expect(other.read("name")).toBeUndefined();
    expect(other.keys("")).toEqual([]);
  });

  it("is kept for the page alone when the browser refuses it", () => {
    const area = new MemoryStorage();
    area.isFull = true;
    const storage = new PageStorage(area, "a/");
    storage.write("outbox/1", { text: "hi" });
    expect(storage.read("outbox/1")).toEqual({ text: "hi" });
    expect(storage.keys("outbox/")).toEqual(["outbox/1"]);
    expect(new PageStorage(undefined, "a/").read("outbox/1")).toBeUndefined();
  });

  it("is the newest value once the browser accepts again", () => {
    const area = new MemoryStorage();
    const storage = new PageStorage(area, "a/");
    area.isFull = true;
    storage.write("name", "old");
    area.isFull = false;
    storage.write("name", "new");
    expect(storage.read("name")).toBe("new");
  });

  it("reads what is no JSON as nothing", () => {
    const area = new MemoryStorage();
    area.values.set("a/rooms", "{");
    expect(new PageStorage(area, "a/").read("rooms")).toBeUndefined();
  });
});
