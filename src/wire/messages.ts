/**
 * What travels between client and server, as values: commands, replies and pushes of the client protocol
 * (Centrifuge protocol v2). The bytes are a codec's matter.
 */
import type { ReplyError } from "./codes.js";

/**
 * One JSON value as text, without raw line breaks. Written anew when it comes in, so numbers are as JavaScript has them,
 * and text from there to all subscribers.
 */
export type JsonText = string;

/** A place in a channel's log. `offset` counts publications from 1; 0 is the place before the first. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

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
  readonly data: JsonText;
  /** The publisher, where that is a client. */
  readonly info?: ClientInfo;
  readonly tags?: Readonly<Record<string, string>>;
  /** What it is about, where a newer one with the same key takes its place. */
  readonly key?: string;
  /** When the log took it, Unix milliseconds. */
  readonly time: number;
}

export interface ConnectParams {
  readonly token?: string;
  readonly data?: JsonText;
  readonly name?: string;
  readonly version?: string;
}

export interface SubscribeParams {
  readonly channel: string;
  readonly token?: string;
  readonly recover: boolean;
  readonly epoch: string;
  readonly offset: number;
  readonly positioned: boolean;
  readonly recoverable: boolean;
  readonly joinLeave: boolean;
  /** What is asked for and not there: a sentence without full stop. */
  readonly unsupported?: string;
  /** Bit 2 (value 2): answer an unrecoverable position with error 112. */
  readonly flag: number;
}

export interface ChannelParams {
  readonly channel: string;
}

export interface PublishParams extends ChannelParams {
  /** What is asked for and not there: a sentence without full stop. */
  readonly unsupported?: string;
  readonly data: JsonText;
  readonly key?: string;
  /** Extension: a repeat with the same key has no effect. */
  readonly idempotencyKey?: string;
}

export interface RpcParams {
  readonly method: string;
  readonly data?: JsonText;
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
  refresh: object;
  sub_refresh: object;
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
  | { readonly method: "send" }
  /** A known command with parameters that are not accepted. */
  | { readonly method: "invalid"; readonly id: number; readonly message: string };

export interface ConnectResult {
  readonly client: string;
  readonly version: string;
  /** Seconds between server pings. */
  readonly ping: number;
  /** Whether the client must answer pings. */
  readonly pong: boolean;
}

export interface SubscribeResult {
  readonly recoverable: boolean;
  readonly positioned: boolean;
  readonly position: Position;
  readonly publications: readonly Publication[];
  readonly recovered: boolean;
  readonly wasRecovering: boolean;
}

export interface HistoryResult {
  readonly publications: readonly Publication[];
  readonly position: Position;
}

export type Reply =
  | { readonly id: number; readonly error: ReplyError }
  | { readonly id: number; readonly method: "connect"; readonly result: ConnectResult }
  | { readonly id: number; readonly method: "subscribe"; readonly result: SubscribeResult }
  | { readonly id: number; readonly method: "unsubscribe" | "publish" }
  | { readonly id: number; readonly method: "presence"; readonly result: readonly ClientInfo[] }
  | {
      readonly id: number;
      readonly method: "presence_stats";
      readonly result: { readonly numClients: number; readonly numUsers: number };
    }
  | { readonly id: number; readonly method: "history"; readonly result: HistoryResult }
  | { readonly id: number; readonly method: "rpc"; readonly result: JsonText };

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
    };
