/** A TCP connection to the server, or to the network before it, that costs the reading process little. */
import { connect, type Socket } from "node:net";

export interface SocketEvents {
  onConnect(): void;
  /** Not valid after the call. */
  onBytes(bytes: Buffer): void;
  /** Once, whoever has ended it. */
  onClose(reason: string): void;
}

/** Sockets are read one after the other, and nothing of a read is kept. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

export function openSocket(port: number, events: SocketEvents): Socket {
  let reason = "the other side ended the connection";
  const socket = connect({
    host: "127.0.0.1",
    port,
    noDelay: true,
    onread: {
      buffer: readBuffer,
      callback: (length) => {
        // What came before an error was found is no longer of interest.
        if (!socket.destroyed) events.onBytes(readBuffer.subarray(0, length));
        return true;
      },
    },
  });
  socket.on("connect", () => events.onConnect());
  socket.on("error", (error) => {
    reason = error.message;
  });
  socket.on("close", () => events.onClose(reason));
  return socket;
}
