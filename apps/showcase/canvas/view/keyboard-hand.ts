/** The pen in the hand of a keyboard: arrows move it, space holds it down, Enter puts it down or lifts it. */
import { useState } from "preact/hooks";
import type { Canvas } from "../model/canvas.js";
import { boardHeight, boardWidth } from "../server/board.js";

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
    if (isDown === place.isDown) return;
    if (isDown) board.pen.down({ ...place, pressure }, style);
    else board.pen.up();
    board.point({ ...place, pressure }, style);
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
    board.point({ x, y, pressure }, style);
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
