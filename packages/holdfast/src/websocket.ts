/** Entry of `holdfast/websocket`: server and client on sockets of Node.js, and below them the protocol without I/O. */

export {
  type DeflateSettings,
  defaultDeflateSettings,
  defaultSocketSettings,
  resolveDeflate,
} from "./options/websocket.js";
export type { ConnectionOptions, DeflateOptions, SocketOptions } from "./options/websocket-options.js";
// A server.
export type { TlsOptions } from "./sockets/http-front.js";
export type { AttachableServer } from "./sockets/http-upgrade.js";
// Both.
export type { MessageIterator } from "./sockets/message-iterator.js";
export type { OpeningRequest, UpgradeRequest } from "./sockets/opening-request.js";
export { broadcast, type ServerWebSocket } from "./sockets/server-web-socket.js";
// A client.
export {
  CloseEvent,
  ErrorEvent,
  WebSocket,
  type WebSocketData,
  type WebSocketOptions,
} from "./sockets/web-socket.js";
export {
  type ListenOptions,
  type Refusal,
  WebSocketServer,
  type WebSocketServerOptions,
} from "./sockets/websocket-server.js";
// The protocol without I/O.
export {
  type CloseStatus,
  type ConnectionEvent,
  type ConnectionState,
  type EventReceiver,
  type Role,
  WebSocketConnection,
} from "./websocket/connection.js";
export type { Deflate } from "./websocket/deflate.js";
export { CloseCode } from "./websocket/frame.js";
export type { DeflateAgreement, RawHeaders } from "./websocket/handshake-fields.js";
export { defaultMessageLimits, type MessageData, PreparedMessage } from "./websocket/message.js";
export {
  type Agreement,
  acceptExtendedConnect,
  acceptUpgrade,
  type ClientHandshake,
  type ClientHandshakeResult,
  checkConnectResponse,
  checkUpgradeResponse,
  createUpgrade,
  type Rejection,
  reject,
  rejectionResponse,
  type ServerHandshake,
  type ServerHandshakeOptions,
  type UpgradeResponse,
} from "./websocket/opening-handshake.js";
