/** Users whose response never ends: of `EventSource`, and of SDKs over plain HTTP. */
import { HttpExchange } from "../node/http-exchange.js";
import { LineSplitter } from "../node/http-reader.js";
import {
  ConnectedUser,
  isPing,
  isSubscribeReply,
  labChannel,
  openingCommands,
  pong,
  type UserContext,
} from "./virtual-user.js";

abstract class StreamUser extends ConnectedUser {
  readonly #separator: string;

  /** @param separator what stands between two parts of the stream */
  constructor(context: UserContext, separator: string) {
    super(context);
    this.#separator = separator;
  }

  protected abstract requestText(): string;

  /** @param part of the stream, without the separator */
  protected abstract receive(part: string): void;

  protected override connect(): void {
    const parts = new LineSplitter(this.#separator);
    const socket = this.openConnection({
      onHead: ({ status }) => {
        this.context.tally.responses++;
        if (status !== 200) throw new Error(`the server answered ${status}`);
      },
      // All of it is ASCII.
      onBody: (bytes) => parts.push(bytes.toString("latin1"), (part) => this.receive(part)),
      onEnd: () => socket.destroy(),
      onUpgrade: () => {},
    });
    socket.write(this.requestText());
  }
}

/** A user of `EventSource`, which comes back with the id of the last event (WHATWG HTML §9.2). */
export class SseUser extends StreamUser {
  constructor(context: UserContext) {
    super(context, "\n\n");
  }

  protected override requestText(): string {
    return this.context.requests.events(`/channels/${labChannel}/events`, this.position);
  }

  protected override receive(event: string): void {
    const { tally } = this.context;
    // Without data, it is a comment or the time to wait before coming back.
    if (!/(?:^|\n)data:/.test(event)) return;
    tally.frames++;
    if (event.includes("event: lost")) this.checkRecovered(event);
    else if (event.includes("event: error"))
      tally.recordError(`the server ended a stream: ${event.slice(0, 200)}`);
    this.take(event);
    if (event.includes("event: position") || event.includes("event: lost")) this.opened();
  }
}

interface ConnectReply {
  readonly connect: { readonly session: string; readonly node: string };
}

/** A user of an SDK without WebSocket: lines come in one response, and commands go in requests of their own. */
export class HttpStreamUser extends StreamUser {
  readonly #exchange: HttpExchange;
  #session: ConnectReply["connect"] | undefined;

  constructor(context: UserContext) {
    super(context, "\n");
    this.#exchange = new HttpExchange(context.port, context.tally);
  }

  protected override requestText(): string {
    const commands = openingCommands(this.epoch, this.offset);
    return this.context.requests.post("/connection/http_stream", commands);
  }

  protected override receive(line: string): void {
    if (line === "") return;
    this.context.tally.frames++;
    if (isPing(line)) void this.#answerPing();
    else if (line.startsWith('{"id":1,"connect"')) this.#session = (JSON.parse(line) as ConnectReply).connect;
    else this.takeLine(line, isSubscribeReply(line));
  }

  protected override disconnect(): void {
    super.disconnect();
    this.#exchange.close();
  }

  async #answerPing(): Promise<void> {
    const { requests, tally } = this.context;
    const { session, node } = this.#session ?? {};
    try {
      // Its response is empty and does not count as a read.
      await this.#exchange.request(
        requests.post("/emulation", JSON.stringify({ session, node, data: pong })),
      );
    } catch (error) {
      // The end of the stream is counted anyway.
      if (!this.isEnding) tally.recordError(`a ping could not be answered: ${(error as Error).message}`);
    }
  }
}
