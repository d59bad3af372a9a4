/**
 * What is on a board: the log, taken in in any order, each thing once, and beside it what this window has drawn and the log
 * does not have yet. All windows that know the same part of the log show the same.
 */
import { type BoardEvent, logSize, type PartEvent } from "../server/board.js";

/** A part of a stroke on the board. */
export interface Piece {
  readonly author: string;
  readonly part: PartEvent;
  /** Its place in the log; undefined while it is on its way there. */
  offset: number | undefined;
}

/** What has to be painted: nothing, one piece on top of everything, or everything anew. */
export type Change = "nothing" | "all" | Piece;

/** Of the log's end that is next to go, how much is seen to fade. */
const fading = logSize / 5;
const fadeSteps = 5;
const palest = 0.2;

export class Drawing {
  readonly #strokes = new Map<string, Map<number, Piece>>();
  /** In the order of the log, unless it has to be sorted first. */
  #log: Piece[] = [];
  #isSorted = true;
  /** Of this window, in the order they were drawn. */
  #pending: Piece[] = [];
  /** Strokes that are gone, by their keys: those at earlier offsets. */
  readonly #undone = new Map<string, number>();
  /** This window's, until the log says so. */
  readonly #undoing = new Set<string>();
  #clearedAt = 0;
  #top = 0;
  /** Something of others lies above what is on its way, and will be below it. */
  #isOutOfOrder = false;

  /** Offset of the newest publication that is known. */
  get top(): number {
    return this.#top;
  }

  get clearedAt(): number {
    return this.#clearedAt;
  }

