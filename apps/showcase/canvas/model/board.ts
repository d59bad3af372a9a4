/** One board in one window: its drawing out of the log, what is drawn here on its way there, and the others' pointers. */
import type { ChannelStatus, ClientInfo, HistoryPage, Publication } from "@holdfast/client";
import { readServerError } from "../../shared/line/server-error.js";
import { type BoardEvent, logSize, type PartEvent } from "../server/board.js";
import { type BoardLink, CanvasWork, type Time } from "./canvas.js";
import { Cursors, Pointer } from "./cursors.js";
import { Drawing, type Piece } from "./drawing.js";
import { readLog } from "./log-reader.js";
import { Outbox } from "./outbox.js";
import { Pen, type PenStyle, type Point } from "./pen.js";
import { People } from "./people.js";

export interface BoardOptions extends Time {
  readonly link: BoardLink;
  readonly me: () => string;
  readonly createId: () => string;
  /** For what is shown beside the board. */
  readonly onChange: () => void;
  /** For the board itself, and the pointers over it. */
  readonly onWork: () => void;
}

const retryMs = 2000;

export class Board {
  readonly drawing = new Drawing();
  readonly cursors = new Cursors();
  readonly people = new People();
  readonly work: CanvasWork;
  readonly pen: Pen;
  /** Whether all is here that can be seen. */
  isRead = false;
  /** What has gone wrong, in words. */
  problem = "";
  /** What somebody did to all, in words. */
  news = "";
  readonly #options: BoardOptions;
  readonly #outbox: Outbox;
  readonly #pointer: Pointer;
  readonly #own = new Map<PartEvent, Piece>();
  #stops: (() => void)[] = [];
  #leaveCursors: (() => void) | undefined;
  /** Counts subscriptions: what was asked for under an earlier one is of no account. */
  #turn = 0;
  #isLive = false;
  #callOff: (() => void) | undefined;
  /** Counts lists of people that were asked for: only the latest counts. */
  #peopleTurn = 0;
  #callOffPeople: (() => void) | undefined;

