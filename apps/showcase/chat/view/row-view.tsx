/** One row of the timeline: a day, a break, or a group of messages by one author. */

import { useState } from "preact/hooks";
import { Avatar } from "../../shared/avatar.js";
import { Icon } from "../../shared/icon.js";
import type { Chat } from "../model/chat.js";
import { splitLinks } from "../model/message.js";
import type { Moderator } from "../model/moderator.js";
import type { RoomSession } from "../model/room-session.js";
import {
  dayText,
  fullTimeText,
  type GroupRow,
  type Row,
  type ShownMessage,
  timeText,
} from "../model/rows.js";

export interface RowViewProps {
  row: Row;
  chat: Chat;
  moderator: Moderator;
  room: RoomSession;
}

export function RowView({ row, chat, moderator, room }: RowViewProps) {
  switch (row.kind) {
    case "day":
      return (
        <h2 class="divider">
          <span>{dayText(row.day, Date.now())}</span>
        </h2>
      );
    case "new-log":
      return (
        <p class="divider break">
          <span>The server began a new log here; what is above is only on this page</span>
        </p>
      );
    case "cleared":
      return (
        <p class="divider break">
          <span>A moderator has cleared this room</span>
        </p>
      );
    case "gap":
      return <Gap beforeOffset={row.beforeOffset} room={room} />;
    case "group":
      return <Group group={row} chat={chat} moderator={moderator} room={room} />;
  }
}

function Gap({ beforeOffset, room }: { beforeOffset: number | undefined; room: RoomSession }) {
  const canLoad = beforeOffset !== undefined && room.history.canLoadBefore(beforeOffset);
  return (
    <p class="divider break">
      <span>
        {canLoad ? "Messages are missing here" : "Messages are missing here and no longer kept"}
        {canLoad && (
          <button
            type="button"
            class="text-button"
            onClick={() => void room.history.loadBefore(beforeOffset)}
          >
            Load them
          </button>
        )}
      </span>
    </p>
  );
}

function Group({ group, ...others }: Omit<RowViewProps, "row"> & { group: GroupRow }) {
  const { author, isOwn, sentAt, day, messages } = group;
  return (
    <article class={isOwn ? "group own" : "group"}>
      {!isOwn && <Avatar user={author.user} name={author.name} />}
      <div class="group-body">
        <header class="group-header">
          <span class={isOwn ? "unseen" : "author"} dir="auto">
            {isOwn ? "You" : author.name}
          </span>
          {sentAt !== undefined && (
            <time class="time" dateTime={new Date(sentAt).toISOString()} title={fullTimeText(sentAt)}>
              {timeText(sentAt, day)}
            </time>
          )}
        </header>
        {messages.map((message) => (
          <MessageView key={message.key} message={message} {...others} />
        ))}
      </div>
    </article>
  );
}

type MessageViewProps = Omit<RowViewProps, "row"> & { message: ShownMessage };

function MessageView({ message, chat, moderator, room }: MessageViewProps) {
  const { pending, sentAt, isDeleted, offset } = message;
  const state = pending?.delivery.state ?? "delivered";
  return (
    <div
      class={isDeleted ? "message deleted" : `message ${state}`}
      data-testid="message"
      data-key={message.key}
      title={sentAt === undefined ? undefined : fullTimeText(sentAt)}
    >
      {isDeleted ? (
        <p class="deleted-text">A moderator has deleted this message</p>
      ) : (
        <MessageText text={message.text} format={message.format} />
      )}
      {moderator.isActive && !isDeleted && offset !== undefined && (
        <button
          type="button"
          class="icon-button delete-message"
          aria-label={`Delete message: ${message.text.slice(0, 40)}`}
          title="Delete this message"
          onClick={() => void moderator.deleteMessage(room.room, { offset, epoch: room.timeline.epoch })}
        >
          <Icon name="trash" />
        </button>
      )}
      {pending && pending.delivery.state !== "failed" && (
        <p class="delivery">
          <Icon name="waiting" />
          {state === "sending" ? "sending" : "waiting"}
        </p>
      )}
      {pending?.delivery.state === "failed" && (
        <p class="delivery failed" role="alert">
          <Icon name="failed" />
          <span>Not sent: {pending.delivery.reason}</span>
          <button type="button" class="text-button" onClick={() => chat.retry(pending.id)}>
            Retry
          </button>
          <button type="button" class="text-button" onClick={() => chat.discard(pending.id)}>
            Delete
          </button>
        </p>
      )}
    </div>
  );
}

/** The page's own messages are no longer than this; other programs may publish more. */
const shownCharacters = 2000;

export function MessageText({ text, format }: { text: string; format: "text" | "json" }) {
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > shownCharacters + 200;
  const shown = isLong && !isWhole ? `${text.slice(0, shownCharacters)}…` : text;
  return (
    <>
      {format === "json" ? (
        <pre class="message-json">
          <code>{shown}</code>
        </pre>
      ) : (
        <p class="message-text" dir="auto">
          {splitLinks(shown).map(({ text: part, href }, index) =>
            href === undefined ? (
              part
            ) : (
              <a key={index} href={href} target="_blank" rel="noopener noreferrer nofollow">
                {part}
              </a>
            ),
          )}
        </p>
      )}
      {isLong && (
        <button type="button" class="text-button small" onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Show less" : `Show all ${text.length} characters`}
        </button>
      )}
    </>
  );
}
