/** Package entry. */
export type { Access, AccessContext, AccessWord } from "./app/access.js";
export type * from "./app/app-shape.js";
export {
  type AllowOptions,
  type AnyJson,
  type ChannelDefinition,
  type ChannelOptions,
  channel,
  type HistoryOptions,
  type MapOptions,
  type PollContext,
  type PollFunction,
  type PollItem,
  type PollOptions,
  type PublishContext,
  type RemoveContext,
  type SubscribeContext,
} from "./app/channel.js";
export {
  App,
  type AppOptions,
  type AuthenticateContext,
  type AuthenticatedUser,
  type AuthenticateFunction,
  type Authentication,
  type ConnectContext,
  type ConnectResult,
  defineApp,
  jwt,
  Rejection,
  type RpcContext,
  type RpcDefinition,
  type RpcOptions,
  reject,
  rpc,
  type TokenAuthentication,
  type UntypedApp,
} from "./app/define-app.js";
export type { Schema, User } from "./app/hooks.js";
export type { TokenClaims } from "./auth/sign-token.js";
export { LmdbBroker, type LmdbBrokerOptions } from "./brokers/lmdb/lmdb-broker.js";
export { readStore } from "./brokers/lmdb/read-store.js";
export { MemoryBroker, type MemoryBrokerOptions } from "./brokers/memory/memory-broker.js";
export type * from "./channels/broker.js";
export type * from "./channels/cluster.js";
export type * from "./channels/log.js";
export { type ChannelKind, type ChannelRules, openRules, type RulesFor } from "./channels/rules.js";
export {
  type ChannelConfig,
  type CodeConfig,
  type DescribedConfig,
  defineConfig,
  type HoldfastConfig,
  type JwtConfig,
  type Secret,
} from "./config/define-config.js";
export { type ErrorCode, errorCodes, HoldfastError } from "./errors.js";
export type { ApiKey } from "./http/api/keys.js";
export type { AuditEntry, AuditEvent, AuditFacts, AuditFunction } from "./observe/audit.js";
export type { Logger, LogLevel } from "./observe/log.js";
export type { TracedOperation, TraceFacts, TraceMessage } from "./observe/traces.js";
export type { WhyAnswer, WhyCause, WhyEvidence, WhyQuestion } from "./observe/why-causes.js";
export type {
  CompressionOptions,
  RequestOptions,
  RingOptions,
  ServerOptions,
  StoreOptions,
} from "./options/options.js";
export type {
  EntryOf,
  HistoryChoices,
  PublicationOf,
  PublishChoices,
  PublishedPosition,
  RevocationChoices,
  UserTarget,
} from "./server/app-methods.js";
export { createServer } from "./server/create-server.js";
export type { ListeningAddress } from "./server/parts.js";
export type { HoldfastServer } from "./server/server.js";
export type { ServerStats } from "./server/server-stats.js";
export { type SignTokenOptions, signToken } from "./server/sign-token.js";
export {
  type Backup,
  backUpStore,
  type Compacted,
  type CopyProgress,
  compactStore,
  type DescribeStoreOptions,
  describeStore,
  type Restored,
  restoreStore,
  type StoredAmount,
  type StoreFault,
  type StoreReport,
  type StoreVerification,
  verifyStore,
} from "./server/store-tools.js";
export { version } from "./server/version.js";
export {
  type Authenticate,
  type Credentials,
  type Identity,
  type IdentityResult,
  insecureAuth,
} from "./sessions/identity.js";
export type { TlsOptions } from "./sockets/http-front.js";
export type { SocketOpening, SocketTrace, TraceSocket } from "./sockets/traced-stream.js";
export type { Clock, Duration } from "./time/clock.js";
export type * from "./wire/messages.js";
export type { JsonText, Payload } from "./wire/payload.js";
