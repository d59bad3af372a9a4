/** Requests over one connection at a time, one after the other, as a browser's `fetch` keeps it alive for the next. */
import type { Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import { type HttpHead, HttpReader } from "../readers/http-reader.js";
import { openSocket } from "./open-socket.js";

export interface HttpAnswer {
  readonly status: number;
  readonly fields: HttpHead["fields"];
  readonly text: string;
}

/** What counts the traffic: users' tally, or nothing for the publisher. */
export interface ExchangeCounter {
  requests: number;
  watch(socket: Socket): void;
}

interface Pending {
  readonly text: string;
  readonly sentAt: number;
  readonly isFirst: boolean;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** A connection that is lost so soon after the request, without a byte of answer, was closed before it: idle too long. */
const crossedMs = 500;
const mostBodyBytes = 16 * 1024 * 1024;

export class HttpExchange {
  readonly #port: number;
  readonly #counter: ExchangeCounter | undefined;
  #socket: Socket | undefined;
  #pending: Pending | undefined;
  #hasAnswerBegun = false;
  #head: HttpHead | undefined;
  #body: Buffer[] = [];
  #bodyBytes = 0;

  constructor(port: number, counter?: ExchangeCounter) {
    this.#port = port;
    this.#counter = counter;
  }

  /** @param text a whole request @throws Error when the connection is lost, or what comes is no answer */
  request(text: string): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#pending) throw new Error("a request is under way already");
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
    this.#hasAnswerBegun = false;
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
      onBody: (bytes) => this.#keep(bytes),
      onEnd: () => this.#finish(),
      onSwitched: () => {
        throw new Error("the server switched to a protocol that nobody has asked for");
      },
    });
    const socket = openSocket(this.#port, {
      onConnect: () => {},
      onBytes: (bytes) => {
        this.#hasAnswerBegun = true;
        try {
          reader.read(bytes);
        } catch (error) {
          this.#lose(socket, (error as Error).message, false);
          socket.destroy();
        }
      },
      onClose: (reason) => this.#lose(socket, reason, true),
    });
    this.#counter?.watch(socket);
    return socket;
  }

  #keep(bytes: Buffer): void {
    this.#bodyBytes += bytes.length;
    if (this.#bodyBytes > mostBodyBytes) throw new Error(`a body is longer than ${mostBodyBytes} bytes`);
    this.#body.push(Buffer.from(bytes));
  }

  #finish(): void {
    const pending = this.#pending;
    const head = this.#head;
    if (pending === undefined || head === undefined)
      throw new Error("an answer came that nobody has asked for");
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

  #lose(socket: Socket, reason: string, mayRepeat: boolean): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    const pending = this.#pending;
    if (pending === undefined) return;
    const isCrossed = !this.#hasAnswerBegun && performance.now() - pending.sentAt < crossedMs;
    // As browsers do, RFC 9112 §9.3.1.
    if (mayRepeat && isCrossed && !pending.isFirst) {
      this.#send({ ...pending, isFirst: true });
      return;
    }
    this.#pending = undefined;
    pending.reject(new Error(reason));
  }
}

/** Those that come to the same place get the same bytes, and one of them is enough to look into. */
let lastZipped: Buffer = Buffer.alloc(0);
let lastText = "";

function unzip(bytes: Buffer): string {
  if (bytes.equals(lastZipped)) return lastText;
  lastText = gunzipSync(bytes, { maxOutputLength: mostBodyBytes }).toString("utf8");
  lastZipped = bytes;
  return lastText;
}
