/** The calls of JetStream that the broker makes, with their outcomes as values, and their failures as errors of ours. */
import type { Msg } from "@nats-io/transport-node";
import { HoldfastError, hasCode } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { DeniedError, type NatsConnection, NoRespondersError } from "./nats-connection.js";

export interface StoredMessage {
  readonly seq: number;
  readonly subject: string;
  readonly content: Uint8Array;
}

/** What became of an append. */
export type AppendOutcome =
  | { readonly kind: "appended" | "duplicate"; readonly seq: number }
  /** Nothing was appended: the last message is another one. */
  | { readonly kind: "conflict" }
  /** Nothing was appended: the server has got a message with the same id, and has not stored it, or not yet. */
  | { readonly kind: "pending" };

/** Error codes of the server (server/errors.json of nats-server). */
const errors = {
  /** The subject's last message is another one, or an append to it is pending. */
  conflict: [10071, 10163, 10164],
  /** A message with the same id is pending. */
  idInProcess: 10158,
  noMessage: 10037,
  streamNotFound: 10059,
  notEnabled: [10039, 10076],
  full: [10002, 10023, 10028, 10047],
  storeFailed: 10077,
  /** No peers for a stream yet, no leader, name in use while another node makes the stream, and the like. */
  temporary: [10003, 10004, 10005, 10008, 10009, 10010, 10058, 10059, 10065],
};

export interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

interface ApiReply {
  readonly error?: ApiError;
}

interface PublishReply extends ApiReply {
  readonly seq: number;
  readonly duplicate?: boolean;
}

interface MessageReply extends ApiReply {
  readonly message?: { readonly seq: number; readonly subject: string; readonly data?: string };
}

/** How long a stream may be without a leader. */
const electionMs = 4000;
const retryDelayMs = 100;

export class JetStream {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  /** Several servers keep each stream, so one that answers may lack what was acknowledged. */
  readonly isReplicated: boolean;

  constructor(connection: NatsConnection, clock: Clock, isReplicated: boolean) {
    this.#connection = connection;
    this.#clock = clock;
    this.isReplicated = isReplicated;
  }

  /**
   * Appends a message if the subject's last message is the expected one.
   * @param expected its sequence; 0 for none
   * @param messageId a repeat within the duplicate window is answered with the sequence of the first
   * @throws HF_BROKER_FULL, HF_BROKER_UNAVAILABLE
   */
  async append(
    subject: string,
    content: Uint8Array,
    expected: number,
    messageId: string | undefined,
  ): Promise<AppendOutcome> {
    const headers = {
      "Nats-Expected-Last-Subject-Sequence": String(expected),
      ...(messageId !== undefined && { "Nats-Msg-Id": messageId }),
    };
    const message = await this.#request(subject, content, headers);
    const { error, seq, duplicate } = message.json<PublishReply>();
    const code = error?.err_code ?? 0;
    if (errors.conflict.includes(code)) return { kind: "conflict" };
    // Servers before 2.11 name no sequence then.
    if (code === errors.idInProcess || (duplicate && seq === 0)) return { kind: "pending" };
    if (error) throw toError(error, "append a publication");
    return { kind: duplicate ? "duplicate" : "appended", seq };
  }

  /** The newest message of a subject, of those that were acknowledged before the call. */
  last(stream: string, subject: string): Promise<StoredMessage | undefined> {
    const query = { last_by_subj: subject };
    return this.isReplicated ? this.#getFromLeader(stream, query) : this.#getDirect(stream, query);
  }

  /** @returns undefined if the message is gone */
  async get(stream: string, subject: string, seq: number): Promise<StoredMessage | undefined> {
    let message = await this.#getDirect(stream, { seq });
    // A replica may not have it yet.
    if (message === undefined && this.isReplicated) message = await this.#getFromLeader(stream, { seq });
    // Servers that have lost messages use their sequences again, for other channels, too.
    return message?.subject === subject ? message : undefined;
  }

  /** Removes the subject's messages before the sequence. */
  async purge(stream: string, subject: string, beforeSeq: number): Promise<void> {
    const request = { filter: subject, seq: beforeSeq };
    await this.call(`STREAM.PURGE.${stream}`, request, "remove old publications");
  }

