/**
 * Runs in the sandbox of one client: takes the visitor's code from the playground, gives it `connect`, `button`, `me` and `room`, shows
 * what it logs, and tells the playground of errors by line. Its WebSockets go through the playground's port, its only way out.
 */
import { type Client, type ClientOptions, connect } from "@holdfast/client";
import type { Beginning, FromClient, ToClient } from "../model/messages.js";

const maxLines = 200;
const maxLineLength = 2000;
const maxWrittenPerSecond = 100;

const nonce = document.currentScript?.nonce ?? "";
const output = document.getElementById("output") as HTMLElement;
let port: MessagePort | undefined;
let codeAddress = "";
const tell = (message: FromClient) => port?.postMessage(message);

class PortSocket {
  static readonly #open = new Map<number, PortSocket>();
  static #lastId = 0;
  onopen: ((event: object) => void) | null = null;
  onmessage: ((event: { readonly data: string }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  onclose:
    | ((event: { readonly code: number; readonly reason: string; readonly wasClean: boolean }) => void)
    | null = null;
  readyState = 0;
  protocol = "";
  binaryType = "blob";
  readonly #id = ++PortSocket.#lastId;

  constructor() {
    PortSocket.#open.set(this.#id, this);
    tell({ type: "open", socket: this.#id });
  }

  static receive(message: ToClient): void {
    const socket = PortSocket.#open.get(message.socket);
    if (socket) socket.#receive(message);
  }

  send(data: string): void {
    if (this.readyState === 1) tell({ type: "send", socket: this.#id, data });
  }

  close(code?: number, reason?: string): void {
    if (this.readyState < 2) this.readyState = 2;
    tell({
      ...{ type: "close", socket: this.#id },
      ...(code !== undefined && { code }),
      ...(reason !== undefined && { reason }),
    });
  }

  #receive(message: ToClient): void {
    if (message.type === "opened") {
      this.readyState = 1;
      this.protocol = message.protocol;
      this.onopen?.({ type: "open" });
    } else if (message.type === "message") this.onmessage?.({ data: message.data });
    else {
      const { code, reason, wasClean } = message;
      this.readyState = 3;
      PortSocket.#open.delete(this.#id);
      if (!wasClean) this.onerror?.({ type: "error" });
      this.onclose?.({ code, reason, wasClean });
    }
  }
}

let writtenSince = 0;
let written = 0;

function write(kind: "log" | "error", text: string): void {
  const now = performance.now();
  if (now - writtenSince > 1000) {
    writtenSince = now;
    written = 0;
  }
  written += 1;
  if (written > maxWrittenPerSecond) return;
  const line = document.createElement("p");
  line.className = kind;
  line.dir = "auto";
  line.textContent =
    written === maxWrittenPerSecond ? `… more than ${maxWrittenPerSecond} lines in a second` : text;
  output.append(line);
  while (output.childElementCount > maxLines) output.firstElementChild?.remove();
  // Follows the end unless the visitor has scrolled up.
  const { scrollHeight, scrollTop, clientHeight } = document.documentElement;
  if (scrollHeight - scrollTop - clientHeight < 80) scrollTo(0, scrollHeight);
}

function toText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function report(error: unknown, line: number | undefined): void {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : `Uncaught: ${toText(error)}`;
  write("error", line === undefined ? message : `Line ${line}: ${message}`);
  tell({ type: "error", message, ...(line !== undefined && { line }) });
}

/** The innermost line of the visitor's own code. */
function lineOf(error: unknown): number | undefined {
  const { stack = "" } = (error ?? {}) as { readonly stack?: string };
  const at = String(stack).indexOf(`${codeAddress}:`);
  return at < 0 ? undefined : Number.parseInt(String(stack).slice(at + codeAddress.length + 1), 10);
}

addEventListener("error", (event) => {
  const isOwn = event.filename === codeAddress;
  report(event.error ?? event.message, isOwn ? event.lineno : lineOf(event.error));
});
addEventListener("unhandledrejection", ({ reason }) => report(reason, lineOf(reason)));

for (const level of ["log", "info", "warn", "error", "debug"] as const) {
  // biome-ignore lint/suspicious/noConsole: the visitor's code writes to it.
  const original = console[level].bind(console);
  console[level] = (...values: unknown[]) => {
    original(...values);
    write(level === "error" ? "error" : "log", values.map(toText).join(" ").slice(0, maxLineLength));
  };
}

function begin({ code, me, room }: Beginning): void {
  const given = {
    me,
    room,
    connect: (options: ClientOptions = {}): Client =>
      connect("ws://localhost/", {
        ...{ maxReconnectDelayMs: 5000, onError: (error: unknown) => report(error, lineOf(error)) },
        ...options,
        webSocket: PortSocket,
        onReconnectDelay: (delayMs) => tell({ type: "wait", delayMs }),
      }),
    button: (label: string, run: () => unknown) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = String(label);
      made.addEventListener("click", () => {
        void (async () => run())().catch((error: unknown) => report(error, lineOf(error)));
      });
      output.before(made);
      return made;
    },
  };
  for (const [name, value] of Object.entries(given))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  // A module, so that it can await at its top; by the nonce, since no other script may run here.
  const script = document.createElement("script");
  script.type = "module";
  script.nonce = nonce;
  // From an address of its own, so that errors of its syntax have lines, too.
  codeAddress = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  script.src = codeAddress;
  document.body.append(script);
}

addEventListener("message", function receive({ source, data, ports }: MessageEvent<Beginning>) {
  if (source !== parent || port || !ports[0]) return;
  removeEventListener("message", receive);
  port = ports[0];
  port.onmessage = ({ data: message }: MessageEvent<ToClient>) => PortSocket.receive(message);
  begin(data);
});
