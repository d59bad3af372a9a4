/** The canvas of one visit: the boards that were opened, which one is shown, and what one draws with. */

import type { Channel } from "@holdfast/client";
import type { Visit } from "../../shared/frame/visit.js";
import {
  type BoardEvent,
  type BoardName,
  boards,
  type CursorEvent,
  colourCount,
  isBoard,
} from "../server/board.js";
import { Board } from "./board.js";
import type { Change, Piece } from "./drawing.js";
import type { PenStyle } from "./pen.js";

export interface CanvasOptions extends Time {
  readonly createId: () => string;
}

export class Canvas {
  #chosen: Partial<PenStyle> = {};
  readonly #visit: Visit;
  readonly #options: CanvasOptions;
  /** Those that were opened stay, so that what waits in them goes out; there are few. */
  readonly #boards = new Map<BoardName, Board>();
  readonly #listeners = new Set<() => void>();
  /** Told when there is something to paint. */
  readonly #painters = new Set<() => void>();
  #shown: BoardName;

  constructor(visit: Visit, options: CanvasOptions, hash: string) {
    this.#visit = visit;
    this.#options = options;
    this.#shown = boardOfHash(hash);
    this.board.show(true);
  }

  /** What one draws with: an ink of one's own until another is chosen. */
  get style(): PenStyle {
    return { colour: colourOf(this.#visit.account.user), width: 1, ...this.#chosen };
  }

  get name(): BoardName {
    return this.#shown;
  }

  get board(): Board {
    const name = this.#shown;
    const board = this.#boards.get(name) ?? this.#create(name);
    this.#boards.set(name, board);
    return board;
  }

  /** Asks a guest for a name first. @returns whether one may draw now */
  mayDraw(): boolean {
    if (this.#visit.isGuest) void this.#visit.askName();
    return !this.#visit.isGuest;
  }

  /** Shows the others where the pointer is; guests only look. */
  point(...at: Parameters<Board["point"]>): void {
    if (!this.#visit.isGuest) this.board.point(...at);
  }

  /** Messages of all boards that are on their way. */
  get waiting(): number {
    return [...this.#boards.values()].reduce((sum, { waiting }) => sum + waiting, 0);
  }

  open(hash: string): void {
    const name = boardOfHash(hash);
    if (name === this.#shown) return;
    this.board.pen.up();
    this.board.show(false);
    this.#shown = name;
    this.board.show(true);
    this.#changed();
  }

  choose(style: Partial<PenStyle>): void {
    this.#chosen = { ...this.#chosen, ...style };
    this.#changed();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onWork(painter: () => void): () => void {
    this.#painters.add(painter);
    return () => this.#painters.delete(painter);
  }

  close(): void {
    for (const board of this.#boards.values()) board.close();
    this.#listeners.clear();
    this.#painters.clear();
  }

  #create(name: BoardName): Board {
    const visit = this.#visit;
    const { client } = visit;
    return new Board({
      ...this.#options,
      link: {
        board: client.channel("canvas:{board}", { board: name }),
        cursors: client.channel("cursors:{board}", { board: name }),
        ownClient: () => (client.status.state === "connected" ? client.status.client : undefined),
      },
      me: () => visit.account.user,
      onChange: () => this.#changed(),
      onWork: () => {
        for (const paint of this.#painters) paint();
      },
    });
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Of a person: the ink they begin with, and the tint of their pointer. */
export function colourOf(user: string): number {
  let sum = 0;
  for (const character of user) sum = (31 * sum + character.charCodeAt(0)) % 100_003;
  // The first is the plain ink, which nobody gets by chance.
  return 1 + (sum % (colourCount - 1));
}

/** The first where the address names none. */
export function boardOfHash(hash: string): BoardName {
  const name = hash.replace(/^#/, "");
  return isBoard(name) ? name : boards[0];
}

export type BoardChannel = Pick<Channel<BoardEvent>, "subscribe" | "publish" | "history">;
export type CursorChannel = Pick<Channel<CursorEvent>, "subscribe" | "publish" | "presence">;

export interface BoardLink {
  readonly board: BoardChannel;
  readonly cursors: CursorChannel;
  /** Id of this window's connection; undefined while there is none. */
  readonly ownClient: () => string | undefined;
}

/** Runs a task after a delay; returns what calls it off. */
export type Later = (delayMs: number, task: () => void) => () => void;

export interface Time {
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  readonly later: Later;
}

/** A piece, and how many of its numbers are painted already. */
export interface Stretch {
  readonly piece: Piece;
  readonly from: number;
}

const maxStretches = 500;

export class CanvasWork {
  readonly #onWork: () => void;
  #stretches: Stretch[] = [];
  #isAll = true;

  constructor(onWork: () => void) {
    this.#onWork = onWork;
  }

  add(change: Change, from = 0): void {
    if (change === "nothing") return;
    if (change === "all" || this.#stretches.length >= maxStretches) {
      this.#isAll = true;
      this.#stretches = [];
    } else if (!this.#isAll) this.#stretches.push({ piece: change, from });
    this.#onWork();
  }

  /** @returns what to paint on top of what is there, or "all" */
  take(): readonly Stretch[] | "all" {
    const work = this.#isAll ? ("all" as const) : this.#stretches;
    this.#isAll = false;
    this.#stretches = [];
    return work;
  }
}
