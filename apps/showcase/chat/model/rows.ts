/** Arranges a timeline and an outbox into what is shown: days, breaks, and messages in groups of one author. */
import type { Author } from "./message.js";
import type { Delivery, OutboxEntry } from "./room-sender.js";
import type { Timeline } from "./timeline.js";

export interface ShownMessage {
  key: string;
  text: string;
  format: "text" | "json";
  sentAt: number | undefined;
  /** Taken out by a moderator: there is no text. */
  isDeleted: boolean;
  /** Its place in the present log, by which it can be deleted. */
  offset: number | undefined;
  /** Undefined once the message was seen in the channel. */
  pending: { id: string; delivery: Delivery } | undefined;
}

export interface GroupRow {
  kind: "group";
  key: string;
  author: Author;
  isOwn: boolean;
  sentAt: number | undefined;
  /** The day that the group stands under; undefined before any. */
  day: number | undefined;
  messages: ShownMessage[];
}

export type Row =
  | { kind: "day"; key: string; day: number }
  /** Publications between the messages around it are not here. */
  | { kind: "gap"; key: string /** Undefined in a log that is no more. */; beforeOffset: number | undefined }
  /** The channel's log started afresh between the messages around it. */
  | { kind: "new-log"; key: string }
  /** A moderator has emptied the room. */
  | { kind: "cleared"; key: string }
  | GroupRow;

const groupSpanMs = 5 * 60_000;

export function arrangeRows(timeline: Timeline, pending: readonly OutboxEntry[], me: Author): Row[] {
  const arranger = new Arranger(me.user);
  timeline.entries.forEach((entry, index) => {
    const { key, message } = entry;
    const found = timeline.breakBefore(index);
    const beforeOffset = timeline.isInPresentEpoch(entry) ? entry.offset : undefined;
    if (found === "gap") arranger.add({ kind: "gap", key: `gap ${key}`, beforeOffset });
    if (found === "new-log") arranger.add({ kind: "new-log", key: `log ${key}` });
    if (entry.event?.event === "cleared") arranger.add({ kind: "cleared", key: `cleared ${key}` });
    if (entry.event) return;
    const { format, sentAt } = message;
    const { isDeleted } = entry;
    const text = isDeleted ? "" : message.text;
    const shown = { key, text, format, sentAt, isDeleted, offset: beforeOffset, pending: undefined };
    arranger.addMessage(message.author, shown);
  });
  for (const { id, text, sentAt, delivery } of pending) {
    if (timeline.hasMessage(me.user, id)) continue;
    // The key it will have in the timeline, so that it stays what it is when it gets there.
    const key = `message ${me.user} ${id}`;
    const shown = { key, text, format: "text", sentAt, isDeleted: false, offset: undefined } as const;
    arranger.addMessage(me, { ...shown, pending: { id, delivery } });
  }
  return arranger.rows;
}

class Arranger {
  readonly rows: Row[] = [];
  readonly #me: string;
  #day: number | undefined;

  constructor(me: string) {
    this.#me = me;
  }

  add(row: Row): void {
    this.rows.push(row);
  }

  addMessage(author: Author, message: ShownMessage): void {
    const { sentAt } = message;
    // Days only go forward: a message that waited long before it was sent does not turn the calendar back.
    if (sentAt !== undefined && (this.#day === undefined || dayOf(sentAt) > this.#day)) {
      this.#day = dayOf(sentAt);
      this.add({ kind: "day", key: `day ${this.#day}`, day: this.#day });
    }
    const last = this.rows.at(-1);
    if (last?.kind === "group" && continues(last, author, message)) {
      last.messages.push(message);
      return;
    }
    const isOwn = author.user !== "" && author.user === this.#me;
    const day = this.#day;
    this.add({ kind: "group", key: `group ${message.key}`, author, isOwn, sentAt, day, messages: [message] });
  }
}

function continues(group: GroupRow, author: Author, { sentAt }: ShownMessage): boolean {
  if (group.author.user !== author.user || group.author.name !== author.name) return false;
  if (sentAt === undefined || group.sentAt === undefined) return sentAt === group.sentAt;
  return Math.abs(sentAt - group.sentAt) < groupSpanMs;
}

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const yearFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const shortDayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** The first millisecond of the day that a time lies in. */
export function dayOf(at: number): number {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

export function dayText(at: number, now: number): string {
  const day = dayOf(at);
  if (day === dayOf(now)) return "Today";
  const midnight = new Date(dayOf(now));
  if (day === new Date(midnight.getFullYear(), midnight.getMonth(), midnight.getDate() - 1).getTime())
    return "Yesterday";
  const isThisYear = new Date(at).getFullYear() === midnight.getFullYear();
  return (isThisYear ? dayFormat : yearFormat).format(at);
}

/** The time of day, and the day too when it is not the one it stands under. */
export function timeText(at: number, under: number | undefined): string {
  const time = timeFormat.format(at);
  return under === undefined || dayOf(at) === under ? time : `${shortDayFormat.format(at)}, ${time}`;
}

export function fullTimeText(at: number): string {
  return fullFormat.format(at);
}
