/**
 * Entry of `holdfast/app`: what describes an application, for modules that pages and servers share. Free of Node.js, in its types,
 * too.
 */
export type * from "./app/app-shape.js";
export { type AnyJson, type ChannelDefinition, type ChannelOptions, channel } from "./app/channel.js";
export {
  App,
  type AppOptions,
  defineApp,
  jwt,
  Rejection,
  type RpcDefinition,
  type RpcOptions,
  reject,
  rpc,
} from "./app/define-app.js";
export { type ErrorCode, errorCodes, HoldfastError } from "./errors.js";
