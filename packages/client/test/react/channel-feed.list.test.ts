import { describe, expect, it } from "vitest";
import { PublicationList } from "../../src/react/channel-feed.js";

const at = (offset?: number) => ({
  channel: "a",
  data: offset,
  ...(offset !== undefined && { offset }),
});
const offsets = (list: PublicationList<unknown>) => list.toArray().map(({ offset }) => offset);

describe("list of publications", () => {
  it("keeps each once, in the channel's order, when history comes after live ones", () => {
    const list = new PublicationList<unknown>(10);
    for (const offset of [5, 6, 6, 7]) list.add(at(offset));
    list.addHistory([3, 4, 5, 6].map(at));
    list.add(at(4));
    expect(offsets(list)).toEqual([3, 4, 5, 6, 7]);
  });

  it("drops the oldest beyond its limit, of both", () => {
    const list = new PublicationList<unknown>(3);
    for (const offset of [4, 5, 6, 7]) list.add(at(offset));
    expect(offsets(list)).toEqual([5, 6, 7]);
    list.addHistory([2, 3, 4].map(at));
    expect(offsets(list)).toEqual([5, 6, 7]);
  });

  it("restarts in a new log or after a gap, and only then", () => {
    const list = new PublicationList<unknown>(10);
    list.restart("one", false);
    list.add(at(1));
    list.restart("one", false);
    expect(offsets(list)).toEqual([1]);
    list.restart("one", true);
    expect(offsets(list)).toEqual([]);
    list.add(at(2));
    list.restart("two", false);
    expect(offsets(list)).toEqual([]);
  });

  it("keeps what has no offset as it comes, also across breaks", () => {
    const list = new PublicationList<unknown>(2);
    for (const data of ["a", "b", "c"]) list.add({ channel: "a", data });
    list.restart(undefined, true);
    expect(list.toArray().map(({ data }) => data)).toEqual(["b", "c"]);
  });
});
