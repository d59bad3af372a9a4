/**
 * Reads a publication as a chat message. Anyone may publish anything to a channel, so every field is checked, and data
 * that is no chat message is shown as what it is.
 */

/** Who published: as the server tells it, if a client did. */
export interface PublisherInfo {
  user: string;
  client: string;
  connInfo?: unknown;
}

/** A publication as the SDK hands it over. */
export interface ReceivedPublication {
  data: unknown;
  offset?: number;
  info?: PublisherInfo;
}

export interface Author {
  /** Empty when nobody said who they are. */
  user: string;
  name: string;
}

export interface MessageData {
  id: string;
  text: string;
  /** Unix time in milliseconds, by this page's clock; the server puts its own in the place of it. */
  sentAt: number;
}

/** What the moderators' side publishes among messages: one is gone, or all that came before. */
export type RoomEvent = { event: "deleted"; offset: number; epoch: string } | { event: "cleared" };

export interface Message {
  /** The id that the author's own page gave it; undefined for publications of other programs. */
  id: string | undefined;
  author: Author;
  text: string;
  /** `json`: the data was not a chat message, and the text is its JSON. */
  format: "text" | "json";
  sentAt: number | undefined;
}

/** What someone is called who says neither a name nor a user id, as the command line does. */
const namelessName = "someone via the command line";

// Years 2000 to 9999: what lies outside is no time at which a message was sent.
const minTime = 946_684_800_000;
const maxTime = 253_402_300_799_999;

/** @returns undefined for messages, and for whatever a client has published */
export function readEvent({ data, info }: ReceivedPublication): RoomEvent | undefined {
  if (info !== undefined || !isRecord(data)) return undefined;
  const { event, offset, epoch } = data;
  if (event === "cleared") return { event };
  const isPlace = typeof offset === "number" && typeof epoch === "string";
  return event === "deleted" && isPlace ? { event, offset, epoch } : undefined;
}

export function readMessage({ data, info }: ReceivedPublication): Message {
  const author = readAuthor(info);
  if (isRecord(data) && typeof data.text === "string") {
    const id = typeof data.id === "string" && data.id !== "" ? data.id : undefined;
    const format = data.format === "json" ? "json" : "text";
    return { id, author, text: data.text, format, sentAt: readTime(data.sentAt) };
  }
  const isPlain = typeof data === "string" || typeof data === "number" || typeof data === "boolean";
  const text = isPlain ? String(data) : (JSON.stringify(data, null, 2) ?? "null");
  return { id: undefined, author, text, format: isPlain ? "text" : "json", sentAt: undefined };
}

export function readAuthor(info: PublisherInfo | undefined): Author {
  return info ? { user: info.user, name: nameOf(info) } : { user: "", name: namelessName };
}

/** The name a person goes by; one made from the user id when they gave none. */
export function nameOf({ user, connInfo }: PublisherInfo): string {
  const name = isRecord(connInfo) && typeof connInfo.name === "string" ? connInfo.name.trim() : "";
  if (name !== "") return name;
  return user === "" ? namelessName : `guest ${user.slice(0, 4)}`;
}

function readTime(value: unknown): number | undefined {
  const time = typeof value === "string" ? Date.parse(value) : value;
  return typeof time === "number" && time >= minTime && time <= maxTime ? time : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export interface TextPart {
  text: string;
  /** Undefined for what is no link. */
  href: string | undefined;
}

const address = /\bhttps?:\/\/[^\s<>"]+/gi;
const closing = /[.,;:!?'’”»…*_]$/;
const brackets: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

export function splitLinks(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(address)) {
    const shown = withoutClosing(match[0]);
    const href = toHref(shown);
    if (href === undefined) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index), href: undefined });
    parts.push({ text: shown, href });
    end = match.index + shown.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: undefined });
  return parts;
}

/** Punctuation at the end belongs to the sentence, and so does a bracket that was opened before the address. */
function withoutClosing(found: string): string {
  let kept = found;
  for (;;) {
    const last = kept.at(-1) ?? "";
    const opening = brackets[last];
    const isUnmatched = opening !== undefined && kept.split(last).length > kept.split(opening).length;
    if (!closing.test(kept) && !isUnmatched) return kept;
    kept = kept.slice(0, -1);
  }
}

function toHref(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && url.hostname !== "" && /^https?:$/.test(url.protocol) ? url.href : undefined;
}