  constructor(options: BoardOptions) {
    this.#options = options;
    const { link, clock, later, onChange, onWork } = options;
    this.work = new CanvasWork(onWork);
    this.#outbox = new Outbox({
      ...{ clock, later, onChange },
      publish: (event, key) => link.board.publish(event, { idempotencyKey: key }),
      onRefused: (event, why) => this.#withdraw(event, why),
    });
    this.#pointer = new Pointer({
      ...{ clock, later },
      publish: (event) => link.cursors.publish(event),
      isLive: () => link.ownClient() !== undefined && this.#leaveCursors !== undefined,
    });
    this.pen = new Pen({
      createId: options.createId,
      onPart: (part) => this.#beginPart(part),
      canGrow: (part) => this.#outbox.isOpen(part),
      onGrow: (part) => this.#grow(part),
    });
    this.#stops = [
      link.board.subscribe({
        onPublication: (publication) => this.#receive(publication, true),
        onStatus: (status) => this.#follow(status),
      }),
    ];
  }

  /** Messages of this window that are not in the log yet. */
  get waiting(): number {
    return this.#outbox.size;
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** Whether one sees the others' pointers, and they one's own. */
  show(isShown: boolean): void {
    this.#leaveCursors?.();
    this.#leaveCursors = undefined;
    this.#forgetPeople();
    this.cursors.clear();
    const { link, onWork } = this.#options;
    if (!isShown) return;
    this.#leaveCursors = link.cursors.subscribe({
      onPublication: ({ data, info }) => {
        if (!info || info.client === link.ownClient()) return;
        this.cursors.receive(info, data);
        onWork();
      },
      onJoin: (info) => this.#meet(info, true),
      onLeave: (info) => this.#meet(info, false),
      onStatus: (status) => {
        if (status.state === "subscribed") void this.#readPeople();
        else {
          // Who is there is not known without a line.
          this.#forgetPeople();
          this.cursors.clear();
        }
        onWork();
      },
    });
  }

  /** Where this window's pointer is; with nothing, it has left the board. */
  point(at?: Point, style?: PenStyle): void {
    const colour = this.pen.isDown && style ? { colour: style.colour } : {};
    this.#pointer.tell(at ? { x: Math.round(at.x), y: Math.round(at.y), ...colour } : {});
  }

  /** Takes back the latest stroke of this person. */
  undo(): void {
    const { me, createId } = this.#options;
    const stroke = this.drawing.latestOf(me());
    if (stroke === undefined || this.#outbox.isFull) return;
    this.drawing.hide(me(), stroke, true);
    this.work.add("all");
    this.#outbox.add({ kind: "undo", stroke }, `undo:${createId()}`);
    this.#options.onChange();
  }

  get canUndo(): boolean {
    return this.drawing.latestOf(this.#options.me()) !== undefined;
  }

  /** Takes everything away, for everybody. */
  clear(): void {
    if (!this.#outbox.isFull) this.#outbox.add({ kind: "clear" }, `clear:${this.#options.createId()}`);
  }

  close(): void {
    this.#turn += 1;
    this.#callOff?.();
    this.#forgetPeople();
    for (const stop of this.#stops) stop();
    this.#leaveCursors?.();
    this.#leaveCursors = undefined;
    this.#outbox.close();
    this.#pointer.close();
    this.#own.clear();
  }

  #beginPart(part: PartEvent): boolean {
    const { onChange, me } = this.#options;
    if (this.#outbox.isFull) {
      this.problem = "Too much is waiting to be sent: continue when the connection is back.";
      onChange();
      return false;
    }
    // What went wrong before is no news any more.
    if (part.n === 0) this.problem = "";
    this.#outbox.add(part, `${part.stroke}:${part.n}`);
    // Only the newest may still grow.
    this.#own.clear();
    const piece = this.drawing.draw(me(), part);
    this.#own.set(part, piece);
    this.work.add(piece);
    onChange();
    return true;
  }

  #grow(part: PartEvent): void {
    const piece = this.#own.get(part);
    if (piece) this.work.add(piece, part.points.length - 3);
  }

  #withdraw(event: BoardEvent, why: string): void {
    const author = this.#options.me();
    if (event.kind === "part") this.drawing.withdraw(author, event.stroke);
    if (event.kind === "undo") this.drawing.hide(author, event.stroke, false);
    this.problem = `The server refused it: ${why}.`;
    this.work.add("all");
    this.#options.onChange();
  }

  #receive({ data, offset, info }: Publication<BoardEvent>, isNews: boolean): void {
    if (offset === undefined) return;
    const isUnheard = offset > this.drawing.top;
    const before = this.drawing.size;
    this.work.add(this.drawing.receive(data, info?.user ?? "", offset));
    if (data.kind === "clear" && isNews && isUnheard) this.news = `${nameOf(info)} cleared the board.`;
    // Most parts change nothing of what stands beside the board.
    if (data.kind !== "part" || this.drawing.size !== before) this.#options.onChange();
  }

  #follow(status: ChannelStatus): void {
    this.#turn += 1;
    this.#isLive = status.state === "subscribed";
    if (status.state === "unsubscribed") this.problem = `This board is not available: ${status.reason}.`;
    if (status.state === "subscribed") {
      this.problem = "";
      if (!(status.wasRecovering && status.recovered)) {
        this.isRead = false;
        this.drawing.reset();
        this.work.add("all");
      }
      if (!this.isRead) void this.#read(this.#turn);
    }
    this.#options.onChange();
  }

  async #read(turn: number): Promise<void> {
    const { link, later, onChange } = this.#options;
    const isWanted = () => turn === this.#turn;
    try {
      await readLog({
        ...{ board: link.board, isWanted },
        receive: (page: HistoryPage<BoardEvent>) => {
          for (const publication of page.publications) this.#receive(publication, false);
        },
        floor: () => Math.max(this.drawing.clearedAt, this.drawing.top - logSize),
      });
      if (!isWanted()) return;
      this.isRead = true;
      this.problem = "";
    } catch (error) {
      if (!isWanted()) return;
      this.problem = `The drawing could not be loaded: ${readServerError(error).message}.`;
      this.#callOff = later(retryMs, () => void this.#read(turn));
    }
    onChange();
  }

  async #readPeople(): Promise<void> {
    const { link, later, onChange } = this.#options;
    this.#callOffPeople?.();
    const turn = ++this.#peopleTurn;
    this.people.expect();
    try {
      const list = await link.cursors.presence();
      if (turn !== this.#peopleTurn) return;
      this.people.receive(list);
      onChange();
    } catch (error) {
      if (turn !== this.#peopleTurn) return;
      // A busy server refuses lists first. Those that come and go are told in any case.
      if (readServerError(error).isFinal) this.people.receive([]);
      else this.#callOffPeople = later(retryMs, () => void this.#readPeople());
    }
  }

  /** Of a list that is on its way, or asked for again. */
  #forgetPeople(): void {
    this.#peopleTurn++;
    this.#callOffPeople?.();
  }

  #meet(info: ClientInfo, isJoining: boolean): void {
    if (isJoining) {
      this.people.join(info);
      this.cursors.join(info.client);
    } else {
      this.people.leave(info.client);
      this.cursors.leave(info.client);
      this.#options.onWork();
    }
    this.#options.onChange();
  }
}

function nameOf(info: ClientInfo | undefined): string {
  const { name } = (info?.connInfo ?? {}) as { readonly name?: string };
  return name ?? "The server";
}
