/** The WebSocket engine without I/O: what other folders, and users of `holdfast/websocket`, may import. */
export { acceptValueFor, createWebSocketKey } from "./accept-key.js";
export {
  type ClientHandshake,
  type ClientHandshakeResult,
  checkUpgradeResponse,
  createUpgrade,
  type UpgradeResponse,
} from "./client-handshake.js";
export { CloseCode, isSendableCloseCode, maxCloseReasonBytes } from "./close-code.js";
export {
  type CloseStatus,
  type ConnectionEvent,
  type ConnectionState,
  type Role,
  WebSocketConnection,
} from "./connection.js";
export { encodeFrame, Opcode } from "./frame.js";
export { fieldValues, type RawHeaders } from "./http-headers.js";
export { type ConnectionOptions, defaultConnectionLimits } from "./options.js";
export {
  acceptUpgrade,
  type Rejection,
  reject,
  rejectionResponse,
  type ServerHandshake,
  type ServerHandshakeOptions,
  type UpgradeRequest,
} from "./server-handshake.js";
