/**
 * Keeps a scrolling box where the person left it: at its end while they are there, or with the line they look at in its
 * place, whatever is added above, below or between. Lines are told apart by their `data-key`.
 */
const nearEndPx = 48;

export class ScrollKeeper {
  readonly #box: HTMLElement;
  readonly #onEnd: (isAtEnd: boolean) => void;
  readonly #resizes: ResizeObserver;
  #isAtEnd = true;
  #anchor: { key: string; top: number } | undefined;

  /** @param onEnd told when the person leaves or reaches the end */
  constructor(box: HTMLElement, onEnd: (isAtEnd: boolean) => void) {
    this.#box = box;
    this.#onEnd = onEnd;
    this.#resizes = new ResizeObserver(() => this.keep());
    this.#resizes.observe(box);
    box.addEventListener("scroll", this.look, { passive: true });
    this.keep();
  }

  stop(): void {
    this.#resizes.disconnect();
    this.#box.removeEventListener("scroll", this.look);
  }

  showEnd(): void {
    this.#setAtEnd(true);
    this.keep();
  }

  /** Call after the content has changed. */
  keep(): void {
    const box = this.#box;
    if (this.#isAtEnd) {
      box.scrollTop = box.scrollHeight;
      return;
    }
    // By its key, as the element may be another one by now.
    const line = this.#anchor && box.querySelector(`[data-key="${CSS.escape(this.#anchor.key)}"]`);
    if (line && this.#anchor) box.scrollTop += this.#topOf(line) - this.#anchor.top;
  }

  /** Takes note of where the person is: done at every scroll event, and before a change they ask for. */
  look = (): void => {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    this.#setAtEnd(scrollHeight - scrollTop - clientHeight < nearEndPx);
    const lines = [...this.#box.querySelectorAll<HTMLElement>("[data-key]")];
    const line = lines.find((candidate) => this.#topOf(candidate) + candidate.clientHeight > 0);
    this.#anchor = line && { key: line.dataset.key ?? "", top: this.#topOf(line) };
  };

  #setAtEnd(isAtEnd: boolean): void {
    if (this.#isAtEnd === isAtEnd) return;
    this.#isAtEnd = isAtEnd;
    this.#onEnd(isAtEnd);
  }

  #topOf(line: Element): number {
    return line.getBoundingClientRect().top - this.#box.getBoundingClientRect().top;
  }
}
