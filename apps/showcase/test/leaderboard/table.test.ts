import { describe, expect, it } from "vitest";
import { rankRows, shownRows } from "../../leaderboard/model/table.js";
import { describeOutcome, ordinal } from "../../leaderboard/view/announcer.js";

const entry = (key: string, points: number, at = 0) => ({
  key,
  data: { name: key.toUpperCase(), points, pace: "brisk", at } as const,
});

describe("the table", () => {
  it("has the best first, of equal ones the earlier, and what is played now as if it were over", () => {
    const best = [entry("ann", 7, 5), entry("bo", 9, 9), entry("cy", 7, 4)];
    const playing = [entry("ann", 8, 10), entry("bo", 2, 10), entry("dee", 0, 10), entry("eli", 3, 11)];
    const rows = rankRows(best, playing, "cy");
    expect(rows.map(({ rank, user, points, playing: now }) => [rank, user, points, now])).toEqual([
      [1, "bo", 9, 2],
      [2, "ann", 8, 8],
      [3, "cy", 7, undefined],
      [4, "eli", 3, 3],
    ]);
    expect(rows.filter(({ isOwn }) => isOwn).map(({ user }) => user)).toEqual(["cy"]);
    expect(rankRows([...best].reverse(), [...playing].reverse(), "cy")).toEqual(rows);
  });

  it("has of equal ones the earlier first, whatever their keys are", () => {
    const best = [entry("ann", 7, 5), entry("bo", 7, 4), entry("cy", 7, 5)];
    expect(rankRows(best, [], "").map(({ user }) => user)).toEqual(["bo", "ann", "cy"]);
  });

  it("shows somebody who has a row and begins again with nothing as playing", () => {
    expect(rankRows([entry("ann", 7)], [entry("ann", 0)], "")[0]).toMatchObject({ points: 7, playing: 0 });
  });

  it("shows the first, and one's own row wherever it is", () => {
    const rows = rankRows(
      Array.from({ length: 30 }, (_, index) => entry(`u${index}`, 100 - index)),
      [],
      "u27",
    );
    expect(shownRows(rows, 3).map(({ rank }) => rank)).toEqual([1, 2, 3, 28]);
    expect(shownRows(rows, 28).map(({ rank }) => rank).length).toBe(28);
  });
});

describe("words", () => {
  it("of ranks", () => {
    expect([1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111, 113].map(ordinal)).toEqual([
      "1st",
      "2nd",
      "3rd",
      "4th",
      "11th",
      "12th",
      "13th",
      "21st",
      "22nd",
      "101st",
      "111th",
      "113th",
    ]);
  });

  it("of what came of a try", () => {
    const star = { id: 1, kind: "star", lane: 0, appearsAt: 0, lastsMs: 1 } as const;
    expect(describeOutcome("caught", star)).toBe("+3");
    expect([
      describeOutcome("stung", star),
      describeOutcome("numb", star),
      describeOutcome("nothing", undefined),
    ]).toEqual(["Ouch", "Numb", ""]);
  });
});
