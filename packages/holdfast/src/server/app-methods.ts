/**
 * What a program does with the channels and users of the server it embeds. The server asks itself for no permission;
 * data is checked with the channel's schema, unless a `publish` hook makes something else of it for clients.
 */
import type { ChannelData, ChannelName } from "../app/app-shape.js";
import type { App } from "../app/define-app.js";
import { toJsonText } from "../app/hooks.js";
import type { PresenceStats } from "../channels/broker.js";
import type { SessionTarget } from "../channels/cluster.js";
import type { PublishResult, SuppressReason } from "../channels/log.js";
import { HoldfastError, messageOf } from "../errors.js";
import type { ApiTools } from "../http/api/api-method.js";
import type { WhyAnswer, WhyQuestion } from "../observe/why-causes.js";
import type { SessionContext } from "../sessions/context.js";
import type { ChannelUse, Control, NodesReport } from "../sessions/control.js";
import { type Disconnect, disconnect, type ReplyError } from "../wire/codes.js";
import type { ClientInfo, Position, Publication } from "../wire/messages.js";
import { type Payload, parsePayload } from "../wire/payload.js";
import { why } from "./why.js";

export interface PublishChoices {
  /** A repeat with the same key by this program has no effect, and resolves with the first result. */
  readonly idempotencyKey?: string;
  /** Tags that readers can filter by. */
  readonly tags?: Readonly<Record<string, string>>;
  /** In maps, the key to set. In channels of kind `latest`, a newer publication with the same key replaces it. */
  readonly key?: string;
  /** In maps: the score that orders the key. @default computed by the channel from the data */
  readonly score?: number;
  /** In maps: publish only if the key has no value, or only if it has one. */
  readonly keyMode?: "if_new" | "if_exists";
}

/** The position of a publication. */
export interface PublishedPosition extends Position {
  /** The idempotency key was used before, and nothing was published. */
  readonly isDuplicate?: true;
  /**
   * Nothing was published, and the position is the head of the log: the key has a value (`key_exists`) or has none
   * (`key_not_found`), by `keyMode`.
   */
  readonly suppressed?: SuppressReason;
}

/** The value of a map's key. */
export interface EntryOf<Data> extends PublicationOf<Data> {
  readonly key: string;
  readonly score?: number;
}

export interface HistoryChoices {
  /** @default the server's limit */
  readonly limit?: number;
  readonly since?: Position;
  /** @default false */
  readonly reverse?: boolean;
}

export interface PublicationOf<Data> {
  readonly data: Data;
  readonly offset: number;
  /** The publisher, if it is a client. */
  readonly info?: ClientInfo;
  readonly tags?: Readonly<Record<string, string>>;
  readonly key?: string;
  /** Unix milliseconds. */
  readonly time: number;
}

export interface RevocationChoices {
  readonly user?: string;
  readonly tokenId?: string;
  /** Unix milliseconds, rounded up to a whole second, the resolution of tokens. */
  readonly issuedBefore?: number;
}

/** A user with all connections, or a single connection. */
export type UserTarget = string | SessionTarget;

/** @typeParam A the application; its channels give the types */
export abstract class AppMethods<A extends App> {
  protected abstract readonly control: Control;
  protected abstract readonly context: SessionContext;
  /** Undefined without tokens. */
  protected abstract readonly revoking: ApiTools["revoke"];

  /**
   * Resolves with the publication's position once it is as durable as the channel asks.
   * @throws HF_REQUEST_REFUSED with the protocol's code in `details`, where the channel or the data is not accepted
   */
  async publish<N extends ChannelName<A>>(
    channel: N,
    data: ChannelData<A, N>,
    choices: PublishChoices = {},
  ): Promise<PublishedPosition> {
    return toPosition(accepted(await this.control.publish({ channel, data: payloadOf(data), ...choices })));
  }

  /** Publishes the same data in several channels, independently. */
  async broadcast<N extends ChannelName<A>>(
    channels: readonly N[],
    data: ChannelData<A, N>,
    choices: PublishChoices = {},
  ): Promise<readonly PublishedPosition[]> {
    const results = await this.control.broadcast(channels, { data: payloadOf(data), ...choices });
    return results.map((result) => toPosition(accepted(result)));
  }

  /**
   * Removes a key of a map.
   * @returns whether it had a value
   */
  async remove(
    channel: ChannelName<A>,
    key: string,
    choices: Pick<PublishChoices, "idempotencyKey"> = {},
  ): Promise<boolean> {
    const removal = { channel, key, data: "null", isRemoved: true, ...choices } as const;
    return accepted(await this.control.publish(removal)).suppressed === undefined;
  }

