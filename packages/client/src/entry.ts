/** What both entries of `@holdfast/client` export. */
export { type ErrorCode, HoldfastError } from "../../holdfast/src/errors.js";
export type { Position } from "../../holdfast/src/wire/messages.js";
export { Channel, type HistoryChoices } from "./channel.js";
export { Client, type ParamsArgument, type RpcArgument } from "./client.js";
export type { OnError } from "./listeners.js";
export { LiveMap } from "./live-map.js";
export type { MapChange, MapEntry } from "./map-entry.js";
export type { MapSubscribeOptions } from "./map-subscribe-options.js";
export type { ClientOptions, WebSocketClass } from "./options.js";
export type { ClientInfo, HistoryPage, PresenceStats, Publication } from "./publication.js";
export type { IterationOptions } from "./publication-iterator.js";
export type { PublishChoices, PublishedPosition } from "./publish-queue.js";
export type { MapListeners } from "./shared-map.js";
export type { ChannelListeners } from "./shared-subscription.js";
export type { ChannelStatus, ClientStatus, SubscribedStatus } from "./status.js";
export type { FilterNode, SubscribeOptions } from "./subscribe-options.js";
export type { TokenSource } from "./token-source.js";
