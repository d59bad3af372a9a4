import { describe, expect, it } from "vitest";
import { emptyMarks, isRead, type Marks, withChange } from "../../../notices/server/marks.js";

const epoch = "e1";
const marked = (...changes: Omit<Parameters<typeof withChange>[1], "epoch">[]): Marks =>
  changes.reduce<Marks>((marks, change) => withChange(marks, { epoch, ...change }, 10), emptyMarks(epoch));

describe("withChange", () => {
  it("keeps single ones until all before them are read", () => {
    expect(marked({ read: [3, 1] })).toMatchObject({ readTo: 1, read: [3] });
    expect(marked({ read: [3, 1] }, { read: [2] })).toMatchObject({ readTo: 3, read: [] });
  });

  it("takes what is put away as read", () => {
    const marks = marked({ dismiss: [1, 3] });
    expect(marks).toMatchObject({ readTo: 1, dismissed: [1, 3] });
    expect([1, 2, 3].map((offset) => isRead(marks, offset))).toEqual([true, false, true]);
  });

  it("never goes back", () => {
    expect(marked({ readTo: 8 }, { readTo: 2 })).toMatchObject({ readTo: 8 });
  });

  it("stays small: what is no longer kept is forgotten", () => {
    const many = Array.from({ length: 100 }, (_, index) => 2 * index + 2);
    const marks = withChange(emptyMarks(epoch), { epoch, read: many, dismiss: many }, 200);
    expect([marks.readTo, marks.dismissed.length, marks.read.length]).toEqual([100, 50, 50]);
    const later = withChange(marks, { epoch }, 1000);
    expect(later).toMatchObject({ readTo: 900, read: [], dismissed: [] });
  });

  it("does not go beyond the newest", () => {
    expect(marked({ readTo: 50, read: [11], dismiss: [12] })).toMatchObject({
      ...{ readTo: 10, read: [], dismissed: [] },
    });
  });
});
