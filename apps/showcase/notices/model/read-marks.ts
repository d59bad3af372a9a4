/**
 * What is read: as the server has it, and as it will be once the changes on their way have arrived, so that a window shows
 * at once what it does.
 */
import { emptyMarks, type Marks, type MarksChange, withChange } from "../server/marks.js";
import type { NoticeList } from "./notice-list.js";

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
