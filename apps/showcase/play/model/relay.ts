/**
 * The playground's end of a client's port: opens WebSockets to this server for it, and nothing else, and tells of its errors. What code
 * does too often ends the client.
 */
import { type FromClient, readFromClient, type ToClient } from "./messages.js";

export interface RelayOptions {
  readonly port: Pick<MessagePort, "postMessage" | "close"> & {
    onmessage: ((event: MessageEvent) => void) | null;
  };
  /** Opens a WebSocket to this server. */
  readonly open: () => WebSocket;
  readonly onWait: (delayMs: number) => void;
  readonly onError: (message: string, line: number | undefined) => void;
  /** The code did something too often. */
  readonly onExcess: (why: string) => void;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
}

const maxSockets = 4;
const maxErrors = 20;
const windowMs = 1000;
const maxPerWindow = 200;
const closing = 2;

export class Relay {
  readonly #options: RelayOptions;
  readonly #sockets = new Map<number, WebSocket>();
  #errors = 0;
  #windowStart = 0;
  #inWindow = 0;
  #isClosed = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    options.port.onmessage = ({ data }) => this.#receive(data);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.port.onmessage = null;
    this.#options.port.close();
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #receive(value: unknown): void {
    if (this.#isClosed) return;
    const now = this.#options.clock();
    if (now - this.#windowStart > windowMs) {
      this.#windowStart = now;
      this.#inWindow = 0;
    }
    this.#inWindow += 1;
    if (this.#inWindow > maxPerWindow) {
      this.#end(`more than ${maxPerWindow} messages in a second`);
      return;
    }
    const message = readFromClient(value);
    if (message) this.#act(message);
  }

  #act(message: FromClient): void {
    const { onWait, onError } = this.#options;
    switch (message.type) {
      case "open":
        this.#open(message.socket);
        return;
      case "send": {
        const socket = this.#sockets.get(message.socket);
        if (socket?.readyState === 1) socket.send(message.data);
        return;
      }
      case "close": {
        const { code, reason } = message;
        // What browsers accept (RFC 6455 §7.4.2): 1000, or the application's own range.
        const isAccepted = code === 1000 || (code !== undefined && code >= 3000 && code <= 4999);
        const socket = this.#sockets.get(message.socket);
        if (socket && socket.readyState < closing) isAccepted ? socket.close(code, reason) : socket.close();
        return;
      }
      case "wait":
        onWait(message.delayMs);
        return;
      case "error":
        this.#errors += 1;
        if (this.#errors <= maxErrors) onError(message.message, message.line);
    }
  }

  #open(id: number): void {
    if (this.#sockets.has(id)) return;
    if (this.#sockets.size >= maxSockets) {
      this.#end(`more than ${maxSockets} connections at once`);
      return;
    }
    const socket = this.#options.open();
    this.#sockets.set(id, socket);
    const tell = (message: ToClient) => {
      if (!this.#isClosed) this.#options.port.postMessage(message);
    };
    socket.onopen = () => tell({ type: "opened", socket: id, protocol: socket.protocol });
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") tell({ type: "message", socket: id, data });
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      this.#sockets.delete(id);
      tell({ type: "closed", socket: id, code, reason, wasClean });
    };
  }

  #end(why: string): void {
    this.close();
    this.#options.onExcess(why);
  }
}
