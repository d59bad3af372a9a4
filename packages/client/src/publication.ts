/** What channels carry, as this client's listeners get it. */
import type { PublicationContext, ClientInfo as SdkClientInfo } from "centrifuge";
import type { Position } from "../../holdfast/src/wire/messages.js";

/** Who is behind a connection. */
export interface ClientInfo {
  /** Connection id. */
  readonly client: string;
  /** User id; empty for an anonymous user. */
  readonly user: string;
  readonly connInfo?: unknown;
  readonly chanInfo?: unknown;
}

export interface Publication<Data = unknown> {
  readonly channel: string;
  readonly data: Data;
  /** Its place in the channel's log, if there is one. */
  readonly offset?: number;
  /** The publisher, where that is a client. */
  readonly info?: ClientInfo;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface HistoryPage<Data = unknown> {
  readonly publications: readonly Publication<Data>[];
  /** Where the channel stands. */
  readonly position: Position;
}

export interface PresenceStats {
  readonly numClients: number;
  /** Distinct user ids; anonymous clients together count as one. */
  readonly numUsers: number;
}

/** The data is as the server's schema made it; nothing here checks it again. */
export function toPublication<Data>(context: PublicationContext): Publication<Data> {
  const { channel, offset, info, tags } = context;
  const data = context.data as Data;
  return {
    channel,
    data,
    ...(offset !== undefined && { offset }),
    ...(info && { info: toClientInfo(info) }),
    ...(tags && { tags }),
  };
}

export function toClientInfo({ client, user, connInfo, chanInfo }: SdkClientInfo): ClientInfo {
  return {
    client,
    user,
    ...(connInfo !== undefined && { connInfo: connInfo as unknown }),
    ...(chanInfo !== undefined && { chanInfo: chanInfo as unknown }),
  };
}
