"use client";
/** Entry of `@holdfast/client/react`: hooks for components. */
export {
  HoldfastProvider,
  type HoldfastProviderProps,
  useClient,
  useClientStatus,
} from "./holdfast-provider.js";
export {
  type UseChannelArguments,
  type UseChannelOptions,
  type UseChannelResult,
  useChannel,
} from "./use-channel.js";
export { type UseMapArguments, type UseMapOptions, type UseMapResult, useMap } from "./use-map.js";
