/**
 * A WebSocket client on a bare TCP socket, the same for every contender, so that thousands of them cost the load
 * generator little: one read buffer for all, no message objects while counting. What is said after the opening
 * handshake is a `Protocol`'s.
 */
import { connect, type Socket } from "node:net";
import { closeFrame, pongFrame, textFrame } from "./client-frames.js";
import { inflateMessage } from "./deflated-message.js";
import { type Counted, FrameReader } from "./frame-reader.js";
import type { Protocol } from "./protocol.js";

export interface RawClientOptions {
  readonly port: number;
  readonly protocol: Protocol;
  /** Request target of the upgrade. @default that of the protocol */
  readonly path?: string;
  /** Source address. @default any */
  readonly localAddress?: string;
}

/** What a server has to make of the key that all clients send. RFC 6455 §4.2.2. */
const key = "dGhlIHNhbXBsZSBub25jZQ==";
const acceptKey = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const answerTimeoutMs = 20_000;
const closeTimeoutMs = 10_000;
/** Sockets are read one after the other, and nothing of a read is kept. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

export class RawClient {
  /** Markers or frames that have come while counting. */
  received = 0;
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
    const events = {
      onCounted: (count: number) => {
        this.received += count;
        this.onDeliveries?.(count);
      },
      onMessage: (text: string, isCompressed: boolean) => this.#receiveMessage(text, isCompressed),
      onControl: (opcode: number, payload: Buffer) => this.#receiveControl(opcode, payload),
      onWrongFrame: (first: number) => this.#cut(`the server sent a frame that begins with ${first}`),
    };
    this.#frames = new FrameReader(events, protocol.offer !== undefined);
    this.#socket = connect({
      host: "127.0.0.1",
      port,
      noDelay: true,
      ...(localAddress !== undefined && { localAddress }),
      onread: {
        buffer: readBuffer,
        callback: (length, buffer) => {
          this.#receive(buffer as Buffer, length);
          return true;
        },
      },
    });
    this.#socket.on("error", (error) => {
      this.#reason ||= error.message;
    });
    this.#ended = new Promise((resolve) => {
      this.#socket.on("close", () => {
        resolve();
        if (!this.#isClosing) this.onLost?.(this.#lostError());
      });
    });
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
          `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n` +
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
    this.#socket.write(
      texts.length === 1 ? textFrame(texts[0] as string) : Buffer.concat(texts.map(textFrame)),
    );
  }

  /** Sends a frame that is complete already. It must not change before an answer to it has come. */
  sendFrame(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** The first message that `pick` makes something of. */
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

  /** Says goodbye and waits till the server has ended the connection. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#socket.write(closeFrame());
    const timer = setTimeout(() => this.#socket.destroy(), closeTimeoutMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #until<T>(what: string, start: (resolve: (value: T) => void, reject: (error: Error) => void) => void) {
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${what} has not come within ${answerTimeoutMs / 1000} s`));
      }, answerTimeoutMs);
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
    if (this.#head === undefined) this.#frames.read(buffer, length);
    else this.#receiveHead(buffer, length);
  }

  #receiveHead(buffer: Buffer, length: number): void {
    const head = this.#head + buffer.toString("latin1", 0, length);
    const end = head.indexOf("\r\n\r\n") + 4;
    this.#head = head;
    if (end < 4) return;
    const status = head.slice(0, head.indexOf("\r\n"));
    const fault = this.#faultOf(head.slice(0, end), status);
    if (fault !== undefined) {
      this.#cut(fault);
      return;
    }
    this.#head = undefined;
    this.onMessage?.(status);
    if (end < head.length) {
      const rest = Buffer.from(head.slice(end), "latin1");
      // Who waits for the answer to the upgrade goes on first, and is there for what came with it.
      setImmediate(() => this.#frames.read(rest, rest.length));
    }
  }

  #faultOf(head: string, status: string): string | undefined {
    if (!status.startsWith("HTTP/1.1 101 ")) return `the server answered the upgrade with ${status}`;
    if (!head.includes(acceptKey)) return "the server's answer does not fit the key";
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
      this.#cut(`the server sent a message that is wrong: ${(error as Error).message}`);
      return;
    }
    if (this.protocol.isPing(text)) this.send(this.protocol.pong);
    this.onMessage?.(text);
  }

  #receiveControl(opcode: number, payload: Buffer): void {
    if (opcode === 0x9) this.#socket.write(pongFrame(payload));
    if (opcode !== 0x8) return;
    if (payload.length >= 2)
      this.#reason =
        `the server closed with ${payload.readUInt16BE(0)} ${payload.toString("latin1", 2)}`.trimEnd();
    if (!this.#isClosing) this.#socket.destroy();
  }

  #cut(reason: string): void {
    this.#reason ||= reason;
    this.#socket.destroy();
  }

  #lostError(): Error {
    return new Error(`a connection was lost: ${this.#reason || "the server ended it"}`);
  }
}
