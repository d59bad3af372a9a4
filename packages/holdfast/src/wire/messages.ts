/**
 * Commands, replies and pushes of the client protocol (Centrifuge protocol v2), as values. Codecs turn them into bytes.
 */
import type { ReplyError } from "./codes.js";
import type { JsonText, Payload } from "./payload.js";
import type { TagsFilter } from "./tags-filter.js";

/** A place in a channel's log. `offset` counts publications from 1; 0 is the place before the first. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** Why nothing was appended: the key has a value, has none, or has the same version or a later one. */
export type SuppressReason = "key_exists" | "key_not_found" | "version";

/** Who is behind a connection. */
export interface ClientInfo {
  /** User id; empty for an anonymous user. */
  readonly user: string;
  /** Connection id. */
  readonly client: string;
  readonly connInfo?: JsonText;
  readonly chanInfo?: JsonText;
}

export interface Publication {
  readonly offset: number;
  readonly data: Payload;
  /** The publisher, if it is a client. */
  readonly info?: ClientInfo;
  readonly tags?: Readonly<Record<string, string>>;
  /** A newer publication with the same key replaces it. */
  readonly key?: string;
  /** The key is removed; `data` is `null`. In channels of kind `map`. */
  readonly isRemoved?: true;
  /** What the keys of a map are ordered by. */
  readonly score?: number;
  /** The publisher's own version of the key's value; not shown to clients. */
  readonly version?: Version;
  /** In polled channels: the version of the key's value, as clients are shown it. */
  readonly shownVersion?: number;
  /** When the log took it, Unix milliseconds. */
  readonly time: number;
  /** For readers that take patches: whether `data` is the whole payload or a patch of the previous one. Never set in a log. */
  readonly delta?: "full" | "patch";
}

/** Versions count up within an epoch; a new epoch restarts the count. */
export interface Version {
  readonly number: number;
  readonly epoch: string;
}

export interface ConnectParams {
  readonly token?: string;
  readonly data?: Payload;
  readonly name?: string;
  readonly version?: string;
  /** Header fields that a browser could not send. Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The client's positions in channels that the server had subscribed it to. */
  readonly subs?: ReadonlyMap<string, RecoverParams>;
}

/** The position that a client resumes from. */
export interface RecoverParams {
  readonly recover: boolean;
  readonly epoch: string;
  readonly offset: number;
}

export interface SubscribeParams extends RecoverParams {
  readonly channel: string;
  readonly token?: string;
  /** For the application. */
  readonly data?: Payload;
  readonly epoch: string;
  readonly offset: number;
  readonly positioned: boolean;
  readonly recoverable: boolean;
  readonly joinLeave: boolean;
  /** Which publications are wanted, by their tags. */
  readonly filter?: TagsFilter;
  /** Whether payloads may come as patches of the ones before. */
  readonly wantsDelta: boolean;
  /** An unsupported request, as a sentence without a full stop. */
  readonly unsupported?: string;
  /** Bit 2 (value 2): answer an unrecoverable position with error 112. */
  readonly flag: number;
  /** For a subscription to a map, or to a list of subscribers. */
  readonly map?: MapParams;
  /** For a subscription to a polled channel, whose client then says which keys it tracks. */
  readonly isPoll?: true;
}

/** The `type` of a map subscription, which is a number on the wire. */
export type MapType = "keys" | "clients" | "users";

/** One step towards a live map subscription: first the state page by page, then the changes since, then live. */
export interface MapParams {
  readonly type: MapType;
  readonly phase: MapPhase;
  /** The cursor that the previous page came with. */
  readonly cursor?: string;
  /** Most entries of a page; 0 for the server's limit. */
  readonly limit: number;
  /** Lowest score first. */
  readonly isAscending: boolean;
}

export type MapPhase = "live" | "stream" | "state";

export interface ChannelParams {
  readonly channel: string;
}

