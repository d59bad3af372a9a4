/** A peer over HTTP/2 that sends frames as it is told, and reads no more of answers than it allows. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { onTestFinished } from "vitest";
import { testTls } from "./tls.js";

export const frameTypes = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const;
export const endStream = 1;
const endHeaders = 4;
const initialWindowSize = 4;

/** RFC 9113 §4.1. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** RFC 7541 §6.2.2, without Huffman coding. */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class RawHttp2 {
  readonly socket: Socket;
  hasClosed = false;
  /** Frames that came, by type, and resets by their code. */
  readonly frames: Record<number, number> = {};
  readonly resets: number[] = [];
  goaway: number | undefined;
  #received = Buffer.alloc(0);
  #lastStream = -1;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes) => this.#take(bytes));
    socket.on("close", () => {
      this.hasClosed = true;
    });
    socket.on("error", () => {});
    onTestFinished(() => void socket.destroy());
  }

  /** @param windowBytes what each answer may send before it is told to go on */
  static async connect(port: number, { isSecure = false, windowBytes = 65_535 } = {}): Promise<RawHttp2> {
    const socket = isSecure
      ? connectTls({
          port,
          host: "127.0.0.1",
          ca: testTls.cert,
          ALPNProtocols: ["h2"],
          servername: "localhost",
        })
      : connect(port, "127.0.0.1");
    const peer = new RawHttp2(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once(isSecure ? "secureConnect" : "connect", resolve);
      socket.once("error", reject);
    });
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(initialWindowSize, 0);
    settings.writeUInt32BE(windowBytes, 2);
    peer.write(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameTypes.settings, 0, 0, settings));
    return peer;
  }

  write(...parts: readonly Uint8Array[]): void {
    if (!this.hasClosed) this.socket.write(Buffer.concat(parts));
  }

  /** @returns the frame of a new stream, and its number */
  request(
    { method, path, headers = {} }: RawRequest,
    { ends = true } = {},
  ): { stream: number; bytes: Buffer } {
    this.#lastStream += 2;
    const block = Buffer.concat([
      literal(":method", method),
      literal(":scheme", "http"),
      literal(":authority", "localhost"),
      literal(":path", path),
      ...Object.entries(headers).map(([name, value]) => literal(name.toLowerCase(), value)),
    ]);
    const flags = endHeaders | (ends ? endStream : 0);
    return { stream: this.#lastStream, bytes: frame(frameTypes.headers, flags, this.#lastStream, block) };
  }

  /** Lets an answer send so many bytes more. */
  allow(stream: number, bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes);
    this.write(frame(frameTypes.windowUpdate, 0, stream, payload));
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      if (this.#received.length < 9) return;
      const length = this.#received.readUIntBE(0, 3);
      if (this.#received.length < 9 + length) return;
      const type = this.#received[3] as number;
      this.frames[type] = (this.frames[type] ?? 0) + 1;
      if (type === frameTypes.reset) this.resets.push(this.#received.readUInt32BE(9));
      if (type === frameTypes.goaway) this.goaway = this.#received.readUInt32BE(13);
      this.#received = this.#received.subarray(9 + length);
    }
  }
}
