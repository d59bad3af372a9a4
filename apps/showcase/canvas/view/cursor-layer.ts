/** The others' pointers over the board: one element each, moved as often as the screen is drawn. */
import { colourOf } from "../model/canvas.js";
import type { Cursor } from "../model/cursors.js";
import { boardHeight, boardWidth } from "../server/board.js";
import type { Palette } from "./palette.js";

export class CursorLayer {
  readonly #host: HTMLElement;
  readonly #elements = new Map<string, HTMLElement>();

  constructor(host: HTMLElement) {
    this.#host = host;
  }

  /** Brings the elements to what is known: new ones come, those of whom nothing is known go. */
  update(cursors: readonly Cursor[], palette: Palette): void {
    const seen = new Set(cursors.map(({ client }) => client));
    for (const [client, element] of this.#elements) {
      if (seen.has(client)) continue;
      element.remove();
      this.#elements.delete(client);
    }
    const { clientWidth, clientHeight } = this.#host;
    for (const cursor of cursors) {
      const element = this.#elements.get(cursor.client) ?? this.#create(cursor);
      const [x, y] = [(cursor.x / boardWidth) * clientWidth, (cursor.y / boardHeight) * clientHeight];
      element.style.transform = `translate(${x}px, ${y}px)`;
      const { colour } = cursor;
      element.style.setProperty("--pen", palette.colours[colour ?? colourOf(cursor.user)] ?? "");
      element.classList.toggle("draws", colour !== undefined);
      // Names stay on the board.
      element.classList.toggle("at-right", cursor.x > boardWidth * 0.7);
    }
  }

  clear(): void {
    this.#host.replaceChildren();
    this.#elements.clear();
  }

  #create({ client, name }: Cursor): HTMLElement {
    const element = document.createElement("div");
    element.className = "cursor";
    element.dataset.testid = "cursor";
    const label = document.createElement("span");
    label.className = "cursor-name";
    label.dir = "auto";
    label.textContent = name;
    element.append(label);
    this.#host.append(element);
    this.#elements.set(client, element);
    return element;
  }
}
