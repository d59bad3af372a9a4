/** A server of notifications that does what a test tells it to. */
import type { NoticesLink, Place, ReadingStatus, Received } from "../../notices/model/notices.js";
import { emptyMarks, type Marks, type MarksChange, withChange } from "../../notices/server/marks.js";

interface Listeners {
  onNotice(received: Received): void;
  onStatus(status: ReadingStatus): void;
}

export class FakeLink implements NoticesLink {
  epoch = "e1";
  log: Received[] = [];
  marks: Marks | undefined;
  connected = true;
  /** Of all that is asked for. */
  failure: Error | undefined;
  /** An answer has so many at most. */
  pageSize = 100;
  /** Whether other windows, and this one, are told of marks. */
  tellsMarks = true;
  readonly readings: { since: Place; listeners: Listeners; isOver: boolean }[] = [];
  readonly changes: MarksChange[] = [];
  #onConnected: () => void = () => {};
  #onMarks: (marks: Marks | undefined, isReset: boolean) => void = () => {};

  onConnected(listener: () => void): () => void {
    this.#onConnected = listener;
    return () => {
      this.#onConnected = () => {};
    };
  }

  isConnected(): boolean {
    return this.connected;
  }

  connect(): void {
    this.connected = true;
    this.#onConnected();
  }

  /** Publishes, which whoever reads now is told of. */
  publish(text: string): number {
    const offset = (this.log.at(-1)?.offset ?? 0) + 1;
    const received = { offset, notice: { text, from: { id: "b", name: "Bo" }, at: 1000 * offset } };
    this.log.push(received);
    const reading = this.readings.at(-1);
    if (reading && !reading.isOver) reading.listeners.onNotice(received);
    return offset;
  }

  async page(before?: Place) {
    if (this.failure) throw this.failure;
    const received = this.log
      .filter(({ offset }) => before === undefined || offset < before.offset)
      .reverse()
      .slice(0, this.pageSize);
    return { received, position: { epoch: this.epoch, offset: this.log.at(-1)?.offset ?? 0 } };
  }

  read(since: Place, listeners: Listeners): () => void {
    const reading = { since, listeners, isOver: false };
    this.readings.push(reading);
    return () => {
      reading.isOver = true;
    };
  }

  watchMarks(listener: (marks: Marks | undefined, isReset: boolean) => void): () => void {
    this.#onMarks = listener;
    listener(this.marks, true);
    return () => {
      this.#onMarks = () => {};
    };
  }

  /** As another window has it. */
  markElsewhere(change: Omit<MarksChange, "epoch">): Marks {
    const head = this.log.at(-1)?.offset ?? 0;
    const marks = withChange(this.marks ?? emptyMarks(this.epoch), { epoch: this.epoch, ...change }, head);
    this.marks = marks;
    if (this.tellsMarks) this.#onMarks(marks, false);
    return marks;
  }

  async mark(change: MarksChange): Promise<Marks> {
    this.changes.push(change);
    await Promise.resolve();
    if (this.failure) throw this.failure;
    return this.markElsewhere(change);
  }

  async notify(name: string): Promise<{ name: string }> {
    if (this.failure) throw this.failure;
    return { name };
  }

  async notifyMe(): Promise<void> {
    if (this.failure) throw this.failure;
  }
}
