/** Entry of `holdfast/websocket`: the engine on its own, and a client for Node.js on it. */
export { WebSocketClient, WebSocketEvent } from "./transports/websocket-client.js";
export * from "./websocket/index.js";
