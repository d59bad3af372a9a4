import { describe, expect, it } from "vitest";
import { DataAccess } from "../../src/sessions/data-access.js";

const ann = { user: "ann", client: "1" };
const ben = { user: "ben", client: "2" };
const without = { history: false, presence: true };
const channel = { name: "c", epoch: "new", head: 9 };

/** Ann was let in at offset 5 of an epoch. */
function allowFrom(epoch: string): DataAccess {
  const access = new DataAccess();
  access.allowFrom(ann, "c", { epoch, offset: 5 }, without, ann, {});
  return access;
}

describe("reading on without history permission", () => {
  it("is allowed from the floor on, with or without an epoch", () => {
    const access = allowFrom("new");
    for (const epoch of ["new", ""]) {
      const may = (offset: number) => access.canReadFrom(ann, channel, { epoch, offset }, without);
      expect([4, 5, 6, 9].map(may)).toEqual([false, true, true, true]);
    }
  });

  it("is refused for another epoch, or a floor of another", () => {
    expect(allowFrom("new").canReadFrom(ann, channel, { epoch: "old", offset: 6 }, without)).toBe(false);
    expect(allowFrom("new").canReadFrom(ann, channel, { epoch: "old", offset: 9 }, without)).toBe(false);
    for (const epoch of ["new", ""])
      expect(allowFrom("old").canReadFrom(ann, channel, { epoch, offset: 6 }, without)).toBe(false);
  });

  it("is always allowed at the head, and ends for removed clients", () => {
    const access = allowFrom("new");
    const may = (reader: typeof ann, offset: number) =>
      access.canReadFrom(reader, channel, { epoch: "new", offset }, without);
    expect([may(ben, 9), may(ben, 8)]).toEqual([true, false]);
    access.revoke(ann, "c");
    expect([may(ann, 9), may(ann, 8)]).toEqual([true, false]);
  });
});
