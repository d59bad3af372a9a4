/**
 * Calls of a follower to the owner of the store, and their results, as values that can be kept, sent, or made on a log of this
 * process. Payloads are parts of a frame, everything else is its head.
 */
import type {
  HistoryPage,
  HistoryQuery,
  KeysPage,
  KeysQuery,
  Log,
  NewPublication,
  PublishOptions,
} from "../../channels/log.js";
import { type ErrorCode, errorCodes, HoldfastError, messageOf } from "../../errors.js";
import type { Position, Publication } from "../../wire/messages.js";
import type { Payload } from "../../wire/payload.js";
import { encodeFrame, type Frame, kinds, type Part } from "./frames.js";

export type LogCall =
  | { readonly method: "subscribe" | "unsubscribe" | "removeHistory"; readonly channel: string }
  | {
      readonly method: "publish";
      readonly channel: string;
      readonly publication: NewPublication;
      readonly options: PublishOptions;
    }
  | { readonly method: "history"; readonly channel: string; readonly query: HistoryQuery }
  | { readonly method: "keys"; readonly channel: string; readonly query: KeysQuery }
  | { readonly method: "value" | "renewKey"; readonly channel: string; readonly key: string }
  | {
      readonly method: "heads";
      readonly channels: readonly string[];
      readonly floors: readonly (readonly [string, readonly Position[]])[];
    };

/** Calls that are about the follower itself. */
export type FollowerCall =
  /** What it had with another owner: subscriptions, and counts that it has taken. */
  | {
      readonly method: "resume";
      readonly channels: readonly string[];
      readonly counts: readonly (readonly [string, number])[];
    }
  /** Messages for this node reach it from now on. */
  | { readonly method: "join"; readonly node: string }
  | { readonly method: "take"; readonly key: string; readonly max: number };

/** Calls of a command that copies the store: they concern its files, and no channel. */
export interface CopyCall {
  readonly method: "holdJournal" | "journalEnd";
}

export type Call = LogCall | FollowerCall;

/** Makes a call on a log. Calls of one channel take effect in the order they are made. */
export function callLog(log: Log, call: LogCall): Promise<unknown> {
  switch (call.method) {
    case "publish":
      return log.publish(call.channel, call.publication, call.options);
    case "history":
      return log.history(call.channel, call.query);
    case "keys":
      return log.keys(call.channel, call.query);
    case "heads":
      return log.heads(call.channels, new Map(call.floors));
    case "value":
      return log.value(call.channel, call.key);
    case "renewKey":
      return log.renewKey(call.channel, call.key);
    default:
      return log[call.method](call.channel);
  }
}

export function encodeCall(id: number, call: Call | CopyCall): Buffer {
  if (call.method !== "publish") return encodeFrame(kinds.call, id, call);
  const parts: Part[] = [];
  const publication = toHead(call.publication, parts);
  return encodeFrame(kinds.call, id, { ...call, publication }, parts);
}

export function decodeCall({ head, parts }: Frame): Call | CopyCall {
  const call = head as Call | CopyCall;
  if (call.method !== "publish") return call;
  const publication = fromHead(call.publication as never, parts) as NewPublication;
  return { ...call, publication };
}

export function encodePublication(channel: string, publication: Publication, epoch: string): Buffer {
  const parts: Part[] = [];
  return encodeFrame(kinds.publication, 0, [channel, epoch, toHead(publication, parts)], parts);
}

export function decodePublication({ head, parts }: Frame): [string, Publication, string] {
  const [channel, epoch, publication] = head as [string, string, PublicationHead];
  return [channel, fromHead(publication, parts) as Publication, epoch];
}

/** @param result of `callLog`, or of a follower's call */
export function encodeResult(id: number, call: Call | CopyCall, result: unknown): Buffer {
  const { method } = call;
  const parts: Part[] = [];
  // With the key, so that it can be given back if nobody waits any more.
  if (method === "take") return encodeFrame(kinds.result, id, { key: call.key, isTaken: result });
  if (method === "history" || method === "keys") {
    const { publications, ...page } = result as HistoryPage | KeysPage;
    const heads = publications.map((publication) => toHead(publication, parts));
    return encodeFrame(kinds.result, id, { ...page, publications: heads }, parts);
  }
  if (method === "value" && result !== undefined)
    return encodeFrame(kinds.result, id, toHead(result as Publication, parts), parts);
  if (method === "heads")
    return encodeFrame(kinds.result, id, [...(result as ReadonlyMap<string, Position>)]);
  return encodeFrame(kinds.result, id, result ?? null);
}

export function decodeResult({ method }: Call, { head, parts }: Frame): unknown {
  if (method === "history" || method === "keys") {
    const { publications, ...page } = head as { publications: PublicationHead[] };
    return { ...page, publications: publications.map((publication) => fromHead(publication, parts)) };
  }
  if (method === "heads") return new Map(head as [string, Position][]);
  if (method === "take") return (head as TakeResult).isTaken;
  if (head === null) return undefined;
  return method === "value" ? fromHead(head as PublicationHead, parts) : head;
}

export function encodeFailure(id: number, error: unknown): Buffer {
  const known = error instanceof HoldfastError ? error : undefined;
  const { code, details } = known ?? { code: "HF_BROKER_UNAVAILABLE", details: {} };
  return encodeFrame(kinds.failure, id, { code, message: messageOf(error), details });
}

export function decodeFailure({ head }: Frame): HoldfastError {
  const { code, message, details } = head as {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>>;
  };
  return new HoldfastError(Object.hasOwn(errorCodes, code) ? code : "HF_BROKER_UNAVAILABLE", message, {
    details,
  });
}

export interface TakeResult {
  readonly key: string;
  readonly isTaken: boolean;
}

/** A publication whose data is a part, by its index. */
type PublicationHead = Omit<Partial<Publication>, "data"> & { readonly data: number };

function toHead({ data, ...rest }: NewPublication | Publication, parts: Part[]): PublicationHead {
  return { ...rest, data: parts.push(data) - 1 };
}

function fromHead({ data, ...rest }: PublicationHead, parts: readonly Part[]): NewPublication | Publication {
  return { ...rest, data: parts[data] as Payload };
}
