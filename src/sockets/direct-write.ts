/**
 * Writes to a plain TCP socket past the queues of its stream. When a publication goes to thousands of sockets, the stream
 * machinery around each write costs as much as everything else outside the kernel, and the kernel takes nearly every
 * write at once.
 *
 * The handle below a `net.Socket` is not a documented interface. What is used of it has been the same from Node.js 20 to
 * 26, is looked at before it is used, and where it is not as expected the stream is used.
 * `HOLDFAST_DIRECT_WRITES=off` in the environment turns it off altogether.
 */
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

export interface DirectHandle {
  /** @returns an error number below 0, or 0. What the kernel does not take at once is in `writeQueueSize`. */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  readonly writeQueueSize: number;
}

/** Taken by a write that the kernel did not complete at once, until it has; otherwise it can be used again. */
interface WriteRequest {
  oncomplete?: (status: number) => void;
  /** Keeps the bytes alive. */
  buffer?: Uint8Array;
}

type WriteRequestClass = new () => WriteRequest;

let requestClass: WriteRequestClass | undefined;
let spare: WriteRequest | undefined;
const isTurnedOff = process.env.HOLDFAST_DIRECT_WRITES === "off";

/**
 * Writes the first bytes of a connection, through its stream. The first time, this learns from Node.js itself what a
 * write request is.
 */
export function writeFirst(stream: NodeJS.WritableStream, bytes: Uint8Array): void {
  const handle = requestClass === undefined ? handleOf(stream) : undefined;
  if (handle === undefined) {
    stream.write(bytes);
    return;
  }
  const original = handle.writeBuffer;
  handle.writeBuffer = (request, given) => {
    requestClass = request.constructor as WriteRequestClass;
    return original.call(handle, request, given);
  };
  try {
    stream.write(bytes);
  } finally {
    delete (handle as Partial<DirectHandle>).writeBuffer;
  }
}

/** @returns undefined where the stream has to be used */
export function directHandleOf(stream: NodeJS.WritableStream): DirectHandle | undefined {
  return requestClass === undefined ? undefined : handleOf(stream);
}

/** Hears of a write that was not completed at once. */
export interface DirectWriter {
  /** @param status below 0 where the connection has failed */
  directWritten(status: number): void;
}

/**
 * Writes; the bytes must not change until they are sent. Must not be called while an earlier write is under way.
 * @returns 0 when the kernel took all, 1 when it has not yet and `writer` will hear of it, an error number below 0 when
 * the connection has failed
 */
export function writeDirectly(handle: DirectHandle, bytes: Uint8Array, writer: DirectWriter): number {
  const request = spare ?? new (requestClass as WriteRequestClass)();
  const status = handle.writeBuffer(request, bytes);
  if (status < 0) return status;
  if (handle.writeQueueSize === 0) {
    spare = request;
    return 0;
  }
  spare = undefined;
  request.buffer = bytes;
  request.oncomplete = (result) => writer.directWritten(result);
  return 1;
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
