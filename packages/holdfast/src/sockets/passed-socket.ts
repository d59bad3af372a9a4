/**
 * Sockets that go from one process to another. Node.js passes the handle below a `net.Socket` between processes; passing the socket itself
 * would have every process on the way read from it. The handle is not a documented interface: where it is not as expected, the connection
 * stays where it is.
 */
import { type Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { learnDirectWrites } from "./output.js";

/** A TCP connection, or one of a Unix socket, below Node.js's own. */
interface StreamHandle {
  readStop(): number;
  close(): void;
  onread: unknown;
  /** What Node.js notes of reading. */
  reading: boolean;
}

/** A connection without its stream. */
export interface DetachedSocket {
  /** Sent to another process as it is; then it must be closed here. */
  readonly handle: object;
  /** Bytes that were read from it and not given to anybody. */
  readonly head: Buffer;
}

/** Whether {@link detachSocket} may work. */
export function isDetachable(stream: Duplex): boolean {
  return streamHandleOf(stream) !== undefined;
}

/** Takes a connection from its stream, which is destroyed. Nothing must wait to be written. @returns undefined where that is not possible */
export function detachSocket(stream: Duplex): DetachedSocket | undefined {
  const handle = streamHandleOf(stream);
  if (handle === undefined) return undefined;
  handle.readStop();
  handle.reading = false;
  handle.onread = () => {};
  (stream as unknown as { _handle: null })._handle = null;
  stream.removeAllListeners("data");
  const pieces: Buffer[] = [];
  for (let piece = stream.read(); piece !== null; piece = stream.read()) pieces.push(piece as Buffer);
  stream.destroy();
  return { handle, head: Buffer.concat(pieces) };
}

/** A stream for a connection of another process. It is paused, and what was read there comes first. */
export function attachSocket({ handle, head }: DetachedSocket): Socket {
  const socket = new Socket({ handle, readable: true, writable: true } as object);
  // Whatever the error, `close` follows.
  socket.on("error", () => {});
  socket.pause();
  if (head.length > 0) socket.unshift(head);
  learnDirectWrites(socket);
  return socket;
}

/** Ends this process's part of a connection that another process has. */
export function closeHandle(handle: object): void {
  (handle as StreamHandle).close();
}

function streamHandleOf(stream: Duplex): (StreamHandle & object) | undefined {
  if (!(stream instanceof Socket) || stream instanceof TLSSocket || stream.destroyed) return undefined;
  const { _handle: handle } = stream as unknown as { _handle?: StreamHandle | null };
  const isKnown =
    (handle?.constructor.name === "TCP" || handle?.constructor.name === "Pipe") &&
    typeof handle.readStop === "function" &&
    typeof handle.close === "function";
  return isKnown ? handle : undefined;
}

/** The handle of a server that listens on TCP, to be shared with another process; undefined where it is not as expected. */
export function handleOf(server: Server): object | undefined {
  const { _handle: handle } = server as unknown as { _handle?: object | null };
  return handle?.constructor.name === "TCP" ? handle : undefined;
}
