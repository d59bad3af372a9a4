import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Drawing, type Piece } from "../../canvas/model/drawing.js";
import { type BoardEvent, logSize, type PartEvent } from "../../canvas/server/board.js";

const part = (stroke: string, n = 0): PartEvent => ({
  ...{ kind: "part", stroke, n, colour: 0, width: 0, points: [n, n, 50] },
});
const nameOf = ({ author, part: { stroke, n } }: Piece) => `${author}/${stroke}:${n}`;
const seen = (drawing: Drawing) => drawing.pieces().map(nameOf);

interface Logged {
  readonly event: BoardEvent;
  readonly by: string;
}

/** What is left of a log by its rules, said as plainly as can be. */
function leftOf(log: readonly Logged[]): string[] {
  return log.flatMap(({ event, by }, index) => {
    if (event.kind !== "part") return [];
    const later = log.slice(index + 1);
    const isUndone = later.some(
      (each) => each.event.kind === "undo" && each.by === by && each.event.stroke === event.stroke,
    );
    const isCleared = later.some((each) => each.event.kind === "clear");
    const isRepeat = log
      .slice(0, index)
      .some(
        ({ event: other, by: who }) =>
          other.kind === "part" && who === by && other.stroke === event.stroke && other.n === event.n,
      );
    return isUndone || isCleared || isRepeat ? [] : [`${by}/${event.stroke}:${event.n}`];
  });
}

const logged = fc.record({
  by: fc.constantFrom("ann", "bo"),
  event: fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .record({ stroke: fc.constantFrom("s", "t", "u"), n: fc.nat(60) })
        .map(({ stroke, n }) => part(stroke, n)),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom("s", "t", "u").map((stroke): BoardEvent => ({ kind: "undo", stroke })),
    },
    { weight: 1, arbitrary: fc.constant<BoardEvent>({ kind: "clear" }) },
  ),
});

/** Parts have a number of their own each, as pages give them. */
function numbered(log: readonly Logged[]): Logged[] {
  return log.map(({ event, by }, n) => ({ by, event: event.kind === "part" ? { ...event, n } : event }));
}

