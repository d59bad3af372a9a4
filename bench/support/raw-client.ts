/**
 * A WebSocket client on a bare TCP socket, the same for every contender, so that thousands of them cost the load
 * generator little: one read buffer for all, no message objects while counting. What is said after the opening
 * handshake is a `Protocol`'s.
 */
import type { Socket } from "node:net";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import {
  type Counted,
  clientFrame,
  closeFrame,
  FrameError,
  FrameReader,
  openSocket,
  pongFrame,
  textFrame,
  upgradeAccept,
  upgradeKey,
} from "@holdfast/lab/node";
import { marker } from "./payload.js";
import type { Protocol } from "./protocols.js";

export interface RawClientOptions {
  readonly port: number;
  readonly protocol: Protocol;
  /** Request target of the upgrade. @default that of the protocol */
  readonly path?: string;
  /** Source address. @default any */
  readonly localAddress?: string;
}

const responseTimeoutMs = 20_000;
const closeTimeoutMs = 10_000;

export class RawClient {
  /** Markers or frames that have come while counting. */
  received = 0;
  /** Everything that has come, headers of frames included. */
  receivedBytes = 0;
  /** Called with the number of them that came together. */
  onDeliveries: ((count: number) => void) | undefined;
  /** Called with every message; while counting markers, only with those that have none. */
  onMessage: ((text: string) => void) | undefined;
  /** Called once when the connection ends before `close` was called. */
  onLost: ((error: Error) => void) | undefined;
  readonly protocol: Protocol;
  readonly #socket: Socket;
  readonly #frames: FrameReader;
  readonly #ended: Promise<void>;
  /** The response head as far as it has come; undefined once it is complete. */
  #head: string | undefined = "";
  #isClosing = false;
  #reason = "";

