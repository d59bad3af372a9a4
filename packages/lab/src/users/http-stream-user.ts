/** A user of an SDK that has no WebSocket: lines come in one answer, and what it says goes in requests beside it. */
import { isPing, isSubscribed, openingCommands, pong } from "./commands.js";
import { HttpExchange } from "./http-exchange.js";
import { StreamUser } from "./stream-user.js";
import type { UserContext } from "./virtual-user.js";

interface ConnectReply {
  readonly connect: { readonly session: string; readonly node: string };
}

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
    else {
      const isReply = isSubscribed(line);
      if (isReply && this.epoch !== undefined) this.checkRecovered(line);
      this.take(line);
      if (isReply) this.opened();
    }
  }

  protected override disconnect(): void {
    super.disconnect();
    this.#exchange.close();
  }

  async #answerPing(): Promise<void> {
    const { requests, tally } = this.context;
    const { session, node } = this.#session ?? {};
    try {
      await this.#exchange.request(
        requests.post("/emulation", JSON.stringify({ session, node, data: pong })),
      );
      // Its answer tells nothing, and is no read.
    } catch (error) {
      // The stream's end says the rest.
      if (!this.isEnding) tally.noteError(`a ping could not be answered: ${(error as Error).message}`);
    }
  }
}
