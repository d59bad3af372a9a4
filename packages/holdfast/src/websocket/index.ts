/** The WebSocket engine without I/O: what other folders, and users of `holdfast/websocket`, may import. */
export { acceptValueFor, createWebSocketKey } from "./accept-key.js";
export {
  type ClientHandshake,
  type ClientHandshakeResult,
  checkConnectResponse,
  checkUpgradeResponse,
  createUpgrade,
  type UpgradeResponse,
} from "./client-handshake.js";
export { CloseCode, isSendableCloseCode, maxCloseReasonBytes } from "./close-code.js";
export {
  type CloseStatus,
  type ConnectionEvent,
  type ConnectionState,
  type EventReceiver,
  type Role,
  WebSocketConnection,
} from "./connection.js";
export { Compressor } from "./deflate/compressor.js";
export { acceptOffer, type DeflateAgreement } from "./deflate/negotiation.js";
export {
  type DeflateOptions,
  type DeflateSettings,
  defaultDeflateSettings,
  resolveDeflate,
} from "./deflate/options.js";
export { canKeepContext } from "./deflate/zlib-stream.js";
export { encodeFrame, Opcode } from "./frame.js";
export { fieldValues, type RawHeaders } from "./http-headers.js";
export { type ConnectionOptions, type Deflate, defaultConnectionLimits } from "./options.js";
export { type MessageData, PreparedMessage } from "./prepared-message.js";
export {
  type Agreement,
  acceptExtendedConnect,
  acceptUpgrade,
  bodyFields,
  type Rejection,
  reject,
  rejectionResponse,
  type ServerHandshake,
  type ServerHandshakeOptions,
  type UpgradeRequest,
} from "./server-handshake.js";
