/** What the playground and a client in its sandbox say to each other over their port. The playground checks whatever it receives. */

/** To the client. */
export type ToClient =
  | { readonly type: "opened"; readonly socket: number; readonly protocol: string }
  | { readonly type: "message"; readonly socket: number; readonly data: string }
  | {
      readonly type: "closed";
      readonly socket: number;
      readonly code: number;
      readonly reason: string;
      readonly wasClean: boolean;
    };

/** With the port, once. */
export interface Beginning {
  readonly type: "begin";
  readonly code: string;
  /** "A" or "B". */
  readonly me: string;
  readonly room: string;
}

/** From the client. */
export type FromClient =
  | { readonly type: "open"; readonly socket: number }
  | { readonly type: "send"; readonly socket: number; readonly data: string }
  | { readonly type: "close"; readonly socket: number; readonly code?: number; readonly reason?: string }
  | { readonly type: "wait"; readonly delayMs: number }
  | { readonly type: "error"; readonly message: string; readonly line?: number };

const maxMessageLength = 64 * 1024;
const maxErrorLength = 500;

/** @returns undefined for what is none of these, since any code can post anything */
export function readFromClient(value: unknown): FromClient | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, socket, data, code, reason, delayMs, message, line } = value as Record<string, unknown>;
  if (type === "wait")
    return typeof delayMs === "number" && delayMs >= 0 && delayMs < 3_600_000 ? { type, delayMs } : undefined;
  if (type === "error") {
    if (typeof message !== "string") return undefined;
    const isLine = Number.isSafeInteger(line) && (line as number) > 0;
    return { type, message: message.slice(0, maxErrorLength), ...(isLine && { line: line as number }) };
  }
  if (!Number.isSafeInteger(socket)) return undefined;
  const id = socket as number;
  if (type === "open") return { type, socket: id };
  if (type === "send" && typeof data === "string" && data.length <= maxMessageLength)
    return { type, socket: id, data };
  if (type === "close")
    return {
      ...{ type, socket: id },
      ...(typeof code === "number" && { code }),
      ...(typeof reason === "string" && { reason: reason.slice(0, 100) }),
    };
  return undefined;
}
