/**
 * A plain client of the protocol on one WebSocket: numbers commands, answers pings, and gives up on a line that has
 * gone silent. Everything is handed on in the order in which it came, answers and pushes alike.
 */
import WebSocket from "ws";

export interface ReplyError {
  readonly code: number;
  readonly message: string;
  readonly temporary?: boolean;
}

/** What became of a command: `lost` when the connection ended before the answer, for a reason. */
export type Answer =
  | { readonly kind: "result"; readonly result: Readonly<Record<string, unknown>> }
  | { readonly kind: "error"; readonly error: ReplyError }
  | { readonly kind: "lost"; readonly reason: string };

export interface WirePublication {
  readonly data: unknown;
  readonly offset?: number;
  readonly epoch?: string;
  readonly key?: string;
}

export interface WirePush {
  readonly channel: string;
  readonly pub?: WirePublication;
  readonly unsubscribe?: { readonly code: number; readonly reason: string };
  readonly join?: { readonly info: WireClientInfo };
  readonly leave?: { readonly info: WireClientInfo };
}

export interface WireClientInfo {
  /** Id of its connection. */
  readonly client: string;
  readonly user?: string;
}

interface WireReply {
  readonly id?: number;
  readonly push?: WirePush;
  readonly error?: ReplyError;
  readonly connect?: { readonly ping?: number };
  readonly [method: string]: unknown;
}

export interface ConnectionEvents {
  /** It is not what is tested: it waits for answers far longer than a client does. @default false */
  readonly isPatient?: boolean;
  /** As whom it connects. */
  readonly user?: string | undefined;
  /** Commands sent now go out in one frame with the connect command, as SDKs do it. */
  onOpen(connection: Connection): void;
  onPush(connection: Connection, push: WirePush): void;
  /** Called once, also when the connection was never open. */
  onClose(connection: Connection): void;
  /** Something came that the protocol has no place for. */
  onFailure(text: string): void;
}

interface Waiting {
  readonly method: string;
  readonly onAnswer: (answer: Answer) => void;
}

const handshakeTimeoutMs = 5000;
const patienceMs = 60_000;
/** Time beyond the ping interval after which a silent line counts as dead. */
const pingSlackMs = 2500;

let connections = 0;

export class Connection {
  /** Its own among all connections of the process. */
  readonly number = ++connections;
  readonly #socket: WebSocket;
  readonly #events: ConnectionEvents;
  readonly #waiting = new Map<number, Waiting>();
  #lines: string[] | undefined = [];
  #lastId = 0;
  #localPort: number | undefined;
  #clientId: string | undefined;
  #silence: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** Why this side has ended it. */
  #giveUpReason: string | undefined;

  constructor(url: string, events: ConnectionEvents) {
    this.#events = events;
    const handshakeTimeout = events.isPatient ? patienceMs : handshakeTimeoutMs;
    this.#socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout });
    this.#socket.on("upgrade", ({ socket }) => {
      this.#localPort = socket.localPort;
    });
    this.#socket.on("open", () => this.#open());
    this.#socket.on("message", (data) => this.#receive(String(data)));
    // A close follows each error.
    this.#socket.on("error", ({ message }) => {
      this.#giveUpReason ??= message;
    });
    this.#socket.on("close", (code, reason) =>
      this.#closed(this.#giveUpReason ?? `closed with ${code} ${reason}`),
    );
  }

  /** The port that it comes from, by which the proxy knows it; undefined until it is open. */
  get localPort(): number | undefined {
    return this.#localPort;
  }

  /** As the server names it; undefined until it has answered. */
  get clientId(): string | undefined {
    return this.#clientId;
  }

  call(method: string, params: object, onAnswer: (answer: Answer) => void = () => {}): void {
    if (this.#isClosed) {
      onAnswer({ kind: "lost", reason: "it was closed before" });
      return;
    }
    const id = ++this.#lastId;
    this.#waiting.set(id, { method, onAnswer });
    this.#send(JSON.stringify({ id, [method]: params }));
  }

  ask(method: string, params: object): Promise<Answer> {
    return new Promise((resolve) => this.call(method, params, resolve));
  }

  /** Nothing is read from the socket any more, so that the server feels it. */
  pause(): void {
    clearTimeout(this.#silence);
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
    this.#silence?.refresh();
  }

  close(): void {
    this.#socket.close();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #open(): void {
    const lines: string[] = [];
    this.#lines = lines;
    const { user } = this.#events;
    this.call("connect", { name: "torture", ...(user !== undefined && { data: { user } }) }, (answer) => {
      const { ping, client } = answer.kind === "result" ? answer.result : {};
      if (typeof client === "string") this.#clientId = client;
      if (typeof ping === "number")
        this.#watchSilence(this.#events.isPatient ? patienceMs : ping * 1000 + pingSlackMs);
      else this.#giveUp(`connect was answered with ${JSON.stringify(answer)}`);
    });
    this.#events.onOpen(this);
    this.#lines = undefined;
    this.#socket.send(lines.join("\n"));
  }

  #send(line: string): void {
    if (this.#lines === undefined) this.#socket.send(line);
    else this.#lines.push(line);
  }

  #receive(frame: string): void {
    if (!this.#socket.isPaused) this.#silence?.refresh();
    try {
      if (this.#isClosed) throw new Error("it is closed");
      for (const line of frame.split("\n")) this.#take(JSON.parse(line) as WireReply);
    } catch (error) {
      this.#events.onFailure(`${String(error)}, at ${frame.slice(0, 200)}`);
    }
  }

  #take(reply: WireReply): void {
    if (reply.push !== undefined) this.#events.onPush(this, reply.push);
    else if (reply.id === undefined) this.#socket.send("{}");
    else this.#answer(reply.id, reply);
  }

  #answer(id: number, reply: WireReply): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined)
      throw new Error(`an answer to command ${id}, which was not sent or is answered`);
    this.#waiting.delete(id);
    const { method, onAnswer } = waiting;
    if (reply.error !== undefined) onAnswer({ kind: "error", error: reply.error });
    else onAnswer({ kind: "result", result: (reply[method] ?? {}) as Record<string, unknown> });
  }

  #watchSilence(ms: number): void {
    this.#silence = setTimeout(() => this.#giveUp(`nothing came for ${ms} ms`), ms);
    if (this.#socket.isPaused) clearTimeout(this.#silence);
  }

  #giveUp(reason: string): void {
    this.#giveUpReason ??= reason;
    this.terminate();
  }

  #closed(reason: string): void {
    this.#isClosed = true;
    clearTimeout(this.#silence);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { onAnswer } of waiting) onAnswer({ kind: "lost", reason });
    this.#events.onClose(this);
  }
}
