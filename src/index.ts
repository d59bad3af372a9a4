/** Package entry. */
export { LmdbBroker, type LmdbBrokerOptions, type StoreLimits } from "./brokers/lmdb/lmdb-broker.js";
export { readStore } from "./brokers/lmdb/read-store.js";
export { MemoryBroker, type MemoryBrokerOptions } from "./brokers/memory/memory-broker.js";
export type * from "./channels/broker.js";
export { type ChannelKind, type ChannelRules, openRules, type RulesFor } from "./channels/rules.js";
export { type ErrorCode, errorCodes, HoldfastError } from "./errors.js";
export type { ServerOptions } from "./server/options.js";
export {
  createServer,
  type HoldfastServer,
  type ListeningAddress,
  type ServerStats,
} from "./server/server.js";
export { version } from "./server/version.js";
export {
  type Authenticate,
  believeClients,
  type Credentials,
  type Identity,
  type IdentityResult,
} from "./sessions/identity.js";
export type { SessionLimits, SessionTimes } from "./sessions/limits.js";
export type { Clock } from "./time/clock.js";
export type * from "./wire/messages.js";
