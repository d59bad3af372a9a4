/** What SDKs say and hear, over a WebSocket or over an answer that does not end. */
import { type Publication, Reader } from "./reader.js";

interface Reply {
  readonly id?: number;
  readonly connect?: { readonly session?: string; readonly node?: string };
  readonly subscribe?: {
    readonly epoch?: string;
    readonly offset?: number;
    readonly recovered?: boolean;
    readonly was_recovering?: boolean;
    readonly publications?: readonly Publication[];
  };
  readonly push?: { readonly pub?: Publication };
  readonly error?: { readonly message: string };
}

export abstract class ProtocolReader extends Reader {
  protected session: Reply["connect"];

  /** Connect and subscribe, in one message. */
  protected get openingCommands(): string {
    const place = this.epoch === undefined ? {} : { recover: true, epoch: this.epoch, offset: this.offset };
    const subscribe = { channel: this.context.channel, recoverable: true, positioned: true, ...place };
    return `{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe })}`;
  }

  /** Says something over the connection there is. */
  protected abstract say(text: string): void;

  protected hear(lines: string): void {
    for (const line of lines.split("\n")) {
      if (line === "") continue;
      const reply = JSON.parse(line) as Reply;
      if (Object.keys(reply).length === 0) this.say("{}");
      else if (reply.error) throw new Error(reply.error.message);
      else if (reply.connect) this.session = reply.connect;
      else if (reply.subscribe) this.#subscribed(reply.subscribe);
      else if (reply.push?.pub) this.take(reply.push.pub);
    }
  }

  #subscribed({
    epoch,
    offset = 0,
    publications = [],
    was_recovering,
    recovered,
  }: NonNullable<Reply["subscribe"]>) {
    if (was_recovering && !recovered) this.context.tally.fail("the position could not be resumed");
    for (const publication of publications) this.take(publication);
    if (epoch !== undefined) this.epoch = epoch;
    if (offset > this.offset) this.offset = offset;
    this.open();
  }
}

export class WebSocketReader extends ProtocolReader {
  #socket: WebSocket | undefined;

  override start(): void {
    const { base, tally, WebSocket } = this.context;
    tally.requests += 1;
    const socket = new WebSocket(`${base.replace(/^http/, "ws")}/connection/websocket`);
    this.#socket = socket;
    socket.onopen = () => {
      tally.answers += 1;
      socket.send(this.openingCommands);
    };
    socket.onmessage = ({ data }: { readonly data: string }) => {
      tally.frames += 1;
      try {
        this.hear(data);
      } catch (error) {
        tally.fail(String(error));
        socket.close();
      }
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.lost("the WebSocket closed");
    };
  }

  protected override say(text: string): void {
    this.#socket?.send(text);
  }

  protected override release(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }
}

export class HttpStreamReader extends ProtocolReader {
  #controller: AbortController | undefined;

  override start(): void {
    void this.#read();
  }

  protected override say(text: string): void {
    const { base, fetch, tally } = this.context;
    const { session, node } = this.session ?? {};
    tally.requests += 1;
    fetch(`${base}/emulation`, { method: "POST", body: JSON.stringify({ session, node, data: text }) }).catch(
      () => {
        // The stream's end says the rest.
      },
    );
  }

  protected override release(): void {
    this.#controller?.abort();
  }

  async #read(): Promise<void> {
    const { base, fetch, tally } = this.context;
    const controller = new AbortController();
    this.#controller = controller;
    tally.requests += 1;
    try {
      // As text, which needs no leave of the server's (CORS) to be asked for first.
      const response = await fetch(`${base}/connection/http_stream`, {
        method: "POST",
        body: this.openingCommands,
        signal: controller.signal,
      });
      if (!response.ok || !response.body) throw new Error(`the server answers with ${response.status}`);
      tally.answers += 1;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) break;
        tally.frames += 1;
        const lines = `${rest}${value}`.split("\n");
        rest = lines.pop() ?? "";
        this.hear(lines.join("\n"));
      }
      throw new Error("the stream ended");
    } catch (error) {
      if (!this.isOver && this.#controller === controller) this.lost(String(error));
    }
  }
}