  /** @throws HF_BROKER_UNAVAILABLE, HF_BROKER_FULL */
  async call<T>(api: string, request: object, purpose: string): Promise<T> {
    const reply = await this.callFor<T>(api, request);
    if (reply.error) throw toError(reply.error, purpose);
    return reply;
  }

  /** The reply, which may be an error. */
  async callFor<T>(api: string, request: object): Promise<T & ApiReply> {
    const message = await this.#request(`$JS.API.${api}`, JSON.stringify(request));
    return message.json<T & ApiReply>();
  }

  async #getDirect(stream: string, query: object): Promise<StoredMessage | undefined> {
    let message: Msg;
    try {
      message = await this.#connection.request(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query));
    } catch (error) {
      if (error instanceof NoRespondersError) return await this.#getFromLeader(stream, query);
      throw error;
    }
    const { headers } = message;
    if (headers?.code === 404) return undefined;
    const seq = Number(headers?.get("Nats-Sequence"));
    if (headers?.code || !(seq > 0))
      throw new HoldfastError(
        "HF_BROKER_UNAVAILABLE",
        `NATS cannot read stream ${stream}: ${headers?.description ?? "unexpected answer"}`,
      );
    return { seq, subject: headers?.get("Nats-Subject") ?? "", content: message.data };
  }

  async #getFromLeader(stream: string, query: object): Promise<StoredMessage | undefined> {
    const { error, message } = await this.callFor<MessageReply>(`STREAM.MSG.GET.${stream}`, query);
    if (error?.err_code === errors.noMessage) return undefined;
    if (error || message === undefined)
      throw toError(error ?? { code: 500, description: "unexpected answer" }, `read stream ${stream}`);
    return { seq: message.seq, subject: message.subject, content: Buffer.from(message.data ?? "", "base64") };
  }

  /** Waits while there is no leader: what nobody took had no effect. */
  async #request(
    subject: string,
    content: Uint8Array | string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Msg> {
    const deadline = this.#clock.elapsed() + electionMs;
    for (let delayMs = retryDelayMs; ; delayMs *= 1.5) {
      try {
        return await this.#connection.request(subject, content, headers);
      } catch (error) {
        if (!(error instanceof NoRespondersError)) throw error;
        if (this.#clock.elapsed() + delayMs > deadline)
          throw new HoldfastError(
            "HF_BROKER_UNAVAILABLE",
            `nobody serves ${subject} in NATS: JetStream is disabled, or the stream has no leader`,
          );
      }
      await new Promise<void>((resolve) => void this.#clock.setTimer(() => resolve(), delayMs));
    }
  }
}

/** @param purpose follows "cannot" */
export function toError(
  { code, err_code = 0, description = "unknown error" }: ApiError,
  purpose: string,
): HoldfastError {
  const details = { natsCode: err_code };
  const isStoreFull = err_code === errors.storeFailed && /^maximum /.test(description);
  if (isStoreFull || errors.full.includes(err_code))
    return new HoldfastError("HF_BROKER_FULL", `NATS cannot ${purpose}: ${description}`, { details });
  if (errors.notEnabled.includes(err_code))
    return new HoldfastError(
      "HF_BROKER_UNSUPPORTED",
      `NATS cannot ${purpose}: JetStream is disabled for this account`,
      { details },
    );
  return new HoldfastError("HF_BROKER_UNAVAILABLE", `NATS cannot ${purpose}: ${description} (${code})`, {
    details,
  });
}

/** Whether the same request may succeed soon: servers are starting, electing, or busy with another node's request. */
export function isTemporary(error: unknown): boolean {
  if (!isUnavailable(error) || error instanceof DeniedError) return false;
  const { natsCode } = (error as HoldfastError).details;
  return natsCode === undefined || errors.temporary.includes(natsCode as number);
}

export function isStreamMissing(error: ApiError | undefined): boolean {
  return error?.err_code === errors.streamNotFound;
}

export function isUnavailable(error: unknown): boolean {
  return hasCode(error, "HF_BROKER_UNAVAILABLE");
}