export interface PublishParams extends ChannelParams {
  /** An unsupported request, as a sentence without a full stop. */
  readonly unsupported?: string;
  readonly data: Payload;
  readonly key?: string;
  /** Whether the publisher expects a map, or expects none. Undefined: either. */
  readonly isForMap?: boolean;
  /** Removes the key; `data` is `null`. */
  readonly isRemoved?: true;
  /** Extension: a repeat with the same key has no effect. */
  readonly idempotencyKey?: string;
  /** Extension: the trace that the publish belongs to (W3C Trace Context). */
  readonly traceparent?: string;
  /** Server API only. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Server API only. @default derived from the data by the channel's rules */
  readonly score?: number;
  /** Server API only: publish only if the key has no value, or only if it has one. */
  readonly keyMode?: "if_new" | "if_exists";
  /** Server API only: publish only if this is greater than the version of the key's value; without a key, than that of the log. */
  readonly version?: Version;
  /** Server API only: for the readers of this moment, without an offset; nothing is stored. */
  readonly skipsHistory?: true;
}

export interface RefreshParams {
  readonly token: string;
}

export interface SubRefreshParams extends ChannelParams {
  readonly token: string;
  /** In a polled channel, instead of a token: keys to track from now on, and keys to track no longer. */
  readonly poll?: { readonly track: readonly TrackBatch[]; readonly untrack: readonly string[] };
}

/** Keys of a polled channel, which one signature of the application's back end is for. */
export interface TrackBatch {
  readonly signature: string;
  readonly items: readonly PolledKey[];
}

/** A key, and the version of its value that somebody has; 0 for none. */
export interface PolledKey {
  readonly key: string;
  readonly version: number;
}

export interface RpcParams {
  readonly method: string;
  readonly data?: Payload;
}

export interface HistoryParams extends ChannelParams {
  /** 0: position only; −1: up to the server's limit. */
  readonly limit: number;
  readonly since?: Position;
  readonly reverse: boolean;
}

interface CommandParams {
  connect: ConnectParams;
  subscribe: SubscribeParams;
  unsubscribe: ChannelParams;
  publish: PublishParams;
  presence: ChannelParams;
  presence_stats: ChannelParams;
  history: HistoryParams;
  ping: object;
  rpc: RpcParams;
  refresh: RefreshParams;
  sub_refresh: SubRefreshParams;
}

export type Method = keyof CommandParams;

/** A command that gets a reply. */
export type Request = {
  [M in Method]: { readonly id: number; readonly method: M; readonly params: CommandParams[M] };
}[Method];

export type RequestOf<M extends Method> = Extract<Request, { method: M }>;

export type Command =
  | Request
  /** The answer to a server ping. */
  | { readonly method: "pong" }
  /** A one-way message to the server. */
  | { readonly method: "send"; readonly data: Payload }
  /** A known command with invalid parameters. */
  | { readonly method: "invalid"; readonly id: number; readonly message: string };

export interface ConnectResult {
  readonly client: string;
  readonly version: string;
  /** Seconds between server pings. */
  readonly ping: number;
  /** Whether the client must answer pings. */
  readonly pong: boolean;
  /** What commands in separate requests name the session and its node by. */
  readonly session?: string;
  readonly node?: string;
  /** Seconds until the client must refresh its token; undefined if it need not. */
  readonly ttl?: number;
  /** From the application. */
  readonly data?: Payload;
  /** Channels that the server has subscribed the client to. */
  readonly subs?: ReadonlyMap<string, SubscribeResult>;
}

export interface RefreshResult {
  readonly client: string;
  readonly version: string;
  /** Seconds; undefined if nothing expires. */
  readonly ttl?: number;
}

export interface SubscribeResult {
  readonly recoverable: boolean;
  readonly positioned: boolean;
  readonly position: Position;
  readonly publications: readonly Publication[];
  readonly recovered: boolean;
  readonly wasRecovering: boolean;
  /** Seconds until the client must refresh its token for the channel; undefined if it need not. */
  readonly ttl?: number;
  /** From the application. */
  readonly data?: Payload;
  /** Payloads come as JSON strings, each the payload's text or a patch of the previous one. */
  readonly isDelta?: boolean;
  /** How long the client is to gather publications, of which it then sends the last of each key. */
  readonly publishDebounceMs?: number;
  readonly map?: MapResult;
  /** A polled channel. */
  readonly isPoll?: true;
}

