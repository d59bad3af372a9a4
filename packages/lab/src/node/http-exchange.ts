/** HTTP requests over one connection that is kept alive, one after the other, as with a browser's `fetch`. */
import { connect, type Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import { type HttpHead, HttpReader } from "./http-reader.js";

export interface HttpResponse {
  readonly status: number;
  readonly fields: HttpHead["fields"];
  readonly text: string;
}

/** Counts the traffic: the users' tally. */
export interface ExchangeCounter {
  requests: number;
  watch(socket: Socket): void;
}

interface Pending {
  readonly text: string;
  readonly sentAt: number;
  readonly isFirst: boolean;
  readonly resolve: (response: HttpResponse) => void;
  readonly reject: (error: Error) => void;
}

/** A connection lost so soon after the request, without a byte of response, was closed for being idle before it arrived. */
const crossedMs = 500;
const maxBodyBytes = 16 * 1024 * 1024;

export class HttpExchange {
  readonly #port: number;
  readonly #counter: ExchangeCounter | undefined;
  #socket: Socket | undefined;
  #pending: Pending | undefined;
  #hasResponseBegun = false;
  #head: HttpHead | undefined;
  #body: Buffer[] = [];
  #bodyBytes = 0;

  constructor(port: number, counter?: ExchangeCounter) {
    this.#port = port;
    this.#counter = counter;
  }

  /** @param text a whole request @throws Error when the connection is lost, or the response is invalid */
  request(text: string): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      if (this.#pending) throw new Error("a request is already pending");
      this.#send({ text, resolve, reject, sentAt: performance.now(), isFirst: this.#socket === undefined });
    });
  }

  close(): void {
    this.#pending = undefined;
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #send(pending: Pending): void {
    this.#pending = pending;
    this.#hasResponseBegun = false;
    if (this.#counter) this.#counter.requests++;
    this.#socket ??= this.#open();
    this.#socket.write(pending.text);
  }

  #open(): Socket {
    const reader = new HttpReader({
      onHead: (head) => {
        this.#head = head;
        this.#body = [];
        this.#bodyBytes = 0;
      },
      onBody: (bytes) => this.#addToBody(bytes),
      onEnd: () => this.#finish(),
      onUpgrade: () => {
        throw new Error("the server switched protocols without being asked");
      },
    });
    const socket = openSocket(
      { port: this.#port },
      {
        onBytes: (buffer, length) => {
          this.#hasResponseBegun = true;
          try {
            reader.read(buffer.subarray(0, length));
          } catch (error) {
            this.#onLost(socket, (error as Error).message, false);
            socket.destroy();
          }
        },
        onClose: (reason) => this.#onLost(socket, reason, true),
      },
    );
    this.#counter?.watch(socket);
    return socket;
  }

  #addToBody(bytes: Buffer): void {
    this.#bodyBytes += bytes.length;
    if (this.#bodyBytes > maxBodyBytes) throw new Error(`a body is longer than ${maxBodyBytes} bytes`);
    this.#body.push(Buffer.from(bytes));
  }

  #finish(): void {
    const pending = this.#pending;
    const head = this.#head;
    if (pending === undefined || head === undefined) throw new Error("a response came without a request");
    this.#pending = undefined;
    const { status, fields } = head;
    if (fields.get("connection")?.toLowerCase() === "close") {
      this.#socket?.destroy();
      this.#socket = undefined;
    }
    const bytes = Buffer.concat(this.#body.splice(0));
    const text = fields.get("content-encoding") === "gzip" ? unzip(bytes) : bytes.toString("utf8");
    pending.resolve({ status, fields, text });
  }

  #onLost(socket: Socket, reason: string, mayRetry: boolean): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    const pending = this.#pending;
    if (pending === undefined) return;
    const isCrossed = !this.#hasResponseBegun && performance.now() - pending.sentAt < crossedMs;
    // Browsers retry, too: RFC 9112 §9.3.1.
    if (mayRetry && isCrossed && !pending.isFirst) {
      this.#send({ ...pending, isFirst: true });
      return;
    }
    this.#pending = undefined;
    pending.reject(new Error(reason));
  }
}

/** Users at the same position get the same bytes, which are decompressed once. */
let lastZipped: Buffer = Buffer.alloc(0);
let lastText = "";

function unzip(bytes: Buffer): string {
  if (bytes.equals(lastZipped)) return lastText;
  lastText = gunzipSync(bytes, { maxOutputLength: maxBodyBytes }).toString("utf8");
  lastZipped = bytes;
  return lastText;
}

export interface SocketEvents {
  /** @param buffer shared by all sockets: nothing of it is valid after the call */
  onBytes(buffer: Buffer, length: number): void;
  /** Called once, whoever ended it. */
  onClose(reason: string): void;
}

/** Sockets are read one after the other, and nothing of a read is kept. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A TCP connection to this machine that costs the reading process little. @param localAddress source address. @default any */
export function openSocket(
  { port, localAddress }: { readonly port: number; readonly localAddress?: string | undefined },
  events: SocketEvents,
): Socket {
  let reason = "the other side ended the connection";
  const socket = connect({
    host: "127.0.0.1",
    port,
    noDelay: true,
    ...(localAddress !== undefined && { localAddress }),
    onread: {
      buffer: readBuffer,
      callback: (length) => {
        // After an error nothing more is read.
        if (!socket.destroyed) events.onBytes(readBuffer, length);
        return true;
      },
    },
  });
  socket.on("error", (error) => {
    reason = error.message;
  });
  socket.on("close", () => events.onClose(reason));
  return socket;
}
