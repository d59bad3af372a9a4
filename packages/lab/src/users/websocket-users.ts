/** Users of a WebSocket over HTTP/1.1 (RFC 6455) and over HTTP/2 (RFC 8441). */
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { FrameReader, pongFrame, textFrame, upgradeAccept } from "../node/frames.js";
import {
  ConnectedUser,
  isPing,
  isSubscribeReply,
  openingCommands,
  pong,
  type UserContext,
  VirtualUser,
} from "./virtual-user.js";

const socketPath = "/connection/websocket";

export class WebSocketUser extends ConnectedUser {
  protected override connect(): void {
    const { tally, requests } = this.context;
    const frames = createFrameReader(this.context, {
      write: (frame) => void socket.write(frame),
      onLine: (line, isReply) => this.takeLine(line, isReply),
    });
    const socket = this.openConnection({
      onHead: ({ status, fields }) => {
        tally.responses++;
        if (status !== 101) throw new Error(`the server answered the upgrade with ${status}`);
        if (fields.get("sec-websocket-accept") !== upgradeAccept)
          throw new Error("the server's Sec-WebSocket-Accept does not match the key");
        socket.write(textFrame(openingCommands(this.epoch, this.offset)));
      },
      onBody: () => {},
      onEnd: () => {},
      onUpgrade: (bytes) => frames.read(bytes),
    });
    socket.write(requests.upgrade(socketPath));
  }
}

/** In a connection of its own: each user stands for another browser. */
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
      else this.fail("the server does not accept a WebSocket over HTTP/2");
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
    const frames = createFrameReader(this.context, {
      write: (frame) => void stream.write(frame),
      onLine: (line, isReply) => this.takeLine(line, isReply),
    });
    stream.on("response", ({ ":status": status }) => {
      tally.responses++;
      if (status === 200) stream.write(textFrame(openingCommands(this.epoch, this.offset)));
      else end(`the server answered the request for a WebSocket with ${status}`);
    });
    stream.on("data", (bytes: Buffer) => {
      try {
        frames.read(bytes);
      } catch (error) {
        tally.recordError((error as Error).message);
        end((error as Error).message);
      }
    });
    stream.on("error", (error) => end(error.message));
    stream.on("close", () => session.destroy());
  }
}

interface SocketHandlers {
  readonly write: (frame: Buffer) => void;
  /** A whole line that is no ping. @param isReply whether it is the reply to the subscription */
  readonly onLine: (line: string, isReply: boolean) => void;
}

/** Reads what a server sends over a WebSocket, whatever carries its frames, and answers pings. */
function createFrameReader({ tally }: UserContext, { write, onLine }: SocketHandlers): FrameReader {
  return new FrameReader({
    onMessage: (text) => {
      tally.frames++;
      for (const line of text.split("\n")) {
        if (isPing(line)) write(textFrame(pong));
        else if (line !== "") onLine(line, isSubscribeReply(line));
      }
    },
    onPing: (payload) => write(pongFrame(payload)),
    onClose: (code, reason) => {
      throw new Error(`the server closed with ${code} ${reason}`.trimEnd());
    },
  });
}
