/** What a client is told whose request could not even be read. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

const answers: Readonly<Record<string, { status: number; message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: "The request head is too large." },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: "The request did not come in time." },
};

/** For the `clientError` event of an HTTP server. */
export function answerClientError(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const answer = answers[error.code ?? ""] ?? { status: 400, message: "This is not an HTTP request." };
  const body = `${answer.message}\n`;
  socket.end(
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\nConnection: close\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    // Nothing more is read from a client that does not speak HTTP.
    () => socket.destroy(),
  );
}
