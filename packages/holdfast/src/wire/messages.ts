/**
 * What travels between client and server, as values: commands, replies and pushes of the client protocol
 * (Centrifuge protocol v2). The bytes are a codec's matter.
 */
import type { ReplyError } from "./codes.js";
import type { Payload } from "./payload.js";
import type { TagsFilter } from "./tags-filter.js";

/** A place in a channel's log. `offset` counts publications from 1; 0 is the place before the first. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** Why nothing was appended: the key has a value, has none, or has one of the same version or a later one. */
export type SuppressReason = "key_exists" | "key_not_found" | "version";

/** Who is behind a connection. */
export interface ClientInfo {
  /** User id; empty for an anonymous user. */
  readonly user: string;
  /** Connection id. */
  readonly client: string;
  readonly connInfo?: Payload;
  readonly chanInfo?: Payload;
}

export interface Publication {
  readonly offset: number;
  readonly data: Payload;
  /** The publisher, where that is a client. */
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
  /** When the log took it, Unix milliseconds. */
  readonly time: number;
  /** As readers of patches get it: `data` is the payload's text, or a patch of the one before. Never in a log. */
  readonly delta?: "full" | "patch";
}

/** Versions of one epoch count up; another epoch begins anew. */
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
  /** Where the client has read to in channels that the server had subscribed it to. */
  readonly subs?: ReadonlyMap<string, RecoverParams>;
}

/** A place that a client comes back to. */
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
  /** What is asked for and not there: a sentence without full stop. */
  readonly unsupported?: string;
  /** Bit 2 (value 2): answer an unrecoverable position with error 112. */
  readonly flag: number;
  /** With it, the subscription is one of a map, or of a list of who is there. */
  readonly map?: MapParams;
}

/** What lies behind the numbers of a subscription's `type`. */
export type MapType = "keys" | "clients" | "users";

/** One step on the way to a live subscription of a map: its state page by page, what came since, and live from there. */
export interface MapParams {
  readonly type: MapType;
  readonly phase: MapPhase;
  /** Where the page before ended, as the server said. */
  readonly cursor?: string;
  /** Most entries of a page; 0 for as many as the server gives. */
  readonly limit: number;
  /** Lowest score first. */
  readonly isAscending: boolean;
}

export type MapPhase = "live" | "stream" | "state";

export interface ChannelParams {
  readonly channel: string;
}

export interface PublishParams extends ChannelParams {
  /** What is asked for and not there: a sentence without full stop. */
  readonly unsupported?: string;
  readonly data: Payload;
  readonly key?: string;
  /** Whether it is meant for a map, or for another channel. Left out: for either. */
  readonly isForMap?: boolean;
  /** Removes the key; `data` is `null`. */
  readonly isRemoved?: true;
  /** Extension: a repeat with the same key has no effect. */
  readonly idempotencyKey?: string;
  /** From the server's own interfaces only. */
  readonly tags?: Readonly<Record<string, string>>;
  /** From the server's own interfaces only. @default what the channel's rules make of the data */
  readonly score?: number;
  /** From the server's own interfaces only: when the key has no value, or has one. */
  readonly keyMode?: "if_new" | "if_exists";
  /** From the server's own interfaces only: when it is greater than that of the key's value. */
  readonly keyVersion?: Version;
}

export interface RefreshParams {
  readonly token: string;
}

export interface SubRefreshParams extends ChannelParams {
  readonly token: string;
}

export interface RpcParams {
  readonly method: string;
  readonly data?: Payload;
}

export interface HistoryParams extends ChannelParams {
  /** 0: position only; −1: as many as the server gives. */
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

/** A command that wants a reply. */
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
  /** A known command with parameters that are not accepted. */
  | { readonly method: "invalid"; readonly id: number; readonly message: string };

export interface ConnectResult {
  readonly client: string;
  readonly version: string;
  /** Seconds between server pings. */
  readonly ping: number;
  /** Whether the client must answer pings. */
  readonly pong: boolean;
  /** By these, commands that come in requests of their own name the session and its server. */
  readonly session?: string;
  readonly node?: string;
  /** Seconds until the client has to refresh its token; undefined where it need not. */
  readonly ttl?: number;
  /** From the application. */
  readonly data?: Payload;
  /** What the server has subscribed the client to. */
  readonly subs?: ReadonlyMap<string, SubscribeResult>;
}

export interface RefreshResult {
  readonly client: string;
  readonly version: string;
  /** Seconds; undefined where nothing expires. */
  readonly ttl?: number;
}

export interface SubscribeResult {
  readonly recoverable: boolean;
  readonly positioned: boolean;
  readonly position: Position;
  readonly publications: readonly Publication[];
  readonly recovered: boolean;
  readonly wasRecovering: boolean;
  /** Seconds until the client has to refresh its token for the channel; undefined where it need not. */
  readonly ttl?: number;
  /** From the application. */
  readonly data?: Payload;
  /** Payloads come as JSON strings: the payload's text, or a patch of the one before. */
  readonly isDelta?: boolean;
  readonly map?: MapResult;
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
  /** The protocol says nothing of a publication; the result is there where nothing new was published. */
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
  | { readonly id: number; readonly method: "sub_refresh"; readonly result: { readonly ttl?: number } };

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
  /** To one client, in no channel. */
  | { readonly kind: "message"; readonly data: Payload }
  /** The answer to connect, for clients that only read. */
  | { readonly kind: "connect"; readonly result: ConnectResult }
  /** The connection ends with it, where the transport has no close codes of its own. */
  | { readonly kind: "disconnect"; readonly code: number; readonly reason: string };

/** What became of a publish. */
export interface Published {
  readonly position: Position;
  /** Whether its idempotency key had been used, so that nothing was published again. */
  readonly isDuplicate: boolean;
  /** Why nothing was published; the position is then where the log ended. */
  readonly suppressed?: string;
}

export interface PublishedFields extends Position {
  readonly is_duplicate?: true;
  readonly suppressed?: true;
  readonly suppress_reason?: string;
}

/** As it stands in an answer. */
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
 * Epochs are random ids, of visible characters but the quotation mark, as an entity tag can have them (RFC 9110 §8.8.3); an
 * empty one is whichever the channel has.
 */
const shape = /^([!#-~]{0,128}):(0|[1-9]\d{0,15})$/;

/** What is accepted, for messages. */
export const positionAdvice = "EPOCH:OFFSET, as an answer has them, such as d41d8cd9:42";

/** @returns undefined where it is none */
export function parsePosition(text: string): Position | undefined {
  const [, epoch, digits] = shape.exec(text) ?? [];
  const offset = Number(digits);
  return epoch === undefined || !Number.isSafeInteger(offset) ? undefined : { epoch, offset };
}

export function formatPosition({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`;
}
