/**
 * Reads HTTP/1.1 responses of one connection, however they are split (RFC 9112): Content-Length, chunks, or no body. Nothing of
 * the bytes is kept, so that all connections can share a buffer.
 */

export interface HttpHead {
  readonly status: number;
  /** By lower-case name; of several fields of one name, the last. */
  readonly fields: ReadonlyMap<string, string>;
}

export interface HttpEvents {
  onHead(head: HttpHead): void;
  /** Part of a body; not valid after the call. */
  onBody(bytes: Buffer): void;
  /** The response is complete. */
  onEnd(): void;
  /** Bytes after a 101, which belong to the other protocol. */
  onUpgrade(bytes: Buffer): void;
}

type State = "head" | "body" | "chunk size" | "chunk" | "chunk end" | "trailers" | "upgraded";

const maxHeadBytes = 16 * 1024;
const maxLineBytes = 1024;

export class HttpReader {
  readonly #events: HttpEvents;
  #state: State = "head";
  /** What has come of a head or a line. */
  #text = "";
  /** Bytes of the body, or the chunk, that are still to come. */
  #left = 0;

  constructor(events: HttpEvents) {
    this.#events = events;
  }

  /** Whether the next byte begins a response. */
  get isIdle(): boolean {
    return this.#state === "head" && this.#text === "";
  }

  /** @throws Error naming what is invalid or too long */
  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) at = this.#step(bytes, at);
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case "upgraded":
        this.#events.onUpgrade(bytes.subarray(at));
        return bytes.length;
      case "head":
        return this.#readHead(bytes, at);
      case "body":
      case "chunk":
        return this.#readBody(bytes, at);
      default:
        return this.#readLine(bytes, at);
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const had = this.#text.length;
    // Bounded: no more than a head may have.
    const stop = Math.min(bytes.length, at + maxHeadBytes + 1 - had);
    this.#text += bytes.toString("latin1", at, stop);
    const end = this.#text.indexOf("\r\n\r\n", Math.max(0, had - 3));
    if (end < 0) {
      if (this.#text.length > maxHeadBytes)
        throw new Error(`a response's head is longer than ${maxHeadBytes} bytes`);
      return stop;
    }
    const head = parseHead(this.#text.slice(0, end));
    this.#text = "";
    this.#begin(head);
    return at + end + 4 - had;
  }

  #begin(head: HttpHead): void {
    const { status, fields } = head;
    if (status === 101) this.#state = "upgraded";
    else if (status < 200) return;
    else if (fields.get("transfer-encoding")?.toLowerCase() === "chunked") this.#state = "chunk size";
    else {
      this.#left = status === 204 || status === 304 ? 0 : lengthOf(fields);
      this.#state = this.#left > 0 ? "body" : "head";
    }
    const isComplete = this.#state === "head";
    this.#events.onHead(head);
    if (isComplete) this.#events.onEnd();
  }

  #readBody(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    const isChunk = this.#state === "chunk";
    if (this.#left === 0) this.#state = isChunk ? "chunk end" : "head";
    this.#events.onBody(bytes.subarray(at, end));
    if (this.#left === 0 && !isChunk) this.#events.onEnd();
    return end;
  }

  #readLine(bytes: Buffer, at: number): number {
    const found = bytes.indexOf(10, at);
    const end = found < 0 ? bytes.length : found + 1;
    if (this.#text.length + end - at > maxLineBytes)
      throw new Error(`a line between chunks is longer than ${maxLineBytes} bytes`);
    this.#text += bytes.toString("latin1", at, end);
    if (found < 0) return end;
    const line = this.#text.replace(/\r?\n$/, "");
    this.#text = "";
    this.#takeLine(line);
    return end;
  }

  #takeLine(line: string): void {
    if (this.#state === "chunk size") {
      if (!/^[0-9a-f]{1,8}(;|$)/i.test(line))
        throw new Error(`a chunk has no valid size: ${line.slice(0, 40)}`);
      this.#left = Number.parseInt(line, 16);
      this.#state = this.#left > 0 ? "chunk" : "trailers";
    } else if (this.#state === "chunk end") {
      if (line !== "") throw new Error("a chunk is longer than its size");
      this.#state = "chunk size";
    } else if (line === "") {
      this.#state = "head";
      this.#events.onEnd();
    }
  }
}

function parseHead(text: string): HttpHead {
  const [first = "", ...lines] = text.split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first)?.[1]);
  if (!status) throw new Error(`invalid HTTP/1.1 response: ${first.slice(0, 60)}`);
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`invalid header field: ${line.slice(0, 60)}`);
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status, fields };
}

function lengthOf(fields: ReadonlyMap<string, string>): number {
  const text = fields.get("content-length");
  if (text === undefined || !/^\d{1,10}$/.test(text))
    throw new Error(`a response has no valid length: Content-Length is ${text ?? "missing"}`);
  return Number(text);
}

const maxCharacters = 8 * 1024 * 1024;

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
    if (this.#rest.length > maxCharacters)
      throw new Error(`a line is longer than ${maxCharacters} characters`);
  }
}
