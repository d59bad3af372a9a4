/** Text that comes in pieces, in its lines. Bounded. */

const mostCharacters = 8 * 1024 * 1024;

export class LineSplitter {
  #rest = "";
  readonly #separator: string;

  /** @param separator what ends a line */
  constructor(separator = "\n") {
    this.#separator = separator;
  }

  /** @throws Error where a line is longer than is accepted */
  push(text: string, onLine: (line: string) => void): void {
    const all = this.#rest === "" ? text : this.#rest + text;
    const { length } = this.#separator;
    let start = 0;
    for (let end = all.indexOf(this.#separator); end >= 0; end = all.indexOf(this.#separator, start)) {
      const line = all.slice(start, end);
      start = end + length;
      onLine(line);
    }
    this.#rest = all.slice(start);
    if (this.#rest.length > mostCharacters)
      throw new Error(`a line is longer than ${mostCharacters} characters`);
  }
}
