/** Servers and independent clients for tests of sockets. Everything is closed when the test ends. */
import { onTestFinished } from "vitest";
import WsWebSocket, { type ClientOptions } from "ws";
import {
  type CloseStatus,
  type ListenOptions,
  type OpeningRequest,
  type ServerWebSocket,
  WebSocketServer,
  type WebSocketServerOptions,
} from "../../../src/websocket.js";
import { until } from "../../support/server.js";
import { testTls } from "../../support/tls.js";

export interface Running {
  readonly server: WebSocketServer;
  readonly port: number;
  /** Without a path, and so without what closes an authority: `${url}/chat`. */
  readonly url: string;
  /** Connections in the order they came, without the witness's. */
  readonly sockets: ServerWebSocket[];
  /** What `onError` heard. */
  readonly errors: { readonly stage: string; readonly message: string }[];
}

export function echo(socket: ServerWebSocket): void {
  socket.onMessage = (data) => socket.send(data);
}

/** A server with `onError` that is listened to; connections to /witness are echoed whatever `onConnection` does. */
export function createSocketServer(options: Partial<WebSocketServerOptions> = {}) {
  const { onConnection = echo, ...others } = options;
  const sockets: ServerWebSocket[] = [];
  const errors: { stage: string; message: string }[] = [];
  const server = new WebSocketServer({
    onError: (error, { stage }) => errors.push({ stage, message: (error as Error).message }),
    onConnection: (socket: ServerWebSocket, request: OpeningRequest) => {
      if (request.url === "/witness") return echo(socket);
      sockets.push(socket);
      onConnection(socket, request);
    },
    ...others,
  });
  onTestFinished(() => end(server));
  return { server, sockets, errors };
}

export async function startSockets(
  options: Partial<WebSocketServerOptions> = {},
  listenOptions: ListenOptions = {},
): Promise<Running> {
  const created = createSocketServer(options);
  const port = await created.server.listen(listenOptions);
  return { ...created, port, url: `${listenOptions.tls ? "wss" : "ws"}://127.0.0.1:${port}` };
}

/** Closes without waiting for peers that do not answer. */
export async function end(server: WebSocketServer): Promise<void> {
  const closed = server.close();
  for (const socket of server.connections) socket.terminate();
  await closed;
}

/** What a connection's `onClose` hears. */
export function watchClose(socket: ServerWebSocket): CloseStatus[] {
  const heard: CloseStatus[] = [];
  socket.onClose = (status) => heard.push(status);
  return heard;
}

/** The client of the `ws` package. */
export class WsClient {
  readonly socket: WsWebSocket;
  readonly messages: (string | Buffer)[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  constructor(url: string, protocols: string[] = [], options: ClientOptions = {}) {
    this.socket = new WsWebSocket(url, protocols, {
      ca: testTls.cert,
      perMessageDeflate: false,
      ...options,
    });
    this.socket.on("message", (data: Buffer, isBinary) =>
      this.messages.push(isBinary ? data : data.toString()),
    );
    this.socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.socket.on("error", () => {});
    onTestFinished(() => this.socket.terminate());
  }

  static async open(url: string, protocols: string[] = [], options: ClientOptions = {}): Promise<WsClient> {
    const client = new WsClient(url, protocols, options);
    await until(() => client.socket.readyState !== WsWebSocket.CONNECTING);
    if (client.socket.readyState !== WsWebSocket.OPEN) throw new Error(`${url} was not opened`);
    return client;
  }

  async next(): Promise<string | Buffer> {
    await until(() => this.messages.length > 0 || this.closed !== undefined);
    const message = this.messages.shift();
    if (message === undefined) throw new Error(`closed with ${this.closed?.code} ${this.closed?.reason}`);
    return message;
  }

  async ask(message: string): Promise<string> {
    this.socket.send(message);
    return (await this.next()) as string;
  }

  async waitForClose(): Promise<{ code: number; reason: string }> {
    await until(() => this.closed !== undefined);
    return this.closed as { code: number; reason: string };
  }
}

/** A client that is answered each time it asks, whatever others do. */
export async function startWitness(url: string) {
  const client = await WsClient.open(`${url}/witness`);
  let asked = 0;
  return {
    async check() {
      for (let i = 0; i < 3; i++) {
        const question = `witness ${asked++}`;
        const answer = await client.ask(question);
        if (answer !== question) throw new Error(`asked ${question}, answered ${answer}`);
      }
    },
  };
}
