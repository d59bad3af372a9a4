/** What rooms carry: messages as clients send them and as everybody gets them, and what the moderators' side publishes. */
import type { Schema, User } from "holdfast";
import { z } from "zod";
import { maxTextCharacters } from "../../server/text-rules.js";

/** As pages send it. */
export interface MessageInput {
  /** The sender's own; a repeat with the same id is shown once. */
  readonly id?: string | undefined;
  readonly text: string;
}

export interface RoomMessage extends MessageInput {
  /** Unix milliseconds, by the clock of the server. */
  readonly sentAt: number;
  /** Who the server knows the author to be. The id is empty for tools of this machine. */
  readonly from: { readonly id: string; readonly name: string };
  /** The text is JSON that some program published. */
  readonly format?: "json" | undefined;
}

/** A message is gone: the one at that position of the room's log. */
export interface DeletedEvent {
  readonly event: "deleted";
  readonly offset: number;
  readonly epoch: string;
}

/** Everything before is gone. */
export interface ClearedEvent {
  readonly event: "cleared";
}

export type RoomPublication = RoomMessage | DeletedEvent | ClearedEvent;

/** What the schema makes of what came. */
export interface CheckedMessage extends MessageInput {
  readonly format?: "json" | undefined;
}

export const toolName = "someone via the command line";

const checked = z
  .object({
    id: z.string().min(1).max(64).optional(),
    text: z.string().trim().min(1),
    format: z.literal("json").optional(),
  })
  .refine(({ text }) => [...text].length <= maxTextCharacters, {
    path: ["text"],
    message: `a message may have up to ${maxTextCharacters} characters`,
  });

/** Takes messages, and any other JSON, as tools publish it, as the text that it is. */
export const messageSchema = z.preprocess(asMessage, checked) as unknown as Schema<
  MessageInput,
  CheckedMessage
>;

function asMessage(value: unknown): unknown {
  if (typeof value === "object" && value !== null && "text" in value) {
    const { id, text } = value as Partial<MessageInput>;
    return { id: id === "" ? undefined : id, text };
  }
  if (typeof value === "object") return { text: JSON.stringify(value, null, 2), format: "json" };
  return { text: String(value) };
}

/** The message as everybody gets it, with nothing in it that the client could have made up about itself. */
export function stampMessage({ id, text, format }: CheckedMessage, user: User, now: number): RoomMessage {
  const { name } = (user.info ?? {}) as { readonly name?: string };
  return {
    ...(id !== undefined && { id }),
    text,
    sentAt: now,
    from: { id: user.id, name: name ?? toolName },
    ...(format && { format }),
  };
}
