/** Servers and raw clients for tests that go over the network. Everything is closed when the test ends. */
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { createServer, type HoldfastServer, type ServerOptions } from "../../src/index.js";

export interface RunningServer {
  readonly server: HoldfastServer;
  readonly port: number;
  readonly url: string;
  /** Errors in the background; a test that expects none checks that this is empty. */
  readonly errors: unknown[];
}

export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  // Raw clients don't come back when they are refused on a busy machine.
  const server = createServer({
    port: 0,
    pages: null,
    shedAboveLagMs: null,
    audit: false,
    onError,
    ...options,
  });
  const { port } = await server.listen();
  onTestFinished(() => server.close());
  return { server, port, url: `ws://127.0.0.1:${port}/connection/websocket`, errors };
}

/** Waits until the condition holds; the test's own time limit ends what never does. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A TCP connection that says what it is told, byte for byte. */
export class RawClient {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  hasEnded = false;
  hasClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    socket.on("end", () => {
      this.hasEnded = true;
    });
    socket.on("close", () => {
      this.hasClosed = true;
    });
    socket.on("error", () => {});
    // Not held until then, so that tests can look for what others hold.
    const reference = new WeakRef(socket);
    onTestFinished(() => void reference.deref()?.destroy());
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  /** Connects and does the opening handshake. */
  static async upgrade(port: number): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.write(upgradeRequest());
    const head = await client.readHead();
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(`not upgraded: ${head}`);
    return client;
  }

  write(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** The head of an HTTP response; what follows stays in `received`. */
  async readHead(): Promise<string> {
    await until(() => this.received.includes("\r\n\r\n") || this.hasClosed);
    const end = this.received.indexOf("\r\n\r\n") + 4;
    const head = this.received.subarray(0, end).toString();
    this.received = this.received.subarray(end);
    return head;
  }

  /** Everything up to the end of the connection. */
  async readToEnd(): Promise<string> {
    await until(() => this.hasEnded || this.hasClosed);
    return this.received.toString();
  }

  /** The next unmasked frame. */
  async readFrame(): Promise<{ opcode: number; payload: Buffer }> {
    let frame = this.#takeFrame();
    while (frame === undefined) {
      if (this.hasClosed) throw new Error("the connection ended");
      await new Promise((resolve) => setTimeout(resolve, 2));
      frame = this.#takeFrame();
    }
    return frame;
  }

  /** The code and reason of the Close frame, past all other frames. */
  async readClose(): Promise<{ code: number; reason: string }> {
    for (;;) {
      const { opcode, payload } = await this.readFrame();
      if (opcode === 0x8) return { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
    }
  }

  #takeFrame(): { opcode: number; payload: Buffer } | undefined {
    const { received } = this;
    if (received.length < 2) return undefined;
    const short = (received[1] as number) & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (received.length < start) return undefined;
    const length =
      short === 126 ? received.readUInt16BE(2) : short === 127 ? Number(received.readBigUInt64BE(2)) : short;
    if (received.length < start + length) return undefined;
    this.received = received.subarray(start + length);
    return { opcode: (received[0] as number) & 0x0f, payload: received.subarray(start, start + length) };
  }
}

export function upgradeRequest(fields: Readonly<Record<string, string | undefined>> = {}): string {
  const all: Record<string, string | undefined> = {
    Host: "127.0.0.1",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...fields,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined);
  return `GET /connection/websocket HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/** A frame as a client sends it, masked with zeros unless told otherwise. */
export function clientFrame(
  opcode: number,
  payload: string | Uint8Array,
  { isFinal = true, isMasked = true, reserved = 0 } = {},
): Buffer {
  const body = Buffer.from(payload);
  const head = [(isFinal ? 0x80 : 0) | (reserved << 4) | opcode];
  const mask = isMasked ? 0x80 : 0;
  if (body.length < 126) head.push(mask | body.length);
  else if (body.length < 65_536) head.push(mask | 126, body.length >> 8, body.length & 0xff);
  else head.push(mask | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (body.length >>> shift) & 0xff));
  return Buffer.concat([Buffer.from(head), Buffer.alloc(isMasked ? 4 : 0), body]);
}

export function textFrame(...commands: readonly unknown[]): Buffer {
  return clientFrame(0x1, commands.map((command) => JSON.stringify(command)).join("\n"));
}
