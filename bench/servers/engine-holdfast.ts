/** The engine alone, `holdfast/websocket`: what is sent to /echo comes back, anything sent elsewhere goes to all others. */
import { answerAsks } from "./answer-asks.js";
import { deflateSettings, isCompressing, isCompressingByDefault } from "./engine-settings.js";

interface Socket {
  onMessage: ((data: string | Uint8Array, socket: Socket) => void) | undefined;
  send(message: unknown): void;
}

/** The part of the package that is used here, so that this file can be checked before there is a build. */
interface EnginePackage {
  readonly WebSocketServer: new (options: {
    readonly compression: boolean | object;
    readonly maxMessageBytes: number;
    onConnection(socket: Socket, request: { readonly url: string }): void;
  }) => {
    listen(options: { readonly host: string }): Promise<number>;
    readonly connections: ReadonlySet<Socket>;
  };
  readonly PreparedMessage: new (data: string | Uint8Array) => object;
}

// By its own name, the package resolves to its build, as it does for those who install it.
const packageName: string = "holdfast/websocket";
const { WebSocketServer, PreparedMessage } = (await import(packageName)) as EnginePackage;

const server = new WebSocketServer({
  compression: isCompressingByDefault || (isCompressing && deflateSettings),
  maxMessageBytes: 16 * 1024 * 1024,
  onConnection(socket, { url }) {
    socket.onMessage = url === "/echo" ? echo : toOthers;
  },
});

function echo(data: string | Uint8Array, socket: Socket): void {
  socket.send(data);
}

function toOthers(data: string | Uint8Array, sender: Socket): void {
  const message = new PreparedMessage(data);
  for (const socket of server.connections) if (socket !== sender) socket.send(message);
}

const port = await server.listen({ host: "127.0.0.1" });
answerAsks({ port, stats: () => ({ connections: server.connections.size }) });
