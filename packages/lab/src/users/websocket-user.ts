/** A user of a WebSocket over HTTP/1.1 (RFC 6455). */
import type { Socket } from "node:net";
import { textFrame } from "../client-frames.js";
import { HttpReader } from "../readers/http-reader.js";
import { socketAccept } from "../request-text.js";
import { openingCommands } from "./commands.js";
import { openSocket } from "./open-socket.js";
import { talk } from "./socket-talk.js";
import { VirtualUser } from "./virtual-user.js";

export const socketPath = "/connection/websocket";

export class WebSocketUser extends VirtualUser {
  #socket: Socket | undefined;

  protected override connect(): void {
    const { port, tally, requests } = this.context;
    const receive = talk({
      write: (frame) => void socket.write(frame),
      onFrame: () => tally.frames++,
      onLine: (line, isReply) => {
        if (isReply && this.epoch !== undefined) this.checkRecovered(line);
        this.take(line);
        if (isReply) this.opened();
      },
    });
    const reader = new HttpReader({
      onHead: ({ status, fields }) => {
        tally.answers++;
        if (status !== 101) throw new Error(`the server answered the upgrade with ${status}`);
        if (fields.get("sec-websocket-accept") !== socketAccept)
          throw new Error("the server's answer does not fit the key");
        socket.write(textFrame(openingCommands(this.epoch, this.offset)));
      },
      onBody: () => {},
      onEnd: () => {},
      onSwitched: receive,
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
    socket.write(requests.upgrade(socketPath));
  }

  protected override disconnect(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }
}
