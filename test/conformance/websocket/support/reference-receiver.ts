/**
 * Reads a stream of frames the plain way, all at once, and says what a connection must make of it. Serves as the
 * oracle for streams that no script foresaw. Written from RFC 6455 §5–§8; free of the engine's code.
 */

import type { MessageLimits } from "../../../../packages/holdfast/src/websocket/message.js";
import type { Role } from "../../../../packages/holdfast/src/websocket.js";
import { opcodes } from "./frame-builder.js";
import { type PlainEvent, plain } from "./outcome.js";
import { judgeUtf8 } from "./utf8-oracle.js";

export interface Prediction {
  /** All but the fault. */
  readonly events: readonly PlainEvent[];
  /** Codes that the connection may fail with here; undefined stands for no fault. */
  readonly verdicts: readonly (number | undefined)[];
}

interface Message {
  readonly isText: boolean;
  readonly payload: Buffer;
  readonly fragments: number;
}

interface Header {
  readonly fin: boolean;
  readonly opcode: number;
  readonly length: bigint;
  readonly key: Buffer;
  readonly end: number;
}

const none = [undefined];
/** A header that is cut off may be refused early or not: the RFC leaves that open. */
const early = [undefined, 1002, 1009];

function isRegistered(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999)
  );
}

/** @returns the header, or the verdicts that end the stream here */
function readHeader(bytes: Buffer, role: Role): Header | (number | undefined)[] {
  const [first, second] = bytes;
  if (first === undefined) return none;
  const opcode = first & 15;
  const fin = first >= 128;
  if ((first & 0x70) !== 0 || (opcode > 2 && opcode < 8) || opcode > 10) return [1002];
  if (opcode >= 8 && !fin) return [1002];
  if (second === undefined) return early;
  const short = second & 127;
  if (second >= 128 !== (role === "server") || (opcode >= 8 && short > 125)) return [1002];
  const extended = short === 127 ? 8 : short === 126 ? 2 : 0;
  const end = 2 + extended + (role === "server" ? 4 : 0);
  if (bytes.length < end) return early;
  if (extended === 8 && (bytes[2] as number) >= 128) return [1002];
  const length = extended ? BigInt(`0x${bytes.toString("hex", 2, 2 + extended)}`) : BigInt(short);
  const isMinimal = extended === 0 || length > (extended === 8 ? 0xffffn : 125n);
  if (!isMinimal) return [1002, ...(length > 125n ? [1009] : [])];
  const key = role === "server" ? bytes.subarray(end - 4, end) : Buffer.alloc(4);
  return { fin, opcode, length, key, end };
}

function readClose(payload: Buffer): PlainEvent | number[] {
  if (payload.length === 0) return { type: "close", code: 1005, reason: "" };
  if (payload.length === 1) return [1002];
  const code = payload.readUInt16BE();
  const reason = payload.subarray(2);
  const { faultAt, isComplete } = judgeUtf8(reason);
  const isText = faultAt === undefined && isComplete;
  if (isRegistered(code) && isText) return { type: "close", code, reason: reason.toString() };
  return [...(isRegistered(code) ? [] : [1002]), ...(isText ? [] : [1007])];
}

/** Faults of a data frame that its header shows. */
function judgeStart(
  { opcode, length }: Header,
  message: Message | undefined,
  limits: MessageLimits,
): number[] {
  const isInOrder = (opcode === opcodes.continuation) === (message !== undefined);
  const total = length + BigInt(message?.payload.length ?? 0);
  const isTooBig =
    length > limits.maxFrameBytes ||
    total > limits.maxMessageBytes ||
    (message?.fragments ?? 0) + 1 > limits.maxFragments;
  return [...(isInOrder ? [] : [1002]), ...(isTooBig ? [1009] : [])];
}

export function predict(stream: Uint8Array, role: Role, limits: MessageLimits): Prediction {
  const events: PlainEvent[] = [];
  let rest = Buffer.from(stream);
  let message: Message | undefined;
  for (;;) {
    const header = readHeader(rest, role);
    if (Array.isArray(header)) return { events, verdicts: header };
    const { fin, opcode, length, key, end } = header;
    const isControl = opcode >= 8;
    const faults = isControl ? [] : judgeStart(header, message, limits);
    if (faults.length > 0) return { events, verdicts: faults };
    const isWhole = BigInt(rest.length - end) >= length;
    const masked = rest.subarray(end, isWhole ? end + Number(length) : rest.length);
    const payload = Buffer.from(masked.map((byte, i) => byte ^ (key[i % 4] as number)));
    if (isControl) {
      if (!isWhole) return { events, verdicts: none };
      if (opcode === opcodes.close) {
        const close = readClose(payload);
        if (Array.isArray(close)) return { events, verdicts: close };
        return { events: [...events, close], verdicts: none };
      }
      events.push({ type: opcode === opcodes.ping ? "ping" : "pong", data: plain(payload) });
    } else {
      message = {
        isText: message?.isText ?? opcode === opcodes.text,
        payload: Buffer.concat([message?.payload ?? Buffer.alloc(0), payload]),
        fragments: (message?.fragments ?? 0) + 1,
      };
      const isEnd = isWhole && fin;
      const { faultAt, isComplete } = judgeUtf8(message.payload);
      const isBroken = faultAt !== undefined || (isEnd && !isComplete);
      if (message.isText && isBroken) return { events, verdicts: [1007] };
      if (!isWhole) return { events, verdicts: none };
      if (isEnd) {
        const text = message.payload.toString("utf8");
        events.push(
          message.isText ? { type: "text", text } : { type: "binary", data: plain(message.payload) },
        );
        message = undefined;
      }
    }
    rest = rest.subarray(end + payload.length);
  }
}
