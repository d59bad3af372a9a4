/** A reader for each transport that a browser has: it polls, reads events, or speaks the client protocol. */
import type { LabTransport } from "@holdfast/lab/report";
import { type Publication, Reader, type ReaderContext } from "./reader.js";

/** @throws Error for one that browsers have not */
export function createReader(transport: LabTransport, context: ReaderContext): Reader {
  switch (transport) {
    case "poll":
      return new PollingReader(context, false);
    case "long-poll":
      return new PollingReader(context, true);
    case "sse":
      return new EventReader(context);
    case "http-stream":
      return new HttpStreamReader(context);
    case "websocket":
      return new WebSocketReader(context);
    default:
      throw new Error(`${transport} is not available in a browser`);
  }
}

interface Answer {
  readonly epoch: string;
  readonly offset: number;
  readonly publications: readonly Publication[];
}

export class PollingReader extends Reader {
  /** Undefined for one that waits for its responses. */
  readonly #intervalMs: number | undefined;
  #controller: AbortController | undefined;
  #isFirst = true;

  constructor(context: ReaderContext, isWaiting: boolean) {
    super(context);
    this.#intervalMs = isWaiting ? undefined : context.intervalMs;
  }

  override start(): void {
    void this.#ask();
  }

  protected override release(): void {
    this.#controller?.abort();
  }

  async #ask(): Promise<void> {
    const { tally, fetch, now } = this.context;
    const sentAt = now();
    const controller = new AbortController();
    this.#controller = controller;
    // The first answer comes at once, so that it is known to be there.
    const wait = this.#intervalMs === undefined && !this.#isFirst ? "&wait=20s" : "";
    tally.requests += 1;
    try {
      // Where nothing is new the browser's own cache asks with the tag it has, and gets a 304 without a body.
      const response = await fetch(`${this.channelUrl}?since=${this.since}${wait}`, {
        signal: controller.signal,
      });
      if (!response.ok) throw new Error(`the server responses with ${response.status}`);
      const { epoch, offset, publications } = (await response.json()) as Answer;
      if (this.isOver || this.#controller !== controller) return;
      this.#isFirst = false;
      tally.answer(publications.length);
      for (const publication of publications) this.take(publication);
      this.epoch = epoch;
      this.offset = offset;
      this.open();
      // Slow responses do not stretch the interval.
      if (this.#intervalMs === undefined) void this.#ask();
      else this.after(Math.max(0, this.#intervalMs - (now() - sentAt)), () => this.start());
    } catch (error) {
      if (!this.isOver && this.#controller === controller) this.lost(String(error));
    }
  }
}

export class EventReader extends Reader {
  #source: EventSource | undefined;

  override start(): void {
    const { tally, EventSource } = this.context;
    tally.requests += 1;
    const source = new EventSource(`${this.channelUrl}/events?since=${this.since}`);
    this.#source = source;
    source.addEventListener("position", (event) => {
      tally.responses += 1;
      const { epoch } = JSON.parse((event as MessageEvent).data as string) as { epoch?: string };
      if (epoch !== undefined) this.epoch = epoch;
      this.open();
    });
    source.addEventListener("lost", () => tally.fail("the position could not be resumed"));
    source.onmessage = ({ data }: { readonly data: string }) => {
      tally.frames += 1;
      this.take(JSON.parse(data) as Publication);
    };
    source.onerror = () => {
      // EventSource would wait a second or two; the others here come back sooner, and all should be measured alike.
      source.close();
      if (this.#source === source) this.lost("the events ended");
    };
  }

  protected override release(): void {
    this.#source?.close();
  }
}

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
      tally.responses += 1;
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
      if (!response.ok || !response.body) throw new Error(`the server responses with ${response.status}`);
      tally.responses += 1;
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
