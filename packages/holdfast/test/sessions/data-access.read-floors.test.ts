import { describe, expect, it } from "vitest";
import { ReadFloors } from "../../src/sessions/data-access.js";

const ann = { user: "ann", client: "1" };
const ben = { user: "ben", client: "2" };
const anonymous = { user: "", client: "3" };
const at = (offset: number, epoch = "e") => ({ epoch, offset });
const bounds = { maxFloors: 3, maxFloorsOfReader: 2, maxBytes: 1_000_000 };

describe("floors of readers", () => {
  it("are kept within an epoch, and reset in another", () => {
    const floors = new ReadFloors();
    floors.add(ann, "c", at(5), []);
    floors.add({ ...ann, client: "another" }, "c", at(9), []);
    expect(floors.find(ann, "c")).toMatchObject(at(5));
    floors.add(ann, "c", at(2, "f"), []);
    expect(floors.find(ann, "c")).toMatchObject(at(2, "f"));
    expect(floors.count).toBe(1);
  });

  it("belong to a user, or to one anonymous connection", () => {
    const floors = new ReadFloors();
    floors.add(anonymous, "c", at(1), []);
    expect(floors.find({ user: "", client: "4" }, "c")).toBeUndefined();
    expect(floors.find({ user: "3", client: "" }, "c")).toBeUndefined();
    expect(floors.find(anonymous, "c")).toMatchObject(at(1));
  });

  it("are removed with the reader, with the channel, and with the token", () => {
    const floors = new ReadFloors();
    for (const name of ["a", "b"]) floors.add(ann, name, at(1), [{ user: "ann", tokenId: name }]);
    floors.add(ben, "a", at(1), []);
    floors.removeWhere(({ tokenId }) => tokenId === "a");
    expect([floors.find(ann, "a"), floors.find(ann, "b")]).toMatchObject([undefined, at(1)]);
    floors.remove(ann, "b");
    floors.remove(ben);
    expect([floors.count, floors.bytes]).toEqual([0, 0]);
  });

  it("are bounded per reader, evicting the oldest", () => {
    const floors = new ReadFloors(bounds);
    floors.add(ben, "x", at(1), []);
    for (const name of ["a", "b", "c"]) floors.add(ann, name, at(1), []);
    expect(["a", "b", "c"].map((name) => floors.find(ann, name) !== undefined)).toEqual([false, true, true]);
    expect(floors.find(ben, "x")).toBeDefined();
  });

  it("are bounded in total count and bytes, evicting the least recently used", () => {
    const floors = new ReadFloors(bounds);
    floors.add(ann, "a", at(1), []);
    floors.add(ben, "a", at(1), []);
    floors.add(ben, "b", at(1), []);
    floors.add(ann, "a", at(2), []);
    floors.add(anonymous, "a", at(1), []);
    expect([floors.find(ann, "a"), floors.find(ben, "a")]).toMatchObject([at(1), undefined]);
    const small = new ReadFloors({ ...bounds, maxBytes: 500 });
    small.add(ann, "a", at(1), []);
    small.add(ben, "a", at(1), []);
    expect([small.count, small.find(ann, "a")]).toEqual([1, undefined]);
    expect(small.bytes).toBeLessThanOrEqual(500);
  });
});
