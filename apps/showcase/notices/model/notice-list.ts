/** The notifications of one log, each once, the newest first, and never more than are kept. */
import { emptyMarks, keptNotices, type Marks, type MarksChange, withChange } from "../server/marks.js";
import type { Place, Received } from "./notices.js";

export class NoticeList {
  #epoch = "";
  #head = 0;
  #items: readonly Received[] = [];

  get items(): readonly Received[] {
    return this.#items;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** The position of the newest there has been. */
  get head(): number {
    return this.#head;
  }

  /** What the history has; of another log, nothing of what was there stays. */
  fill(received: readonly Received[], { epoch, offset }: Place): void {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#head = 0;
      this.#items = [];
    }
    this.#head = Math.max(this.#head, offset);
    this.#merge(received);
  }

  /** @returns whether it is one that was not there */
  add(received: Received): boolean {
    if (this.#items.some(({ offset }) => offset === received.offset)) return false;
    this.#head = Math.max(this.#head, received.offset);
    this.#merge([received]);
    return true;
  }

  #merge(received: readonly Received[]): void {
    const byOffset = new Map([...this.#items, ...received].map((each) => [each.offset, each]));
    this.#items = [...byOffset.values()].sort((a, b) => b.offset - a.offset).slice(0, keptNotices);
  }
}

export interface ReadMarksOptions {
  readonly list: NoticeList;
  readonly send: (change: MarksChange) => Promise<Marks>;
  readonly onChange: () => void;
  readonly onProblem: (error: unknown) => void;
}

export class ReadMarks {
  readonly #options: ReadMarksOptions;
  #server: Marks | undefined;
  /** On their way, oldest first. */
  #pending: readonly MarksChange[] = [];

  constructor(options: ReadMarksOptions) {
    this.#options = options;
  }

  /** As they are shown. */
  get current(): Marks {
    const { epoch, head } = this.#options.list;
    const known = this.#server?.epoch === epoch ? this.#server : emptyMarks(epoch);
    return this.#pending
      .filter((change) => change.epoch === epoch)
      .reduce((marks, change) => withChange(marks, change, head), known);
  }

  /** @param isReset all is new: what was known before counts no more */
  receive(marks: Marks | undefined, isReset = false): void {
    const isNewer =
      marks === undefined || marks.epoch !== this.#server?.epoch || marks.version >= this.#server.version;
    if (!isReset && !isNewer) return;
    this.#server = marks;
    this.#options.onChange();
  }

  async change(change: Omit<MarksChange, "epoch">): Promise<void> {
    const { list, send, onChange, onProblem } = this.#options;
    const own: MarksChange = { epoch: list.epoch, ...change };
    this.#pending = [...this.#pending, own];
    onChange();
    try {
      this.receive(await send(own));
    } catch (error) {
      onProblem(error);
    } finally {
      this.#pending = this.#pending.filter((each) => each !== own);
      onChange();
    }
  }
}
