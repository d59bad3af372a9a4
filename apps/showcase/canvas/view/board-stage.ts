/** Paints a board when there is something to paint and the screen is ready for it, at the screen's own sharpness. */

import { useState } from "preact/hooks";
import type { Canvas } from "../model/canvas.js";
import { boardHeight, boardWidth } from "../server/board.js";
import { CursorLayer } from "./cursor-layer.js";
import { Painter } from "./painter.js";
import { darkPalette, lightPalette, type Palette } from "./palette.js";

export class BoardStage {
  readonly #canvas: Canvas;
  readonly #element: HTMLCanvasElement;
  readonly #layer: CursorLayer;
  readonly #painter: Painter | undefined;
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  readonly #calm = matchMedia("(prefers-reduced-motion: reduce)");
  readonly #sizes: ResizeObserver;
  readonly #stop: () => void;
  #frame: number | undefined;
  #lastAt: number | undefined;

  constructor(canvas: Canvas, element: HTMLCanvasElement, layer: HTMLElement) {
    this.#canvas = canvas;
    this.#element = element;
    this.#layer = new CursorLayer(layer);
    const surface = element.getContext("2d", { alpha: false });
    this.#painter = surface ? new Painter(surface) : undefined;
    this.#sizes = new ResizeObserver(() => this.#fit());
    this.#sizes.observe(element);
    this.#dark.addEventListener("change", this.#repaint);
    this.#stop = canvas.onWork(() => this.#schedule());
    this.#fit();
  }

  /** Another board is shown. */
  show(): void {
    this.#layer.clear();
    this.#repaint();
  }

  close(): void {
    this.#sizes.disconnect();
    this.#dark.removeEventListener("change", this.#repaint);
    this.#stop();
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
  }

  get #palette(): Palette {
    return this.#dark.matches ? darkPalette : lightPalette;
  }

  /** What was drawn stays: its coordinates are the board's. */
  #fit(): void {
    const ratio = devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.#element.clientWidth * ratio));
    if (this.#element.width !== width) {
      this.#element.width = width;
      this.#element.height = Math.round((width * boardHeight) / boardWidth);
    }
    this.#repaint();
  }

  readonly #repaint = (): void => {
    this.#canvas.board.work.add("all");
    this.#schedule();
  };

  #schedule(): void {
    this.#frame ??= requestAnimationFrame((at) => this.#paint(at));
  }

  #paint(at: number): void {
    this.#frame = undefined;
    const { board } = this.#canvas;
    const work = board.work.take();
    if (work === "all" || work.length > 0)
      this.#painter?.paint(board.drawing, this.#palette, this.#element.width, work);
    // After a pause the first step is a short one.
    const elapsed = Math.min(100, at - (this.#lastAt ?? at - 16));
    const isMoving = board.cursors.step(elapsed, this.#calm.matches);
    this.#layer.update(board.cursors.list, this.#palette);
    this.#lastAt = isMoving ? at : undefined;
    if (isMoving) this.#schedule();
  }
}

export interface Hand {
  readonly x: number;
  readonly y: number;
  readonly isDown: boolean;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onKeyUp: (event: KeyboardEvent) => void;
  /** Lifts the pen. */
  readonly rest: () => void;
}

const step = 32;
const farther = 5;
const pressure = 0.5;
const ways: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function useKeyboardHand(canvas: Canvas, say: (text: string) => void): Hand {
  const [place, setPlace] = useState({ x: boardWidth / 2, y: boardHeight / 2, isDown: false });
  const { board, style } = canvas;

  const put = (isDown: boolean) => {
    if (isDown === place.isDown || (isDown && !canvas.mayDraw())) return;
    if (isDown) board.pen.down({ ...place, pressure }, style);
    else board.pen.up();
    canvas.point({ ...place, pressure }, style);
    setPlace({ ...place, isDown });
    const [across, down] = [place.x / boardWidth, place.y / boardHeight].map((share) =>
      Math.round(100 * share),
    );
    say(`Pen ${isDown ? "down" : "up"} at ${across} % across, ${down} % down`);
  };
  const go = ([right, down]: readonly [number, number], isFar: boolean) => {
    const way = isFar ? farther * step : step;
    const x = Math.min(boardWidth, Math.max(0, place.x + right * way));
    const y = Math.min(boardHeight, Math.max(0, place.y + down * way));
    if (place.isDown) board.pen.move({ x, y, pressure });
    canvas.point({ x, y, pressure }, style);
    setPlace({ ...place, x, y });
  };

  return {
    ...place,
    onKeyDown: (event) => {
      const way = ways[event.key];
      const isHeld = event.ctrlKey || event.metaKey || event.altKey;
      if (isHeld || (!way && event.key !== " " && event.key !== "Enter" && event.key !== "Escape")) return;
      if (event.key !== "Escape") event.preventDefault();
      if (way) go(way, event.shiftKey);
      else if (event.repeat) return;
      else if (event.key === " ") put(true);
      else put(event.key === "Enter" && !place.isDown);
    },
    onKeyUp: (event) => {
      if (event.key === " ") put(false);
    },
    rest: () => {
      if (place.isDown) put(false);
    },
  };
}
