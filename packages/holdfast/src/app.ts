/**
 * Entry of `holdfast/app`: what describes an application, for modules that pages and servers share. Nothing of Node.js is in it,
 * neither when it runs nor in its types.
 */
export { type ChannelDefinition, type ChannelOptions, channel } from "./app/channel.js";
export { App, type AppOptions, defineApp, jwt } from "./app/define-app.js";
export { Rejection, reject } from "./app/rejection.js";
export { type RpcDefinition, type RpcOptions, rpc } from "./app/rpc.js";
export type * from "./app/types.js";
export { type ErrorCode, errorCodes, HoldfastError } from "./errors.js";
