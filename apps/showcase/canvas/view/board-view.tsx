/**
 * The board: drawn on by mouse, pen, finger or keys, with the others' pointers over it. Where it is wider than the window, two
 * fingers move it, and it follows the keys.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Canvas } from "../model/canvas.js";
import type { Point } from "../model/pen.js";
import { boardHeight, boardWidth } from "../server/board.js";
import { BoardStage, type Hand, useKeyboardHand } from "./board-stage.js";

const ofMouse = 0.5;
/** A second finger that comes later is not meant to move the board. */
const togetherMs = 300;

export function BoardView({ canvas }: { canvas: Canvas }) {
  const frame = useRef<HTMLDivElement>(null);
  const surface = useRef<HTMLCanvasElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const fingers = useRef<Fingers>({ at: new Map(), downAt: 0, areMoving: false });
  const stage = useRef<BoardStage | undefined>(undefined);
  const pointer = useRef<number | undefined>(undefined);
  const [said, say] = useState("");
  const hand = useKeyboardHand(canvas, say);
  const { name } = canvas;

  useLayoutEffect(() => {
    if (!surface.current || !layer.current) return;
    const opened = new BoardStage(canvas, surface.current, layer.current);
    stage.current = opened;
    return () => opened.close();
  }, [canvas]);
  useEffect(() => stage.current?.show(), [name]);
  useEffect(() => {
    const view = scroller.current;
    if (!view || view.scrollWidth === view.clientWidth) return;
    const x = (hand.x / boardWidth) * view.scrollWidth;
    if (x < view.scrollLeft || x > view.scrollLeft + view.clientWidth)
      view.scrollLeft = x - view.clientWidth / 2;
  }, [hand.x]);

  const toPoint = (event: PointerEvent): Point => {
    const { left, top, width, height } = (frame.current as HTMLElement).getBoundingClientRect();
    const isPen = event.pointerType === "pen" && event.pressure > 0;
    return {
      x: clamp(((event.clientX - left) / width) * boardWidth, boardWidth),
      y: clamp(((event.clientY - top) / height) * boardHeight, boardHeight),
      pressure: isPen ? event.pressure : ofMouse,
    };
  };
  const lift = (event: PointerEvent) => {
    liftFinger(event);
    if (pointer.current !== event.pointerId) return;
    pointer.current = undefined;
    canvas.board.pen.up();
    canvas.point(toPoint(event), canvas.style);
  };

  /** @returns whether it is one of two fingers that move the board */
  const placeFinger = (event: PointerEvent): boolean => {
    if (event.pointerType !== "touch") return false;
    const { at, downAt } = fingers.current;
    if (at.size === 0) fingers.current.downAt = event.timeStamp;
    at.set(event.pointerId, event.clientX);
    if (at.size < 2) return false;
    if (pointer.current !== undefined && event.timeStamp - downAt < togetherMs) {
      // What the first has drawn meanwhile was not meant.
      pointer.current = undefined;
      canvas.board.pen.up();
      canvas.board.undo();
      fingers.current.areMoving = true;
    }
    return true;
  };
  const moveFinger = ({ pointerId, clientX }: PointerEvent): boolean => {
    const { at, areMoving } = fingers.current;
    const before = at.get(pointerId);
    if (before === undefined || !areMoving) return false;
    at.set(pointerId, clientX);
    // Each moves it half of its way.
    if (scroller.current) scroller.current.scrollLeft -= (clientX - before) / at.size;
    return true;
  };
  const liftFinger = ({ pointerId }: PointerEvent) => {
    const { at } = fingers.current;
    at.delete(pointerId);
    if (at.size === 0) fingers.current.areMoving = false;
  };

  const board = (
    <div
      ref={frame}
      class="board"
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is worked with keys, which a screen reader has to pass on.
      tabIndex={0}
      data-testid="board"
      aria-label={`The board ${name}. Arrow keys move the pen, with Shift further. Hold Space to draw, or press Enter to put the pen down and to lift it.`}
      onPointerDown={(event) => {
        if (placeFinger(event)) return;
        if (event.button !== 0 || pointer.current !== undefined || !canvas.mayDraw()) return;
        pointer.current = event.pointerId;
        event.currentTarget.setPointerCapture(event.pointerId);
        hand.rest();
        const point = toPoint(event);
        canvas.board.pen.down(point, canvas.style);
        canvas.point(point, canvas.style);
      }}
      onPointerMove={(event) => {
        if (moveFinger(event)) return;
        if (pointer.current !== undefined && pointer.current !== event.pointerId) return;
        if (pointer.current === event.pointerId)
          for (const each of event.getCoalescedEvents?.() ?? [event]) canvas.board.pen.move(toPoint(each));
        canvas.point(toPoint(event), canvas.style);
      }}
      onPointerUp={lift}
      onPointerCancel={lift}
      onPointerLeave={(event) => {
        if (pointer.current === undefined && event.pointerType !== "touch") canvas.point();
      }}
      onKeyDown={hand.onKeyDown}
      onKeyUp={hand.onKeyUp}
      onBlur={hand.rest}
    >
      <canvas ref={surface} />
      <div ref={layer} class="cursors" aria-hidden="true" />
      <Crosshair hand={hand} />
      <p class="unseen" aria-live="polite">
        {said}
      </p>
    </div>
  );
  return (
    <div class="board-frame">
      <div ref={scroller} class="board-scroller">
        {board}
      </div>
      {canvas.board.isRead && canvas.board.drawing.size === 0 && (
        <p class="board-invitation">
          <strong>Nobody has drawn here yet</strong>
          Draw with a mouse, a pen or a finger: everybody here sees the line as it grows.
        </p>
      )}
    </div>
  );
}

interface Fingers {
  /** By pointer: how far to the right. */
  readonly at: Map<number, number>;
  /** When the first was put down. */
  downAt: number;
  areMoving: boolean;
}

/** Where the keys are; seen while the board has the focus of the keyboard. */
function Crosshair({ hand }: { hand: Hand }) {
  const { x, y, isDown } = hand;
  const style = { left: `${(100 * x) / boardWidth}%`, top: `${(100 * y) / boardHeight}%` };
  return <span class={isDown ? "crosshair down" : "crosshair"} style={style} aria-hidden="true" />;
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}
