import { describe, expect, it } from "vitest";
import { Drawing, type Piece } from "../../canvas/model/drawing.js";
import { colourCount, type PartEvent } from "../../canvas/server/board.js";
import { Painter, type Surface } from "../../canvas/view/painter.js";
import { darkPalette, lightPalette, mix } from "../../canvas/view/palette.js";

/** Writes down what is painted. */
function createSurface() {
  const calls: string[] = [];
  const note =
    (name: string) =>
    (...numbers: number[]) =>
      void calls.push(`${name} ${numbers.join(" ")}`);
  const surface = {
    ...{ fillStyle: "", strokeStyle: "", lineWidth: 0, lineCap: "butt", lineJoin: "miter" },
    ...{ setTransform: note("transform"), fillRect: note("fill"), beginPath: () => {}, stroke: () => {} },
    ...{ moveTo: note("move"), lineTo: note("line"), quadraticCurveTo: note("curve") },
  } as Surface;
  return { surface, calls };
}

const part = (n: number, points: number[]): PartEvent => ({
  ...{ kind: "part", stroke: "s", n, colour: 2, width: 1, points },
});

describe("a painter", () => {
  it("paints a stroke the same in one piece, in parts, and point by point", () => {
    const points = [0, 0, 50, 10, 0, 50, 20, 10, 50, 30, 10, 50, 30, 10, 50];
    const whole = createSurface();
    const drawing = new Drawing();
    drawing.receive(part(0, points), "ann", 1);
    new Painter(whole.surface).paint(drawing, lightPalette, 3200, "all");
    expect(whole.calls).toEqual([
      ...["transform 1 0 0 1 0 0", "fill 0 0 3200 3200", "move 0 0", "line 0 0"],
      ...["curve 0 0 5 0", "curve 10 0 15 5", "curve 20 10 25 10", "curve 30 10 30 10"],
    ]);
    const lines = (calls: readonly string[]) => calls.filter((call) => /^(?:line|curve)/.test(call));
    const parted = createSurface();
    const other = new Drawing();
    const painter = new Painter(parted.surface);
    painter.paint(other, lightPalette, 3200, "all");
    for (let n = 0; n < 5; n++) {
      const piece = other.receive(part(n, points.slice(3 * n, 3 * n + 3)), "ann", n + 1) as Piece;
      painter.paint(other, lightPalette, 3200, [{ piece, from: 0 }]);
    }
    expect(lines(parted.calls)).toEqual(lines(whole.calls));
    expect(parted.calls.filter((call) => call.startsWith("move"))).toEqual([
      "move 0 0",
      "move 0 0",
      "move 5 0",
      "move 15 5",
      "move 25 10",
    ]);
    const grown = createSurface();
    const last = new Drawing();
    const growing = part(0, []);
    const piece = last.draw("ann", growing);
    for (let at = 0; at < points.length; at += 3) {
      (growing.points as number[]).push(...points.slice(at, at + 3));
      new Painter(grown.surface).paint(last, lightPalette, 3200, [{ piece, from: at }]);
    }
    expect(lines(grown.calls)).toEqual(lines(whole.calls));
  });

  it("begins another path where the pen is pressed more or less", () => {
    const { surface, calls } = createSurface();
    const drawing = new Drawing();
    drawing.receive(part(0, [0, 0, 50, 10, 0, 50, 20, 0, 80, 30, 0, 80]), "ann", 1);
    new Painter(surface).paint(drawing, lightPalette, 3200, "all");
    expect(calls.slice(2)).toEqual([
      "move 0 0",
      "line 0 0",
      "curve 0 0 5 0",
      "move 5 0",
      "curve 10 0 15 0",
      "curve 20 0 25 0",
    ]);
  });

  it("is as wide as the pen is pressed, and as pale as what fades", () => {
    const { surface } = createSurface();
    const painter = new Painter(surface);
    const widths = [0, 50, 100].map((pressure, index) => {
      const drawing = new Drawing();
      drawing.receive(part(0, [0, 0, pressure]), "ann", index + 1);
      painter.paint(drawing, darkPalette, 1600, "all");
      return surface.lineWidth;
    });
    expect(widths.map((width) => width.toFixed(1))).toEqual(["7.2", "18.0", "28.8"]);
    expect(surface.strokeStyle).toBe(darkPalette.colours[2]);
    expect([mix("#000000", "#ffffff", 1), mix("#000000", "#ffffff", 0.2)]).toEqual([
      "#000000",
      "rgb(204 204 204)",
    ]);
  });

  it("has colours that can be told from the board, light and dark", () => {
    const luminance = (colour: string) => {
      const [r, g, b] = [1, 3, 5].map((at) => {
        const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
        return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      }) as [number, number, number];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    for (const { board, colours } of [lightPalette, darkPalette]) {
      expect(colours.length).toBe(colourCount);
      for (const colour of colours) {
        const [low, high] = [luminance(board), luminance(colour)].sort((a, b) => a - b) as [number, number];
        expect((high + 0.05) / (low + 0.05), colour).toBeGreaterThan(3);
      }
    }
  });
});
