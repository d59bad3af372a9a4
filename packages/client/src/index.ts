/** Entry of `@holdfast/client` in browsers, and on other platforms with a global WebSocket. */
import type { AnyApp } from "../../holdfast/src/app/app-shape.js";
import type { Client } from "./client.js";
import { createClient } from "./connect.js";
import type { OptionsArgument } from "./options.js";

export type { AnyApp, AnyChannel, AnyMethod } from "../../holdfast/src/app/app-shape.js";
export { type ErrorCode, HoldfastError } from "../../holdfast/src/errors.js";
export type { Position } from "../../holdfast/src/wire/messages.js";
export { Channel, type HistoryQuery } from "./channel.js";
export type { ChannelListeners } from "./channel-subscription.js";
export { Client, type ParamsArgument, type RpcArgument } from "./client.js";
export type {
  ChannelStatus,
  ClientInfo,
  ClientStatus,
  HistoryPage,
  MapChange,
  MapEntry,
  PresenceStats,
  Publication,
  SubscribedStatus,
} from "./from-sdk.js";
export type { OnError } from "./listeners.js";
export { LiveMap } from "./live-map.js";
export type { MapListeners, MapSubscribeOptions } from "./map-subscription.js";
export type { ClientOptions, OptionsArgument, TokenSource, WebSocketClass } from "./options.js";
export { bytesOf } from "./payload.js";
export type { IterationOptions } from "./publication-iterator.js";
export type { PublishedPosition, PublishOptions } from "./publish-queue.js";
export type { FilterNode, SubscribeOptions } from "./subscribe-options.js";

/**
 * Makes a client of a server. It connects when it is first used, or when `connect` is called, and reconnects by itself; so it may be
 * made in a module that is also loaded for server-side rendering.
 * @typeParam A the server's application: `typeof app`
 * @param url address of the server, such as "http://localhost:8000" (or https, ws, wss); with a path, that of the WebSocket.
 * @default in a page, the server of the page
 * @throws HF_OPTION_INVALID if an option is invalid
 */
export function connect<A extends AnyApp = AnyApp>(
  url?: string | URL,
  ...[options = {}]: OptionsArgument<A>
): Client<A> {
  return createClient(url, options);
}
