/** Requests as a page in Chromium sends them (recorded from version 150 on Linux), or with the fewest header fields that work. */
import type { HeaderKind } from "../report/index.js";
import { upgradeKey } from "./frames.js";

type Fields = readonly (readonly [name: string, value: string])[];

const userAgent =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36";
const brand = '"Not;A=Brand";v="8", "Chromium";v="150"';
const encodings = "gzip, deflate, br, zstd";
const languages = "en-US,en;q=0.9";

export class RequestText {
  readonly #isBrowser: boolean;
  readonly #host: string;

  constructor(kind: HeaderKind, port: number) {
    this.#isBrowser = kind === "browser";
    this.#host = `127.0.0.1:${port}`;
  }

  get host(): string {
    return this.#host;
  }

  /** `fetch` of a page. @param etag for If-None-Match */
  read(target: string, etag: string | undefined): string {
    const condition: Fields = etag === undefined ? [] : [["If-None-Match", etag]];
    if (!this.#isBrowser) return this.#request("GET", target, condition);
    const cached: Fields = etag === undefined ? [] : [["Cache-Control", "max-age=0"], ...condition];
    return this.#request("GET", target, [
      ["Connection", "keep-alive"],
      ...cached,
      ...this.#pageFields("*/*"),
    ]);
  }

  /** `fetch` of an SDK with a body of JSON. @param own fields beside those that all such requests have */
  post(target: string, body: string, own: Fields = []): string {
    const about: Fields = [
      ...own,
      ["Content-Length", String(Buffer.byteLength(body))],
      ["Content-Type", "application/json"],
    ];
    if (!this.#isBrowser) return this.#request("POST", target, about) + body;
    const fields: Fields = [
      ["Connection", "keep-alive"],
      ...about,
      ["Origin", `http://${this.#host}`],
      ...this.#pageFields("application/json"),
    ];
    return this.#request("POST", target, fields) + body;
  }

  /** `EventSource`. */
  events(target: string, lastEventId: string | undefined): string {
    const place: Fields = lastEventId === undefined ? [] : [["Last-Event-ID", lastEventId]];
    if (!this.#isBrowser) return this.#request("GET", target, place);
    return this.#request("GET", target, [
      ["Connection", "keep-alive"],
      ["Pragma", "no-cache"],
      ["Cache-Control", "no-cache"],
      ...this.#pageFields("text/event-stream"),
      ...place,
    ]);
  }

  /** The opening handshake of a WebSocket. */
  upgrade(target: string): string {
    const needed: Fields = [
      ["Connection", "Upgrade"],
      ["Upgrade", "websocket"],
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Key", upgradeKey],
    ];
    return this.#request("GET", target, [...needed, ...(this.#isBrowser ? this.#socketFields() : [])]);
  }

  /** The same for HTTP/2, RFC 8441 §5. */
  connect(target: string): Readonly<Record<string, string>> {
    const fields = this.#isBrowser ? this.#socketFields() : [];
    return {
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":authority": this.#host,
      ":path": target,
      "sec-websocket-version": "13",
      ...Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value])),
    };
  }

  #request(method: string, target: string, fields: Fields): string {
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${target} HTTP/1.1\r\nHost: ${this.#host}\r\n${lines.join("")}\r\n`;
  }

  #pageFields(accept: string): Fields {
    return [
      ["sec-ch-ua-platform", '"Linux"'],
      ["User-Agent", userAgent],
      ["Accept", accept],
      ["sec-ch-ua", brand],
      ["sec-ch-ua-mobile", "?0"],
      ["Sec-Fetch-Site", "same-origin"],
      ["Sec-Fetch-Mode", "cors"],
      ["Sec-Fetch-Dest", "empty"],
      ["Referer", `http://${this.#host}/`],
      ["Accept-Encoding", encodings],
      ["Accept-Language", languages],
    ];
  }

  #socketFields(): Fields {
    return [
      ["Pragma", "no-cache"],
      ["Cache-Control", "no-cache"],
      ["User-Agent", userAgent],
      ["Origin", `http://${this.#host}`],
      ["Accept-Encoding", encodings],
      ["Accept-Language", languages],
      ["Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"],
    ];
  }
}
