/** What the arguments of a WebSocket may be, with the exceptions of the standard (WHATWG WebSockets §3.1). */
import { type MessageData, maxCloseReasonBytes } from "../websocket/index.js";

export type WebSocketData = string | ArrayBuffer | ArrayBufferView | Blob;

// The schemes differ in name only; node:http knows its own.
const schemes: Readonly<Record<string, string>> = {
  "ws:": "http:",
  "wss:": "https:",
  "http:": "http:",
  "https:": "https:",
};
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** @returns an http: or https: URL @throws DOMException SyntaxError */
export function parseAddress(url: string | URL): URL {
  const text = String(url);
  if (!URL.canParse(text)) throw syntaxError(`${JSON.stringify(text)} is not a URL`);
  const address = new URL(text);
  const scheme = schemes[address.protocol];
  if (scheme === undefined)
    throw syntaxError(`a WebSocket's URL begins with ws: or wss:, not ${address.protocol}`);
  if (address.hash !== "" || text.includes("#"))
    throw syntaxError(`a WebSocket's URL has no fragment, but ${JSON.stringify(text)} has one`);
  return new URL(`${scheme}${address.href.slice(address.protocol.length)}`);
}

/** @throws DOMException SyntaxError when one is no token or is named twice (RFC 6455 §4.1, item 10) */
export function parseProtocols(protocols: string | readonly string[]): readonly string[] {
  const names = (typeof protocols === "string" ? [protocols] : [...protocols]).map(String);
  for (const [index, name] of names.entries()) {
    if (!tokenPattern.test(name)) throw syntaxError(`subprotocol ${JSON.stringify(name)} is not a token`);
    if (names.indexOf(name) !== index) throw syntaxError(`subprotocol ${name} is named twice`);
  }
  return names;
}

/** @throws DOMException InvalidAccessError or SyntaxError */
export function assertCloseArguments(code: number | undefined, reason: string | undefined): void {
  if (code !== undefined && code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999))
    throw new DOMException(`a close code is 1000, or from 3000 to 4999, not ${code}`, "InvalidAccessError");
  const bytes = Buffer.byteLength(reason ?? "");
  if (bytes > maxCloseReasonBytes)
    throw syntaxError(`a close reason may have ${maxCloseReasonBytes} bytes of UTF-8, not ${bytes}`);
}

/** Text that is not well-formed is mended, as the standard's USVString has it. */
export function toMessage(data: WebSocketData): MessageData | Blob {
  if (data instanceof Blob || data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return String(data);
}

function syntaxError(message: string): DOMException {
  return new DOMException(message, "SyntaxError");
}
