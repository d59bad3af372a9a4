/** A notification: what is accepted, and what its reader gets. */
import type { Schema } from "holdfast";
import { z } from "zod";
import { maxNoticeCharacters, maxTitleCharacters } from "./marks.js";

/** As the server, or a program with a key, publishes it. A text alone does as well. */
export interface NoticeInput {
  readonly title?: string | undefined;
  readonly text: string;
  /** Who it is from: a person, or the name that a program gives itself. */
  readonly from?: Sender | string | undefined;
}

/** The id is empty where it is nobody who has logged in. */
export interface Sender {
  readonly id: string;
  readonly name: string;
}

export interface Notice {
  readonly title?: string;
  readonly text: string;
  readonly from: Sender;
  /** Unix milliseconds, by the clock of the server. */
  readonly at: number;
}

const programName = "a program";

/** Text without spaces around it, of so many characters as people count them. */
export function boundedText(most: number, what: string) {
  return z
    .string()
    .trim()
    .min(1, `${what} must not be empty`)
    .refine((text) => [...text].length <= most, `${what} may have up to ${most} characters`);
}

export const noticeText = boundedText(maxNoticeCharacters, "the text");

/** @param now Unix milliseconds: whoever publishes does not say when it was */
export function createNoticeSchema(now: () => number): Schema<NoticeInput, Notice> {
  const name = z.string().trim().min(1).max(40);
  const object = z.object({
    title: boundedText(maxTitleCharacters, "the title").optional(),
    text: noticeText,
    from: z.union([name, z.object({ id: z.string().max(255), name })]).optional(),
  });
  return z
    .preprocess((data) => (typeof data === "string" ? { text: data } : data), object)
    .transform(({ title, text, from = programName }): Notice => {
      const sender = typeof from === "string" ? { id: "", name: from } : from;
      return { ...(title !== undefined && { title }), text, from: sender, at: now() };
    }) as unknown as Schema<NoticeInput, Notice>;
}
