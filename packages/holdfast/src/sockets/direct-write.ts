/**
 * Writes to a plain TCP socket past the queues of its stream. When a publication goes to thousands of sockets, the stream
 * machinery around each write costs as much as everything else outside the kernel, and the kernel takes nearly every
 * write at once.
 *
 * The handle below a `net.Socket` is not a documented interface. There are two ways of writing to it: up to Node.js 24 the
 * caller passes a request object, which is used up when the kernel does not take everything; Node.js 26 makes one itself
 * in that case and returns it. Which of them it is here is seen from the first write of Node.js itself; where it is
 * neither, the stream is used. `HOLDFAST_DIRECT_WRITES=off` in the environment turns it off altogether.
 */
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

export interface DirectHandle {
  /** @returns an error number below 0, 0, or the request that was made because the kernel has not taken everything */
  writeBuffer(request: WriteRequest | null, bytes: Uint8Array): number | WriteRequest;
  /** Bytes that the kernel has not taken yet. */
  readonly writeQueueSize: number;
}

/** A write that the kernel did not complete at once. */
interface WriteRequest {
  oncomplete?: (status: number) => void;
  /** Keeps the bytes alive. */
  buffer?: Uint8Array;
  /** Below 0 while no write uses the request, or ever has. */
  getAsyncId?(): number;
  /** Of a request that Node.js made: the status, where it was complete before `oncomplete` could be set. */
  readonly writeStatus?: number | null;
}

type WriteRequestClass = new () => WriteRequest;

const noAsyncId = -1;

/** How writes are asked for here: with requests of this class, or without; undefined while that is not known. */
let dialect: WriteRequestClass | "no request" | undefined;
let spare: WriteRequest | undefined;
const isTurnedOff = process.env.HOLDFAST_DIRECT_WRITES === "off";

/**
 * Writes the first bytes of a connection, through its stream. The first time, this learns from Node.js itself how writes
 * are asked for.
 */
export function writeFirst(stream: NodeJS.WritableStream, bytes: Uint8Array): void {
  const handle = dialect === undefined ? handleOf(stream) : undefined;
  if (handle === undefined) {
    stream.write(bytes);
    return;
  }
  const original = handle.writeBuffer;
  handle.writeBuffer = (request, given) => {
    if (request === null) dialect = "no request";
    else if (request.getAsyncId?.() === noAsyncId) dialect = request.constructor as WriteRequestClass;
    return original.call(handle, request, given);
  };
  try {
    stream.write(bytes);
  } finally {
    delete (handle as Partial<DirectHandle>).writeBuffer;
  }
}

/** @returns undefined if the stream has to be used */
export function directHandleOf(stream: NodeJS.WritableStream): DirectHandle | undefined {
  return dialect === undefined ? undefined : handleOf(stream);
}

/** Notified of a write that did not complete at once. */
export interface DirectWriter {
  /** @param status below 0 where the connection has failed */
  directWritten(status: number): void;
}

/**
 * Writes; the bytes must not change until they are sent. Must not be called while an earlier write is in progress.
 * @returns 0 when the kernel took all, 1 when it has not yet and `writer` will hear of it, an error number below 0 when
 * the connection has failed
 */
export function writeDirectly(handle: DirectHandle, bytes: Uint8Array, writer: DirectWriter): number {
  if (dialect === "no request") return writeWithoutRequest(handle, bytes, writer);
  const request = spare ?? new (dialect as WriteRequestClass)();
  const status = handle.writeBuffer(request, bytes) as number;
  if (status < 0) return status;
  // An empty queue would not tell: a write that was completed in two steps still has its request until the next turn,
  // and Node.js ends the process over a request that is used twice.
  if (request.getAsyncId?.() === noAsyncId) {
    spare = request;
    return 0;
  }
  spare = undefined;
  follow(request, bytes, writer);
  return 1;
}

function writeWithoutRequest(handle: DirectHandle, bytes: Uint8Array, writer: DirectWriter): number {
  const result = handle.writeBuffer(null, bytes);
  if (typeof result === "number") return result;
  if (typeof result.writeStatus === "number") return Math.min(0, result.writeStatus);
  follow(result, bytes, writer);
  return 1;
}

function follow(request: WriteRequest, bytes: Uint8Array, writer: DirectWriter): void {
  request.buffer = bytes;
  request.oncomplete = (status) => writer.directWritten(status);
}

function handleOf(stream: NodeJS.WritableStream): DirectHandle | undefined {
  if (isTurnedOff || !(stream instanceof Socket) || stream instanceof TLSSocket) return undefined;
  const { _handle: handle } = stream as unknown as { _handle?: DirectHandle | null };
  const isKnown =
    handle?.constructor.name === "TCP" &&
    typeof handle.writeBuffer === "function" &&
    typeof handle.writeQueueSize === "number";
  return isKnown ? (handle as DirectHandle) : undefined;
}
