/**
 * One WebSocket to this server, on the browser's own interface and the JSON of the protocol, so that nothing stands between the
 * story and what goes over the line. Applications use an SDK, which does this and reconnects by itself.
 */
import type { Letter, Position } from "./place.js";

export type LineState = "closed" | "opening" | "open";

export interface Recovered extends Position {
  /** Where the reader had been. */
  readonly since: Position;
  readonly isRecovered: boolean;
  readonly letters: readonly Letter[];
}

export interface LineOptions {
  readonly url: string;
  readonly channel: string;
  /** Whether it reads the channel from now on, from a position where there is one. @default true */
  readonly subscribes?: boolean;
  /** Another one, whose publications are not letters. */
  readonly crowd?: string;
  readonly since?: Position;
  readonly onChange: () => void;
  readonly onLetter: (letter: Letter) => void;
  readonly onRecovered?: (recovered: Recovered) => void;
  readonly onCrowd?: (crowd: unknown) => void;
}

interface Reply {
  readonly id?: number;
  readonly error?: { readonly code: number; readonly message: string };
  readonly connect?: { readonly client: string };
  readonly subscribe?: {
    readonly epoch?: string;
    readonly offset?: number;
    readonly recovered?: boolean;
    readonly publications?: readonly Letter[];
    readonly data?: unknown;
  };
  readonly push?: { readonly channel: string; readonly pub?: Letter };
}

export class Line {
  readonly #options: LineOptions;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #nextId = 1;
  state: LineState = "opening";
  /** Whether the server has ever greeted it. */
  wasOpen = false;
  /** Whether the browser had its handshake. */
  wasUpgraded = false;
  /** The beginning of the connection's id. */
  client: string | undefined;
  position: Position | undefined;
  closed: { readonly code: number; readonly reason: string; readonly wasClean: boolean } | undefined;

  constructor(options: LineOptions) {
    this.#options = options;
    this.position = options.since;
    this.#socket = new WebSocket(options.url);
    this.#socket.onopen = () => {
      this.wasUpgraded = true;
      this.#greet();
    };
    this.#socket.onmessage = ({ data }) => this.#receive(String(data));
    this.#socket.onclose = ({ code, reason, wasClean }) => {
      this.closed = { code, reason, wasClean };
      this.state = "closed";
      options.onChange();
    };
  }

  get readyState(): number {
    return this.#socket.readyState;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Over the line; the answer comes as a letter. */
  async publish(text: string): Promise<void> {
    await this.#ask({ publish: { channel: this.#options.channel, data: { text } } });
  }

  async call(method: string, data: object = {}): Promise<void> {
    await this.#ask({ rpc: { method, data } });
  }

  async history(limit: number): Promise<void> {
    await this.#ask({ history: { channel: this.#options.channel, limit, reverse: true } });
  }

  /** What the browser makes of it, also where it can no longer be sent. */
  sendRaw(text: string): void {
    this.#socket.send(text);
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  #greet(): void {
    const { channel, crowd, since, subscribes = true } = this.#options;
    const from = since && { recover: true, ...since };
    void this.#command({ connect: {} }, (reply) => {
      this.client = reply.connect?.client.slice(0, 8);
      this.state = "open";
      this.wasOpen = true;
    });
    if (!subscribes) return;
    void this.#command({ subscribe: { channel, ...from } }, ({ subscribe }) => {
      const letters = subscribe?.publications ?? [];
      // The answer names where the reader was; what it has missed follows in it.
      const offset = Math.max(subscribe?.offset ?? 0, letters.at(-1)?.offset ?? 0);
      this.position = { epoch: subscribe?.epoch ?? "", offset };
      if (since)
        this.#options.onRecovered?.({
          since,
          ...this.position,
          isRecovered: subscribe?.recovered === true,
          letters,
        });
    });
    if (crowd !== undefined)
      void this.#command({ subscribe: { channel: crowd } }, ({ subscribe }) => {
        if (subscribe?.data !== undefined) this.#options.onCrowd?.(subscribe.data);
      });
  }

  #receive(text: string): void {
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const reply = JSON.parse(line) as Reply;
      if (reply.id !== undefined) {
        this.#waiting.get(reply.id)?.(reply);
        this.#waiting.delete(reply.id);
      } else if (reply.push?.pub) this.#push(reply.push.channel, reply.push.pub);
      // An empty object asks whether this end is alive.
      else if (reply.push === undefined) this.#socket.send("{}");
    }
    this.#options.onChange();
  }

  #push(channel: string, letter: Letter): void {
    if (channel === this.#options.crowd) {
      this.#options.onCrowd?.(letter.data);
      return;
    }
    if (this.position) this.position = { ...this.position, offset: letter.offset };
    this.#options.onLetter(letter);
  }

  #ask(command: object): Promise<void> {
    return this.#command(command, ({ error }) => {
      if (error) throw new Error(`${error.message} (${error.code})`);
    });
  }

  #command(command: object, receive: (reply: Reply) => void): Promise<void> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (reply) => {
        try {
          receive(reply);
          resolve();
        } catch (error) {
          reject(error as Error);
        }
      });
      this.#socket.send(JSON.stringify({ id, ...command }));
    });
  }
}
