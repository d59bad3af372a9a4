/** Readers that ask again and again: after an interval, or at once where the answer has waited. */
import { type Publication, Reader, type ReaderContext } from "./reader.js";

interface Answer {
  readonly epoch: string;
  readonly offset: number;
  readonly publications: readonly Publication[];
}

export class AskingReader extends Reader {
  /** Undefined for one that waits for its answers. */
  readonly #intervalMs: number | undefined;
  #controller: AbortController | undefined;
  #isFirst = true;

  constructor(context: ReaderContext, isWaiting: boolean) {
    super(context);
    this.#intervalMs = isWaiting ? undefined : context.intervalMs;
  }

  override start(): void {
    void this.#ask();
  }

  protected override release(): void {
    this.#controller?.abort();
  }

  async #ask(): Promise<void> {
    const { tally, fetch, now } = this.context;
    const askedAt = now();
    const controller = new AbortController();
    this.#controller = controller;
    // The first answer comes at once, so that it is known to be there.
    const wait = this.#intervalMs === undefined && !this.#isFirst ? "&wait=20s" : "";
    tally.requests += 1;
    try {
      // Where nothing is new the browser's own cache asks with the tag it has, and gets a 304 without a body.
      const response = await fetch(`${this.channelUrl}?since=${this.since}${wait}`, {
        signal: controller.signal,
      });
      if (!response.ok) throw new Error(`the server answers with ${response.status}`);
      const { epoch, offset, publications } = (await response.json()) as Answer;
      if (this.isOver || this.#controller !== controller) return;
      this.#isFirst = false;
      tally.answer(publications.length);
      for (const publication of publications) this.take(publication);
      this.epoch = epoch;
      this.offset = offset;
      this.open();
      // Slow answers do not stretch the interval.
      if (this.#intervalMs === undefined) void this.#ask();
      else this.after(Math.max(0, this.#intervalMs - (now() - askedAt)), () => this.start());
    } catch (error) {
      if (!this.isOver && this.#controller === controller) this.lost(String(error));
    }
  }
}