export interface MapResult {
  readonly phase: MapPhase;
  /** Values of keys, in the map's order. */
  readonly state: readonly Publication[];
  /** Where the next page begins; undefined after the last one. */
  readonly cursor?: string;
}

export interface HistoryResult {
  readonly publications: readonly Publication[];
  readonly position: Position;
}

export type Reply =
  | { readonly id: number; readonly error: ReplyError }
  | { readonly id: number; readonly method: "connect"; readonly result: ConnectResult }
  | { readonly id: number; readonly method: "subscribe"; readonly result: SubscribeResult }
  | { readonly id: number; readonly method: "unsubscribe" }
  /** The protocol's reply has no fields; the result is set only if nothing new was published. */
  | { readonly id: number; readonly method: "publish"; readonly result?: Published }
  | { readonly id: number; readonly method: "presence"; readonly result: readonly ClientInfo[] }
  | {
      readonly id: number;
      readonly method: "presence_stats";
      readonly result: { readonly numClients: number; readonly numUsers: number };
    }
  | { readonly id: number; readonly method: "history"; readonly result: HistoryResult }
  | { readonly id: number; readonly method: "rpc"; readonly result: Payload }
  | { readonly id: number; readonly method: "refresh"; readonly result: RefreshResult }
  | { readonly id: number; readonly method: "sub_refresh"; readonly result: SubRefreshResult };

export interface SubRefreshResult {
  readonly ttl?: number;
  /** Values of tracked keys that the client lacks. */
  readonly items?: readonly Publication[];
}

export type Push =
  | {
      readonly channel: string;
      readonly kind: "pub";
      readonly publication: Publication;
      readonly epoch: string;
    }
  | { readonly channel: string; readonly kind: "join" | "leave"; readonly info: ClientInfo }
  | {
      readonly channel: string;
      readonly kind: "unsubscribe";
      readonly code: number;
      readonly reason: string;
    }
  /** The server has subscribed the client to a channel. */
  | {
      readonly channel: string;
      readonly kind: "subscribe";
      readonly recoverable: boolean;
      readonly positioned: boolean;
      readonly position: Position;
      readonly data?: Payload;
    }
  /** To one client, outside any channel. */
  | { readonly kind: "message"; readonly data: Payload }
  /** The connect result, for clients that only read. */
  | { readonly kind: "connect"; readonly result: ConnectResult }
  /** Ends the connection, on transports without close codes. */
  | { readonly kind: "disconnect"; readonly code: number; readonly reason: string };

/** The outcome of a publish. */
export interface Published {
  readonly position: Position;
  /** Whether the idempotency key was used before, so that nothing new was published. */
  readonly isDuplicate: boolean;
  /** Why nothing was published; the position is then the head of the log. */
  readonly suppressed?: string;
}

export interface PublishedFields extends Position {
  readonly is_duplicate?: true;
  readonly suppressed?: true;
  readonly suppress_reason?: string;
}

/** The outcome as the fields of a reply. */
export function toPublishedFields({ position, isDuplicate, suppressed }: Published): PublishedFields {
  return {
    ...position,
    ...(isDuplicate && { is_duplicate: true }),
    ...(suppressed !== undefined && { suppressed: true, suppress_reason: suppressed }),
  };
}

/** Whether a new publication was appended. */
export function isNewlyPublished({ isDuplicate, suppressed }: Published): boolean {
  return !isDuplicate && suppressed === undefined;
}

/**
 * An epoch is a random id of visible characters without quotation marks, so that it fits an entity tag (RFC 9110 §8.8.3). An
 * empty one stands for the channel's current epoch.
 */
const positionPattern = /^([!#-~]{0,128}):(0|[1-9]\d{0,15})$/;

/** The accepted form, for error texts. */
export const positionFormat = "EPOCH:OFFSET from an earlier response, such as d41d8cd9:42";

/** @returns undefined if the text is not a position */
export function parsePosition(text: string): Position | undefined {
  const [, epoch, digits] = positionPattern.exec(text) ?? [];
  const offset = Number(digits);
  return epoch === undefined || !Number.isSafeInteger(offset) ? undefined : { epoch, offset };
}

export function formatPosition({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`;
}
