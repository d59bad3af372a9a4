/** Users whose answer never ends: of `EventSource`, and of SDKs over plain HTTP. */
import type { Socket } from "node:net";
import { HttpReader } from "../readers/http-reader.js";
import { LineSplitter } from "../readers/line-splitter.js";
import { openSocket } from "./open-socket.js";
import { type UserContext, VirtualUser } from "./virtual-user.js";

export abstract class StreamUser extends VirtualUser {
  readonly #separator: string;
  #socket: Socket | undefined;

  /** @param separator what stands between two parts of the stream */
  constructor(context: UserContext, separator: string) {
    super(context);
    this.#separator = separator;
  }

  protected abstract requestText(): string;

  /** Of the stream, without the separator. */
  protected abstract receive(part: string): void;

  protected override connect(): void {
    const { port, tally } = this.context;
    const parts = new LineSplitter(this.#separator);
    const reader = new HttpReader({
      onHead: ({ status }) => {
        tally.answers++;
        if (status !== 200) throw new Error(`the server answered ${status}`);
      },
      // Everything that comes is ASCII.
      onBody: (bytes) => parts.push(bytes.toString("latin1"), (part) => this.receive(part)),
      onEnd: () => this.#socket?.destroy(),
      onSwitched: () => {},
    });
    const socket = openSocket(port, {
      onConnect: () => {},
      onBytes: (bytes) => {
        try {
          reader.read(bytes);
        } catch (error) {
          tally.noteError((error as Error).message);
          socket.destroy();
        }
      },
      onClose: (reason) => {
        if (this.#socket === socket) this.lost(reason);
      },
    });
    this.#socket = socket;
    tally.watch(socket);
    tally.requests++;
    socket.write(this.requestText());
  }

  protected override disconnect(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }
}
