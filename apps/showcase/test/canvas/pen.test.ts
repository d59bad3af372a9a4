import { describe, expect, it } from "vitest";
import { createCounter } from "../../../../packages/holdfast/test/support/counter.js";
import { Pen } from "../../canvas/model/pen.js";
import { boardHeight, boardWidth, maxParts, maxPoints, type PartEvent } from "../../canvas/server/board.js";
import { boardSchema } from "../../canvas/server/canvas.js";

function createPen() {
  const parts: PartEvent[] = [];
  const sent = new Set<PartEvent>();
  const state = { takes: true, grown: 0 };
  const pen = new Pen({
    createId: createCounter("s"),
    onPart: (part) => {
      if (state.takes) parts.push(part);
      return state.takes;
    },
    canGrow: (part) => !sent.has(part),
    onGrow: () => {
      state.grown++;
    },
  });
  const at = (x: number, y = 0, pressure = 0.5) => ({ x, y, pressure });
  return { pen, parts, sent, state, at };
}

const style = { colour: 3, width: 2 };

describe("a pen", () => {
  it("makes one stroke of where it goes, in parts as they are sent", () => {
    const { pen, parts, sent, at, state } = createPen();
    pen.move(at(1));
    pen.down(at(10), style);
    pen.move(at(20));
    pen.move(at(21));
    sent.add(parts[0] as PartEvent);
    pen.move(at(30));
    pen.move(at(40, 7.6, 1));
    pen.up();
    pen.move(at(50));
    expect(parts).toEqual([
      { kind: "part", stroke: "s-1", n: 0, ...style, points: [10, 0, 50, 20, 0, 50] },
      // The last point twice: lines end where the pen has been lifted.
      { kind: "part", stroke: "s-1", n: 1, ...style, points: [30, 0, 50, 40, 8, 100, 40, 8, 100] },
    ]);
    expect([pen.isDown, state.grown]).toEqual([false, 3]);
    pen.down(at(10), style);
    pen.up();
    expect(parts[2]).toEqual({ kind: "part", stroke: "s-2", n: 0, ...style, points: [10, 0, 50] });
  });

  it("stays on the board, within all that a server takes, however long a stroke is", () => {
    const { pen, parts, at } = createPen();
    pen.down(at(-50, boardHeight + 9, 2), style);
    expect(parts[0]?.points).toEqual([0, boardHeight, 100]);
    const count = maxParts * maxPoints + 100;
    for (let step = 0; step < count; step++) pen.move(at(step % 2 === 0 ? 0 : boardWidth + 50, 10));
    pen.up();
    expect(new Set(parts.map(({ stroke }) => stroke))).toEqual(new Set(["s-1", "s-2"]));
    for (const part of parts) {
      const checked = boardSchema["~standard"].validate(part);
      if (checked instanceof Promise || checked.issues) throw new Error(JSON.stringify(part));
    }
    // The second goes on where the first ends.
    const next = parts.findIndex(({ stroke }) => stroke === "s-2");
    expect(parts[next]?.points.slice(0, 3)).toEqual(parts[next - 1]?.points.slice(-3));
  });

  it("draws nothing where its parts are not taken", () => {
    const { pen, parts, state, at } = createPen();
    state.takes = false;
    pen.down(at(10), style);
    pen.move(at(90));
    expect([pen.isDown, parts]).toEqual([false, []]);
  });
});