  /** All keys of a map with their values, in its order, page by page. */
  async *entries<N extends ChannelName<A>>(channel: N): AsyncGenerator<EntryOf<ChannelData<A, N>>> {
    let cursor: string | undefined;
    do {
      const page = accepted(
        await this.control.maps.read({ channel, ...(cursor !== undefined && { cursor }) }),
      );
      for (const each of page.publications) yield toPublication(each) as EntryOf<ChannelData<A, N>>;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  /** The value of a key; undefined if it has none. */
  async entry<N extends ChannelName<A>>(
    channel: N,
    key: string,
  ): Promise<EntryOf<ChannelData<A, N>> | undefined> {
    const value = await this.control.maps.value(channel, key);
    return value && (toPublication(accepted(value)) as EntryOf<ChannelData<A, N>>);
  }

  /** Removes all keys of a map. */
  async clear(channel: ChannelName<A>): Promise<void> {
    const error = await this.control.maps.clear(channel);
    if (error) throw refused(error);
  }

  async presence(channel: ChannelName<A>): Promise<readonly ClientInfo[]> {
    return accepted(await this.control.presence(channel));
  }

  async presenceStats(channel: ChannelName<A>): Promise<PresenceStats> {
    return accepted(await this.control.presenceStats(channel));
  }

  async history<N extends ChannelName<A>>(
    channel: N,
    { limit = -1, since, reverse = false }: HistoryChoices = {},
  ): Promise<{
    readonly publications: readonly PublicationOf<ChannelData<A, N>>[];
    readonly position: Position;
  }> {
    const page = accepted(await this.control.history({ channel, limit, reverse, ...(since && { since }) }));
    return { publications: page.publications.map((each) => toPublication(each)), position: page.position };
  }

  /** Removes the channel's history; its position is kept. */
  async removeHistory(channel: ChannelName<A>): Promise<void> {
    const error = await this.control.removeHistory(channel);
    if (error) throw refused(error);
  }

  /** Subscribes a user's connections, regardless of the channel's access rules. */
  async subscribe(user: UserTarget, channel: ChannelName<A>): Promise<void> {
    await settle(this.control.subscribe(channel, toTarget(user)));
  }

  /** @param channel omitted for all channels */
  async unsubscribe(user: UserTarget, channel?: ChannelName<A>): Promise<void> {
    await settle(this.control.unsubscribe(toTarget(user), channel));
  }

  /** @param reason clients reconnect after codes 3000–3499 and 4000–4499, and not after others. @default 3503 */
  disconnect(user: UserTarget, reason: Disconnect = disconnect("forceDisconnect")): Promise<void> {
    if (reason.reason === "")
      throw new HoldfastError(
        "HF_OPTION_INVALID",
        "disconnect needs a non-empty reason, or SDKs would reconnect",
      );
    return settle(this.control.disconnect(toTarget(user), reason));
  }

  /**
   * Makes tokens invalid, and ends the connections that came with them: all of a user, those issued before a moment, both
   * together, or one by its id (`jti`). Resolves when it will outlast the process, where there is a store.
   * @throws HF_SERVER_STATE where the application has no tokens; HF_OPTION_INVALID, HF_REVOCATIONS_FULL
   */
  async revoke({ user, tokenId, issuedBefore }: RevocationChoices): Promise<void> {
    if (this.revoking === undefined)
      throw new HoldfastError("HF_SERVER_STATE", "the application has no tokens to revoke");
    const byId = tokenId !== undefined;
    if (byId === (user !== undefined || issuedBefore !== undefined))
      throw new HoldfastError(
        "HF_OPTION_INVALID",
        "revoke takes a user, or issuedBefore, or both, or a tokenId alone",
      );
    const error = await this.revoking({
      ...(user !== undefined && { user }),
      ...(tokenId !== undefined && { token_id: tokenId }),
      ...(issuedBefore !== undefined && { issued_before: Math.ceil(issuedBefore / 1000) }),
    });
    if (error) throw refused(error);
  }

  /** Sends a message to a user's connections, outside channels. */
  send(user: UserTarget, data: unknown): Promise<void> {
    return settle(this.control.send(toTarget(user), payloadOf(data)));
  }

  /**
   * Channels with subscribers on any node.
   * @param pattern of names: `*` matches any characters, `?` exactly one
   */
  async channels(pattern?: string): Promise<readonly ChannelUse[]> {
    return accepted(await this.control.channels(pattern));
  }

  /**
   * Why a user did or did not get a publication: by default the newest of the channel.
   * @throws HF_BROKER_UNAVAILABLE if the log cannot be read
   */
  why(question: WhyQuestion): Promise<WhyAnswer> {
    return why(this.context, question);
  }

  /** The nodes of the server, this one included. */
  async nodes(): Promise<NodesReport> {
    return await this.control.nodes();
  }
}

function toTarget(user: UserTarget): SessionTarget {
  return typeof user === "string" ? { user } : user;
}

/** A copy of bytes, and anything else as JSON. @throws HF_OPTION_INVALID if it cannot be expressed in JSON */
function payloadOf(data: unknown): Payload {
  if (data instanceof Uint8Array) return new Uint8Array(data);
  try {
    return toJsonText(data, "data");
  } catch (cause) {
    throw new HoldfastError("HF_OPTION_INVALID", messageOf(cause), { cause, details: { option: "data" } });
  }
}

function accepted<T extends object>(result: T | ReplyError): T {
  if (isError(result)) throw refused(result);
  return result;
}

function isError(result: object): result is ReplyError {
  return "code" in result && "isTemporary" in result;
}

/** @throws the error of a command on all nodes */
async function settle(pending: Promise<ReplyError | undefined>): Promise<void> {
  const error = await pending;
  if (error) throw refused(error);
}

function refused({ code, message }: ReplyError): HoldfastError {
  return new HoldfastError("HF_REQUEST_REFUSED", message, { details: { code } });
}

function toPosition({ position, isDuplicate, suppressed }: PublishResult): PublishedPosition {
  return { ...position, ...(isDuplicate && { isDuplicate }), ...(suppressed && { suppressed }) };
}

function toPublication<Data>({ data, version: _, ...rest }: Publication): PublicationOf<Data> {
  return { ...rest, data: parsePayload(data) as Data };
}