describe("a drawing", () => {
  it("is the same in whatever order the log comes, and however often", () => {
    fc.assert(
      fc.property(fc.array(logged, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (events, chance) => {
        const log = numbered(events);
        const order = log.map((_, index) => [chance.next().value as number, index] as const);
        const shuffled = order.sort(([a], [b]) => a - b).map(([, index]) => index);
        const drawing = new Drawing();
        for (const index of [...shuffled, ...shuffled.slice(0, 10)]) {
          const { event, by } = log[index] as Logged;
          drawing.receive(event, by, index + 1);
        }
        expect(seen(drawing)).toEqual(leftOf(log));
      }),
    );
  });

  it("paints what is new on top, and everything where something goes or comes below", () => {
    const drawing = new Drawing();
    const first = drawing.receive(part("s"), "ann", 2);
    expect(typeof first === "object" && nameOf(first)).toBe("ann/s:0");
    expect(drawing.receive(part("s"), "ann", 2)).toBe("nothing");
    expect(drawing.receive(part("older"), "bo", 1)).toBe("all");
    expect(seen(drawing)).toEqual(["bo/older:0", "ann/s:0"]);
    expect(drawing.receive({ kind: "undo", stroke: "s" }, "bo", 3)).toBe("nothing");
    expect(drawing.receive({ kind: "undo", stroke: "s" }, "ann", 4)).toBe("all");
    expect(drawing.receive({ kind: "clear" }, "ann", 5)).toBe("all");
    expect([seen(drawing), drawing.size]).toEqual([[], 0]);
  });

  it("shows what is drawn here at once, and gives it its place when the log has it", () => {
    const drawing = new Drawing();
    drawing.receive(part("below"), "bo", 1);
    drawing.draw("ann", part("own", 0));
    drawing.draw("ann", part("own", 1));
    drawing.receive(part("between"), "bo", 2);
    expect(seen(drawing)).toEqual(["bo/below:0", "bo/between:0", "ann/own:0", "ann/own:1"]);
    expect(drawing.receive(part("own", 0), "ann", 3)).toBe("nothing");
    expect(drawing.receive(part("above"), "bo", 4)).toMatchObject({ offset: 4 });
    // Now that all is in the log, what was painted too high is painted anew.
    expect(drawing.receive(part("own", 1), "ann", 5)).toBe("all");
    expect(drawing.receive(part("own", 1), "ann", 6)).toBe("nothing");
    expect(seen(drawing)).toEqual(["bo/below:0", "bo/between:0", "ann/own:0", "bo/above:0", "ann/own:1"]);
    expect(drawing.before(drawing.pieces()[4] as Piece)?.part.n).toBe(0);
    // Somebody else's stroke may have the same id.
    expect(drawing.receive(part("own", 1), "bo", 7)).toMatchObject({ author: "bo" });
  });

  it("keeps what is on its way when somebody clears, or the log is another", () => {
    const drawing = new Drawing();
    drawing.receive(part("old"), "bo", 1);
    drawing.draw("ann", part("own"));
    drawing.receive({ kind: "clear" }, "bo", 2);
    expect(seen(drawing)).toEqual(["ann/own:0"]);
    drawing.reset();
    expect([seen(drawing), drawing.top]).toEqual([["ann/own:0"], 0]);
    expect(drawing.receive(part("own"), "ann", 1)).toBe("nothing");
    expect(seen(drawing)).toEqual(["ann/own:0"]);
    drawing.draw("ann", part("bad", 0));
    drawing.draw("ann", part("bad", 1));
    drawing.withdraw("ann", "bad");
    expect(seen(drawing)).toEqual(["ann/own:0"]);
  });

  it("hides what this person takes back, until the log or a refusal says more", () => {
    const drawing = new Drawing();
    drawing.receive(part("s"), "ann", 1);
    drawing.receive(part("t"), "ann", 2);
    drawing.receive(part("u"), "bo", 3);
    expect(drawing.latestOf("ann")).toBe("t");
    drawing.hide("ann", "t", true);
    expect([drawing.latestOf("ann"), drawing.size, seen(drawing).length]).toEqual(["s", 2, 2]);
    drawing.hide("ann", "t", false);
    expect(drawing.size).toBe(3);
    drawing.hide("ann", "t", true);
    drawing.receive({ kind: "undo", stroke: "t" }, "ann", 4);
    expect([drawing.latestOf("ann"), drawing.size]).toEqual(["s", 2]);
    drawing.draw("ann", part("v"));
    expect(drawing.latestOf("ann")).toBe("v");
    expect(drawing.latestOf("nobody")).toBeUndefined();
  });

  it("lets the oldest fade and go, as the log does", () => {
    const drawing = new Drawing();
    for (let offset = 1; offset <= logSize; offset++) drawing.receive(part("s", offset), "ann", offset);
    expect(drawing.pieces().length).toBe(logSize);
    const [oldest] = drawing.pieces();
    const strengths = drawing.pieces().map((piece) => drawing.strengthOf(piece));
    expect([drawing.strengthOf(oldest as Piece), strengths.at(-1)]).toEqual([0.2, 1]);
    expect(strengths).toEqual([...strengths].sort((a, b) => a - b));
    expect(new Set(strengths).size).toBe(5);
    drawing.receive({ kind: "undo", stroke: "nothing" }, "bo", logSize + 1);
    expect(drawing.pieces()[0]?.offset).toBe(2);
    // What comes late from where the log has ended is not shown either.
    expect(drawing.receive(part("late"), "bo", 1)).toBe("nothing");
    const changes = Array.from({ length: 200 }, (_, n) =>
      drawing.receive(part("more", n), "bo", logSize + 2 + n),
    );
    expect(changes.filter((change) => change === "all").length).toBeGreaterThanOrEqual(2);
    expect(changes.filter((change) => change === "all").length).toBeLessThanOrEqual(4);
    expect(drawing.strengthOf({ author: "ann", part: part("own"), offset: undefined })).toBe(1);
  });
});
