/** Entry of `holdfast/websocket`: server and client on sockets of Node.js, and the engine without I/O below them. */
export { type AcceptedSocket, Acceptor, type AcceptorOptions } from "./sockets/acceptor.js";
export type { TlsOptions } from "./sockets/http-front.js";
export type { AttachableServer } from "./sockets/http-servers.js";
export type { MessageIterator } from "./sockets/message-iterator.js";
export type { OpeningRequest } from "./sockets/opening-request.js";
export { defaultSocketSettings, type SocketOptions } from "./sockets/options.js";
export { broadcast, type ServerWebSocket } from "./sockets/server-web-socket.js";
export { WebSocket, type WebSocketOptions } from "./sockets/web-socket.js";
export type { WebSocketData } from "./sockets/web-socket-arguments.js";
export { CloseEvent, ErrorEvent } from "./sockets/web-socket-events.js";
export {
  type ListenOptions,
  type Refusal,
  WebSocketServer,
  type WebSocketServerOptions,
} from "./sockets/websocket-server.js";
export * from "./websocket/index.js";
