/** The pen in one hand: makes strokes of where a pointer goes, in parts that are sent while it still draws. */
import {
  boardHeight,
  boardWidth,
  maxParts,
  maxPoints,
  mostPressure,
  type PartEvent,
} from "../server/board.js";

/** A point on the board. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** From 0 to 1. */
  readonly pressure: number;
}

export interface PenStyle {
  readonly colour: number;
  readonly width: number;
}

export interface PenOptions {
  readonly createId: () => string;
  /** A part has begun. @returns false where it is not taken */
  readonly onPart: (part: PartEvent) => boolean;
  /** A part that has not been sent yet has grown. */
  readonly onGrow: (part: PartEvent) => void;
  readonly canGrow: (part: PartEvent) => boolean;
}

/** Closer ones make no difference that could be seen. */
const leastWay = 4;

interface OwnPart extends PartEvent {
  readonly points: number[];
}

export class Pen {
  readonly #options: PenOptions;
  #part: OwnPart | undefined;
  #last: Point | undefined;
  #isDot = true;

  constructor(options: PenOptions) {
    this.#options = options;
  }

  get isDown(): boolean {
    return this.#part !== undefined;
  }

  down(point: Point, style: PenStyle): void {
    this.#begin({ ...style, stroke: this.#options.createId(), n: 0 }, toNumbers(point));
    this.#last = point;
    this.#isDot = true;
  }

  move(point: Point): void {
    if (!this.#part || !this.#last) return;
    if (Math.hypot(point.x - this.#last.x, point.y - this.#last.y) < leastWay) return;
    this.#last = point;
    this.#isDot = false;
    this.#add(this.#part, toNumbers(point));
  }

  up(): void {
    // Lines are painted up to the middle between two points: the last one twice takes it to the end.
    if (this.#part && this.#last && !this.#isDot) this.#add(this.#part, toNumbers(this.#last));
    this.#part = undefined;
    this.#last = undefined;
  }

  #add(part: OwnPart, numbers: number[]): void {
    if (part.points.length < 3 * maxPoints && this.#options.canGrow(part)) {
      part.points.push(...numbers);
      this.#options.onGrow(part);
      return;
    }
    const { stroke, n, colour, width, points } = part;
    if (n + 1 < maxParts) this.#begin({ colour, width, stroke, n: n + 1 }, numbers);
    // Too long for one: another goes on where it ends.
    else
      this.#begin({ colour, width, stroke: this.#options.createId(), n: 0 }, [
        ...points.slice(-3),
        ...numbers,
      ]);
  }

  #begin(head: Omit<PartEvent, "kind" | "points">, points: number[]): void {
    const part: OwnPart = { kind: "part", ...head, points };
    this.#part = this.#options.onPart(part) ? part : undefined;
  }
}

function toNumbers({ x, y, pressure }: Point): number[] {
  return [within(x, boardWidth), within(y, boardHeight), within(pressure * mostPressure, mostPressure)];
}

function within(value: number, most: number): number {
  return Math.round(Math.min(most, Math.max(0, value)));
}
