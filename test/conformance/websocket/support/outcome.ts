/**
 * What a connection made of its input, in a form that can be compared and printed: payloads as hex, long ones as
 * their length and digest.
 */
import { createHash } from "node:crypto";
import type {
  CloseStatus,
  ConnectionEvent,
  ConnectionState,
  Role,
  WebSocketConnection,
} from "../../../../packages/holdfast/src/websocket.js";
import { toBytes } from "./frame-builder.js";
import { parseFrames, type WireFrame } from "./frame-parser.js";

export type PlainEvent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "binary" | "ping" | "pong"; readonly data: string }
  | { readonly type: "close" | "fault"; readonly code: number; readonly reason: string };

export type SentFrame =
  | {
      readonly type: "text" | "binary" | "continuation";
      readonly fin: boolean;
      readonly data: string;
      readonly isCompressed?: true;
    }
  | { readonly type: "ping" | "pong"; readonly data: string }
  /** Code undefined for an empty Close frame. */
  | { readonly type: "close"; readonly code: number | undefined; readonly reason: string };

export interface Outcome {
  readonly events: readonly PlainEvent[];
  readonly sent: readonly SentFrame[];
  readonly state: ConnectionState;
  readonly closeStatus: CloseStatus | undefined;
  readonly isFinished: boolean;
}

/** A payload as outcomes show it. */
export function plain(payload: Uint8Array | string): string {
  const bytes = toBytes(payload);
  if (bytes.length <= 128) return bytes.toString("hex");
  return `${bytes.length} bytes, sha1 ${createHash("sha1").update(bytes).digest("hex")}`;
}

export function plainEvent(event: ConnectionEvent): PlainEvent {
  if (event.type === "text") return { type: "text", text: event.text };
  if (event.type === "close" || event.type === "fault")
    return { type: event.type, code: event.code, reason: event.reason };
  return { type: event.type, data: plain(event.data) };
}

function sentFrame({ opcode, fin, isCompressed, payload }: WireFrame): SentFrame {
  if (opcode === 8) {
    if (payload.length === 0) return { type: "close", code: undefined, reason: "" };
    const reason = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload.subarray(2));
    return { type: "close", code: payload.readUInt16BE(0), reason };
  }
  if (opcode >= 8) return { type: opcode === 9 ? "ping" : "pong", data: plain(payload) };
  const type = (["continuation", "text", "binary"] as const)[opcode] as "text";
  return { type, fin, data: plain(payload), ...(isCompressed && { isCompressed }) };
}

/** @throws when the bytes are no frames that this role may send */
export function sentFrames(output: readonly Uint8Array[], role: Role, canBeCompressed = false): SentFrame[] {
  return parseFrames(Buffer.concat(output), role, canBeCompressed).map(sentFrame);
}

export function outcomeOf(
  connection: WebSocketConnection,
  events: readonly ConnectionEvent[],
  output: readonly Uint8Array[],
  canBeCompressed = false,
): Outcome {
  const { state, closeStatus, isFinished } = connection;
  const plainEvents = events.map(plainEvent);
  const last = plainEvents.findIndex(({ type }) => type === "close" || type === "fault");
  if (last >= 0 && last !== plainEvents.length - 1)
    throw new Error(`events after the end: ${JSON.stringify(plainEvents.slice(last))}`);
  const sent = sentFrames(output, connection.role, canBeCompressed);
  return { events: plainEvents, sent, state, closeStatus, isFinished };
}
