/** A user of a WebSocket over HTTP/2 (RFC 8441), in a connection of its own: each stands for another browser. */
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { textFrame } from "../client-frames.js";
import { openingCommands } from "./commands.js";
import { talk } from "./socket-talk.js";
import { VirtualUser } from "./virtual-user.js";
import { socketPath } from "./websocket-user.js";

export class WebSocketH2User extends VirtualUser {
  #session: ClientHttp2Session | undefined;

  protected override connect(): void {
    const { port, tally, requests } = this.context;
    const socket = connectTcp({ host: "127.0.0.1", port, noDelay: true });
    tally.watch(socket);
    const session = connectHttp2(`http://${requests.host}`, { createConnection: () => socket });
    this.#session = session;
    let reason = "the other side ended the connection";
    const end = (why: string) => {
      reason = why;
      session.destroy();
    };
    socket.on("error", (error) => end(error.message));
    session.on("error", (error) => end(error.message));
    session.on("close", () => {
      socket.destroy();
      if (this.#session === session) this.lost(reason);
    });
    session.once("remoteSettings", ({ enableConnectProtocol }) => {
      if (enableConnectProtocol) this.#openStream(session, end);
      else this.fail("the server takes no WebSocket over HTTP/2");
    });
  }

  protected override disconnect(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.destroy();
  }

  #openStream(session: ClientHttp2Session, end: (why: string) => void): void {
    const { tally, requests } = this.context;
    if (session.destroyed) return;
    tally.requests++;
    const stream = session.request({ ...requests.connect(socketPath) }, { endStream: false });
    const receive = talk({
      write: (frame) => void stream.write(frame),
      onFrame: () => tally.frames++,
      onLine: (line, isReply) => {
        if (isReply && this.epoch !== undefined) this.checkRecovered(line);
        this.take(line);
        if (isReply) this.opened();
      },
    });
    stream.on("response", ({ ":status": status }) => {
      tally.answers++;
      if (status === 200) stream.write(textFrame(openingCommands(this.epoch, this.offset)));
      else end(`the server answered the request for a WebSocket with ${status}`);
    });
    stream.on("data", (bytes: Buffer) => {
      try {
        receive(bytes);
      } catch (error) {
        tally.noteError((error as Error).message);
        end((error as Error).message);
      }
    });
    stream.on("error", (error) => end(error.message));
    stream.on("close", () => session.destroy());
  }
}
