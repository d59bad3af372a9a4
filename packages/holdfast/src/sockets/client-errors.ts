/** What a client is told whose request could not even be read. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { systemClock } from "./system-clock.js";

export const timeoutCode = "ERR_HTTP_REQUEST_TIMEOUT";

const answers: Readonly<Record<string, { status: number; message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: "The request head is too large." },
  [timeoutCode]: { status: 408, message: "The request did not come in time." },
};

/** For the client to take the answer. */
const closeTimeoutMs = 2000;

/** For the `clientError` event of an HTTP server. */
export function answerClientError(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const answer = answers[error.code ?? ""] ?? { status: 400, message: "This is not an HTTP request." };
  const body = `${answer.message}\n`;
  const cancel = systemClock.setTimer(() => socket.destroy(), closeTimeoutMs);
  socket.once("close", cancel);
  socket.end(
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\nConnection: close\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    // Nothing more is read from a client that does not speak HTTP.
    () => socket.destroy(),
  );
}