  /** How many strokes can be seen. */
  get size(): number {
    const hidden = [...this.#undoing].filter((key) => this.#strokes.has(key));
    return this.#strokes.size - hidden.length;
  }

  /** What can be seen, lowest first. */
  pieces(): readonly Piece[] {
    this.#sort();
    return [...this.#log, ...this.#pending].filter(
      ({ author, part }) => !this.#undoing.has(keyOf(author, part.stroke)),
    );
  }

  /** The part that a piece goes on from. */
  before({ author, part }: Piece): Piece | undefined {
    return this.#strokes.get(keyOf(author, part.stroke))?.get(part.n - 1);
  }

  /** From 0 to 1: the oldest fade before they go. */
  strengthOf({ offset }: Piece): number {
    if (offset === undefined) return 1;
    const share = (offset - (this.#top - logSize)) / fading;
    return Math.min(1, Math.max(palest, Math.ceil(share * fadeSteps) / fadeSteps));
  }

  /** Shows what is drawn here before the log has it. */
  draw(author: string, part: PartEvent): Piece {
    const piece: Piece = { author, part, offset: undefined };
    this.#pending.push(piece);
    this.#put(piece);
    return piece;
  }

  /** What was drawn here will never be in the log. */
  withdraw(author: string, stroke: string): void {
    const isOf = (piece: Piece) => piece.author === author && piece.part.stroke === stroke;
    for (const piece of this.#pending.filter(isOf)) this.#takeOut(piece);
    this.#pending = this.#pending.filter((piece) => !isOf(piece));
  }

  /** Hides a stroke of this window's user until the log says that it is gone, or that is refused. */
  hide(author: string, stroke: string, isHidden: boolean): void {
    if (isHidden) this.#undoing.add(keyOf(author, stroke));
    else this.#undoing.delete(keyOf(author, stroke));
  }

  /** The latest stroke of somebody that can be seen. */
  latestOf(author: string): string | undefined {
    this.#sort();
    const isVisible = (piece: Piece) =>
      piece.author === author && !this.#undoing.has(keyOf(author, piece.part.stroke));
    return (this.#pending.findLast(isVisible) ?? this.#log.findLast(isVisible))?.part.stroke;
  }

  /** Takes in a publication, which need not be new. @param author as the server knows it */
  receive(event: BoardEvent, author: string, offset: number): Change {
    const hasFaded = this.#rise(offset);
    const change = this.#take(event, author, offset);
    return hasFaded && change !== "nothing" ? "all" : change;
  }

  /** The log is another, or too much of it was missed: only what is on its way stays. */
  reset(): void {
    const pending = this.#pending;
    this.#strokes.clear();
    this.#log = [];
    this.#undone.clear();
    this.#clearedAt = 0;
    this.#top = 0;
    for (const piece of pending) this.#put(piece);
  }

  #take(event: BoardEvent, author: string, offset: number): Change {
    if (event.kind === "part") return this.#takePart(event, author, offset);
    if (event.kind === "undo") {
      const key = keyOf(author, event.stroke);
      this.#undone.set(key, Math.max(offset, this.#undone.get(key) ?? 0));
      this.#undoing.delete(key);
      return this.#drop((piece) => keyOf(piece.author, piece.part.stroke) === key && isBefore(piece, offset));
    }
    if (offset <= this.#clearedAt) return "nothing";
    this.#clearedAt = offset;
    return this.#drop((piece) => isBefore(piece, offset));
  }

  #takePart(part: PartEvent, author: string, offset: number): Change {
    const key = keyOf(author, part.stroke);
    const known = this.#strokes.get(key)?.get(part.n);
    if (known?.offset !== undefined) return "nothing";
    if (known) return this.#settle(known, offset);
    const isGone =
      offset <= this.#top - logSize || offset <= Math.max(this.#clearedAt, this.#undone.get(key) ?? 0);
    if (isGone) return "nothing";
    const piece: Piece = { author, part, offset };
    if (offset < (this.#log.at(-1)?.offset ?? 0)) this.#isSorted = false;
    this.#log.push(piece);
    this.#put(piece);
    if (this.#pending.length > 0) this.#isOutOfOrder = true;
    return this.#isSorted ? piece : "all";
  }

  /** What was drawn here has its place now. */
  #settle(piece: Piece, offset: number): Change {
    piece.offset = offset;
    this.#pending = this.#pending.filter((each) => each !== piece);
    if (offset < (this.#log.at(-1)?.offset ?? 0)) this.#isSorted = false;
    this.#log.push(piece);
    if (this.#pending.length > 0 || !this.#isOutOfOrder) return "nothing";
    this.#isOutOfOrder = false;
    return "all";
  }

  /** @returns whether what is there looks paler now */
  #rise(offset: number): boolean {
    if (offset <= this.#top) return false;
    const step = (top: number) => Math.floor((top * fadeSteps) / fading);
    const before = this.#top;
    this.#top = offset;
    const floor = offset - logSize;
    if (floor > 0) {
      for (const [key, at] of this.#undone) if (at <= floor) this.#undone.delete(key);
      this.#sort();
      while ((this.#log[0]?.offset ?? Infinity) <= floor) this.#takeOut(this.#log.shift() as Piece);
    }
    return floor > -fading && step(before) !== step(offset);
  }

  #drop(isGone: (piece: Piece) => boolean): Change {
    const gone = this.#log.filter(isGone);
    if (gone.length === 0) return "nothing";
    for (const piece of gone) this.#takeOut(piece);
    this.#log = this.#log.filter((piece) => !isGone(piece));
    return "all";
  }

  #put(piece: Piece): void {
    const key = keyOf(piece.author, piece.part.stroke);
    const stroke = this.#strokes.get(key) ?? new Map<number, Piece>();
    stroke.set(piece.part.n, piece);
    this.#strokes.set(key, stroke);
  }

  #takeOut({ author, part }: Piece): void {
    const key = keyOf(author, part.stroke);
    const stroke = this.#strokes.get(key);
    stroke?.delete(part.n);
    if (stroke?.size === 0) this.#strokes.delete(key);
  }

  #sort(): void {
    if (this.#isSorted) return;
    this.#log.sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
    this.#isSorted = true;
  }
}

/** Ids of strokes are their authors' to choose, so they say nothing without them. */
function keyOf(author: string, stroke: string): string {
  return `${author}/${stroke}`;
}

function isBefore({ offset = Infinity }: Piece, other: number): boolean {
  return offset < other;
}
