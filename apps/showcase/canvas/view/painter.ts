/** Puts strokes on a canvas: new ones on top of what is there, or everything anew. Widths follow pressure. */
import type { Stretch } from "../model/canvas.js";
import type { Drawing, Piece } from "../model/drawing.js";
import { boardWidth, lineWidths, mostPressure } from "../server/board.js";
import { mix, type Palette } from "./palette.js";

/** What is used of a canvas's context. */
export interface Surface {
  fillStyle: unknown;
  strokeStyle: unknown;
  lineWidth: number;
  lineCap: "butt" | "round" | "square";
  lineJoin: "bevel" | "miter" | "round";
  setTransform(a: number, b: number, c: number, d: number, e: number, f: number): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  quadraticCurveTo(viaX: number, viaY: number, x: number, y: number): void;
  stroke(): void;
}

interface Dot {
  readonly x: number;
  readonly y: number;
  readonly pressure: number;
}

export class Painter {
  readonly #surface: Surface;

  constructor(surface: Surface) {
    this.#surface = surface;
  }

  /** @param width of the canvas, in its pixels */
  paint(drawing: Drawing, palette: Palette, width: number, work: readonly Stretch[] | "all"): void {
    const surface = this.#surface;
    const scale = width / boardWidth;
    surface.setTransform(scale, 0, 0, scale, 0, 0);
    surface.lineCap = "round";
    surface.lineJoin = "round";
    if (work === "all") {
      surface.fillStyle = palette.board;
      surface.fillRect(0, 0, boardWidth, boardWidth);
    }
    const stretches = work === "all" ? drawing.pieces().map((piece) => ({ piece, from: 0 })) : work;
    for (const { piece, from } of stretches) this.#paintStretch(drawing, palette, piece, from);
  }

  #paintStretch(drawing: Drawing, palette: Palette, piece: Piece, from: number): void {
    const surface = this.#surface;
    const { colour, width, points } = piece.part;
    const tone = palette.colours[colour] ?? palette.colours[0] ?? "";
    surface.strokeStyle = mix(tone, palette.board, drawing.strengthOf(piece));
    const base = lineWidths[width] ?? lineWidths[0];
    const [first, second] = dotsBefore(drawing, piece, from);
    let [before, last] = second ? [first, second] : [undefined, first];
    let widthNow: number | undefined;
    for (let at = from; at < points.length; at += 3) {
      const dot = dotAt(points, at);
      const widthHere = base * (0.4 + (1.2 * dot.pressure) / mostPressure);
      // From the middle of the way before.
      const start = before && last ? middle(before, last) : (last ?? dot);
      // One path for all that is as wide: painting is dear by the path.
      if (widthHere !== widthNow) {
        if (widthNow !== undefined) surface.stroke();
        surface.lineWidth = widthHere;
        surface.beginPath();
        surface.moveTo(start.x, start.y);
        widthNow = widthHere;
      }
      if (last) {
        // To the middle of this one, past the point between.
        const end = middle(last, dot);
        surface.quadraticCurveTo(last.x, last.y, end.x, end.y);
      } else surface.lineTo(dot.x, dot.y);
      before = last;
      last = dot;
    }
    if (widthNow !== undefined) surface.stroke();
  }
}

/** Up to two points that come before one, also where an earlier part has them. */
function dotsBefore(drawing: Drawing, piece: Piece, from: number): readonly Dot[] {
  const dots: Dot[] = [];
  for (let part: Piece | undefined = piece, end = from; part && dots.length < 2; ) {
    for (let at = end - 3; at >= 0 && dots.length < 2; at -= 3) dots.unshift(dotAt(part.part.points, at));
    part = drawing.before(part);
    end = part?.part.points.length ?? 0;
  }
  return dots;
}

function dotAt(points: readonly number[], at: number): Dot {
  const [x = 0, y = 0, pressure = 0] = points.slice(at, at + 3);
  return { x, y, pressure };
}

function middle(a: Dot, b: Dot): { readonly x: number; readonly y: number } {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