  private constructor({ port, protocol, localAddress }: RawClientOptions) {
    this.protocol = protocol;
    this.#frames = new FrameReader(
      {
        onCounted: (count) => {
          this.received += count;
          this.onDeliveries?.(count);
        },
        onMessage: (text, isCompressed) => this.#receiveMessage(text, isCompressed),
        onPing: (payload) => this.#socket.write(pongFrame(payload)),
        onClose: (code, reason) => {
          this.#reason = `the server closed with ${code} ${reason}`.trimEnd();
          if (!this.#isClosing) this.#socket.destroy();
        },
      },
      { isCompressing: protocol.offer !== undefined, marker },
    );
    let onEnded = () => {};
    this.#ended = new Promise((resolve) => {
      onEnded = resolve;
    });
    this.#socket = openSocket(
      { port, localAddress },
      {
        onBytes: (buffer, length) => this.#receive(buffer, length),
        onClose: (reason) => {
          this.#reason ||= reason;
          onEnded();
          if (!this.#isClosing) this.onLost?.(new Error(`a connection was lost: ${this.#reason}`));
        },
      },
    );
  }

  /** Connects and completes the opening handshake of WebSocket. RFC 6455 §4.1. */
  static async open(options: RawClientOptions): Promise<RawClient> {
    const client = new RawClient(options);
    await client.#until("the answer to the upgrade", (resolve) => {
      client.onMessage = resolve;
      const { offer } = options.protocol;
      const { path = options.protocol.path } = options;
      client.#socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${options.port}\r\nConnection: Upgrade\r\n` +
          `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${upgradeKey}\r\n` +
          `${offer === undefined ? "" : `Sec-WebSocket-Extensions: ${offer}\r\n`}\r\n`,
      );
    });
    return client;
  }

  /** From now on only markers or frames are counted. To be called when nothing is on its way. */
  startCounting(counted: Counted): void {
    this.#frames.counted = counted;
  }

  /** Reads nothing more, for good: what the server sends fills the buffers of both systems, and then waits at the server. */
  stall(): void {
    this.#socket.pause();
  }

  /** Sends each text as a message, all in one write. */
  send(...texts: readonly string[]): void {
    const frame = this.protocol.isBinary ? binaryFrame : textFrame;
    this.#socket.write(texts.length === 1 ? frame(texts[0] as string) : Buffer.concat(texts.map(frame)));
  }

  /** Sends a frame that is complete already. It must not change before an answer to it has come. */
  sendFrame(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** Waits for the first message from which `pick` returns something. */
  waitFor<T>(what: string, pick: (text: string) => T | undefined): Promise<T> {
    return this.#until(what, (resolve, reject) => {
      this.onMessage = (text) => {
        try {
          const picked = pick(text);
          if (picked !== undefined) resolve(picked);
        } catch (error) {
          reject(error as Error);
        }
      };
    });
  }

  /** Closes, and waits until the server has ended the connection. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#socket.write(closeFrame());
    const timer = setTimeout(() => this.#socket.destroy(), closeTimeoutMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends the connection without a closing handshake. */
  destroy(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #until<T>(what: string, start: (resolve: (value: T) => void, reject: (error: Error) => void) => void) {
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${what} did not come within ${responseTimeoutMs / 1000} s`));
      }, responseTimeoutMs);
      const settle = <V>(how: (value: V) => void) => {
        return (value: V) => {
          clearTimeout(timer);
          this.onMessage = undefined;
          this.onLost = undefined;
          how(value);
        };
      };
      this.onLost = settle(reject);
      start(settle(resolve), settle(reject));
    });
  }

  #receive(buffer: Buffer, length: number): void {
    this.receivedBytes += length;
    if (this.#head === undefined) this.#readFrames(buffer, length);
    else this.#receiveHead(buffer, length);
  }

  #readFrames(buffer: Buffer, length: number): void {
    try {
      this.#frames.read(buffer, length);
    } catch (error) {
      // Anything else is thrown by whoever listens, and ends the benchmark.
      if (!(error instanceof FrameError)) throw error;
      this.#terminate(error.message);
    }
  }

  #receiveHead(buffer: Buffer, length: number): void {
    const head = this.#head + buffer.toString("latin1", 0, length);
    const end = head.indexOf("\r\n\r\n") + 4;
    this.#head = head;
    if (end < 4) return;
    const status = head.slice(0, head.indexOf("\r\n"));
    const fault = this.#findFault(head.slice(0, end), status);
    if (fault !== undefined) {
      this.#terminate(fault);
      return;
    }
    this.#head = undefined;
    this.onMessage?.(status);
    if (end < head.length) {
      const rest = Buffer.from(head.slice(end), "latin1");
      // Whoever awaits the upgrade continues first, so that it gets what came with the response.
      setImmediate(() => this.#readFrames(rest, rest.length));
    }
  }

  #findFault(head: string, status: string): string | undefined {
    if (!status.startsWith("HTTP/1.1 101 ")) return `the server answered the upgrade with ${status}`;
    if (!head.includes(upgradeAccept)) return "the server's Sec-WebSocket-Accept does not match the key";
    const isCompressing = /^sec-websocket-extensions: *permessage-deflate/im.test(head);
    if (isCompressing !== (this.protocol.offer !== undefined))
      return `the server ${isCompressing ? "chose" : "did not choose"} permessage-deflate`;
    return undefined;
  }

  #receiveMessage(received: string, isCompressed: boolean): void {
    let text = received;
    try {
      if (isCompressed !== (this.protocol.offer !== undefined))
        throw new Error(`it is ${isCompressed ? "" : "not "}compressed`);
      if (isCompressed) text = inflateMessage(received);
    } catch (error) {
      this.#terminate(`the server sent an invalid message: ${(error as Error).message}`);
      return;
    }
    if (this.protocol.isPing(text)) this.send(this.protocol.pong);
    this.onMessage?.(text);
  }

  #terminate(reason: string): void {
    this.#reason ||= reason;
    this.#socket.destroy();
  }
}

function binaryFrame(text: string): Buffer {
  return clientFrame(0x2, Buffer.from(text, "latin1"));
}

const connectionsPerAddress = 500;
const lastOctets = 250;

/**
 * @param index of the connection, from 0
 * @param generation how often it has been made before: where a server was killed, the addresses and ports of its last
 *   connections wait a minute, and a new one from the same could get no answer while nobody listens
 */
export function sourceOf(index: number, generation = 0): { readonly localAddress?: string } {
  const block = Math.floor(index / connectionsPerAddress);
  if (block === 0 && generation === 0) return {};
  const network = `127.${generation % lastOctets}.${Math.floor(block / lastOctets)}`;
  return { localAddress: `${network}.${1 + (block % lastOctets)}` };
}

/** What every flush ends with, and messages leave out. */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);

function deflateMessage(text: string): Buffer {
  const flushed = deflateRawSync(Buffer.from(text), { finishFlush: constants.Z_SYNC_FLUSH });
  return flushed.subarray(0, flushed.length - tail.length);
}

/**
 * @param message a character for each byte
 * @returns its text, which is ASCII
 * @throws Error when it cannot be decompressed
 */
function inflateMessage(message: string): string {
  const bytes = Buffer.concat([Buffer.from(message, "latin1"), tail]);
  return inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString("latin1");
}

/** RFC 7692 §6: RSV1 marks a compressed message. */
export function compressedTextFrame(text: string): Buffer {
  return clientFrame(0x40 | 0x1, deflateMessage(text));
}
