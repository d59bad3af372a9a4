"use client";
/** Entry of `@holdfast/client/react`: hooks for components that show channels. */
export { HoldfastProvider, type HoldfastProviderProps, useClient } from "./holdfast-provider.js";
export {
  type UseChannelArguments,
  type UseChannelOptions,
  type UsedChannel,
  useChannel,
} from "./use-channel.js";
export { useClientStatus } from "./use-client-status.js";
export { type UsedMap, type UseMapArguments, type UseMapOptions, useMap } from "./use-map.js";
