/**
 * What the SDK reports, as this client's own types: publications, clients, the status of subscriptions, and errors. The only place
 * that knows the SDK's shapes.
 */
import type {
  PublicationContext,
  ClientInfo as SdkClientInfo,
  MapEntry as SdkMapEntry,
  SubscribedContext,
} from "centrifuge";
import { HoldfastError, messageOf } from "../../holdfast/src/errors.js";
import type { Position } from "../../holdfast/src/wire/messages.js";
import type { ChannelPayloads } from "./payload.js";

/** A connected client. */
export interface ClientInfo {
  /** Connection id. */
  readonly client: string;
  /** User id; empty for an anonymous user. */
  readonly user: string;
  /** The `info` of the user. */
  readonly connInfo?: unknown;
  /** What a subscription's token says of the client in this channel. */
  readonly chanInfo?: unknown;
}

export interface Publication<Data = unknown> {
  readonly channel: string;
  readonly data: Data;
  /** Its place in the channel's log, if the channel has one. */
  readonly offset?: number;
  /** The publisher, unless the server published it. */
  readonly info?: ClientInfo;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface HistoryPage<Data = unknown> {
  readonly publications: readonly Publication<Data>[];
  /** The head of the channel's log. */
  readonly position: Position;
}

export interface PresenceStats {
  readonly numClients: number;
  /** Distinct user ids; all anonymous clients count as one. */
  readonly numUsers: number;
}

/** A key of a map, and its value. */
export interface MapEntry<Data = unknown> extends Publication<Data> {
  readonly key: string;
}

export type MapChange<Data = unknown> =
  /** All entries are new: at first, and after a break that was too long to recover from. */
  | { readonly kind: "reset" }
  | { readonly kind: "set"; readonly entry: MapEntry<Data> }
  | { readonly kind: "remove"; readonly key: string };

/** `disconnected` is final until `connect` is called: the client was closed, or the server refuses it. */
export type ClientStatus =
  | { readonly state: "connecting"; readonly code: number; readonly reason: string }
  | {
      readonly state: "connected";
      /** Connection id. */
      readonly client: string;
      /** From the application's `onConnect`. */
      readonly data?: unknown;
    }
  | { readonly state: "disconnected"; readonly code: number; readonly reason: string };

/** `unsubscribed` is final: nothing here subscribes any longer (code 0), or the server refuses it. */
export type ChannelStatus =
  | { readonly state: "unsubscribed"; readonly code: number; readonly reason: string }
  | { readonly state: "subscribing"; readonly code: number; readonly reason: string }
  | SubscribedStatus;

export interface SubscribedStatus {
  readonly state: "subscribed";
  /** Whether the subscription tried to continue where it broke off. */
  readonly wasRecovering: boolean;
  /** Whether everything that was missed follows; false also if recovery was not tried. */
  readonly recovered: boolean;
  /** The head of the channel's log, if the channel has one. */
  readonly position?: Position;
  /** From the channel's `subscribe` hook. */
  readonly data?: unknown;
}

export const subscribing: ChannelStatus = Object.freeze({
  state: "subscribing",
  code: 0,
  reason: "subscribe called",
});

export const notSubscribed: ChannelStatus = Object.freeze({
  state: "unsubscribed",
  code: 0,
  reason: "not subscribed",
});

export function toClientInfo({ client, user, connInfo, chanInfo }: SdkClientInfo): ClientInfo {
  return {
    client,
    user,
    ...(connInfo !== undefined && { connInfo: connInfo as unknown }),
    ...(chanInfo !== undefined && { chanInfo: chanInfo as unknown }),
  };
}

/** The server has checked the data with the channel's schema; it is not checked again. @throws HF_OPTION_INVALID for data that is no bytes */
export function toPublication<Data>(
  context: PublicationContext,
  payloads: ChannelPayloads,
): Publication<Data> {
  const { channel, offset, info, tags } = context;
  const data = payloads.read(channel, context.data) as Data;
  return {
    channel,
    data,
    ...(offset !== undefined && { offset }),
    ...(info && { info: toClientInfo(info) }),
    ...(tags && { tags }),
  };
}

/** @throws HF_OPTION_INVALID for data that is no bytes */
export function toMapEntry(context: SdkMapEntry, payloads: ChannelPayloads): MapEntry {
  return { ...toPublication(context, payloads), key: context.key };
}

export function toSubscribed(context: SubscribedContext): SubscribedStatus {
  const { wasRecovering, recovered, streamPosition, data } = context;
  return {
    state: "subscribed",
    wasRecovering,
    recovered,
    ...(streamPosition && { position: streamPosition }),
    ...(data !== undefined && { data: data as unknown }),
  };
}

/** Lower codes are the SDK's own: the connection broke, or no answer came in time. */
const minServerCode = 100;
const timeoutCode = 1;

interface SdkError {
  readonly code: number;
  readonly message: string;
  readonly isTemporary: boolean;
}

function readSdkError(error: unknown): SdkError {
  const { code, temporary } = (typeof error === "object" && error !== null ? error : {}) as {
    code?: unknown;
    temporary?: unknown;
  };
  const { message = messageOf(error) } = (error ?? {}) as { message?: string };
  return { code: typeof code === "number" ? code : 0, message, isTemporary: temporary === true };
}

/** Whether the server refused, and would refuse again. */
export function isRefusal(error: unknown): boolean {
  const { code, isTemporary } = readSdkError(error);
  return code >= minServerCode && !isTemporary;
}

/** @param what begins the message: what was asked for */
export function toHoldfastError(error: unknown, what: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const { code, message, isTemporary } = readSdkError(error);
  if (code >= minServerCode)
    return new HoldfastError("HF_REQUEST_REFUSED", `${what} was refused: ${message} (code ${code})`, {
      cause: error,
      details: { code, isTemporary },
    });
  if (code === timeoutCode)
    return new HoldfastError("HF_CLIENT_TIMEOUT", `${what} got no answer in time`, { cause: error });
  return new HoldfastError(
    "HF_CLIENT_CONNECTION",
    `the connection broke before ${what} was answered (${message}); it may have been carried out`,
    { cause: error },
  );
}

/** @param what begins the message: what the server ended for good */
export function endedByServer(what: string, code: number, reason: string): HoldfastError {
  return new HoldfastError("HF_REQUEST_REFUSED", `${what}: ${reason} (code ${code})`, {
    details: { code, isTemporary: false },
  });
}
