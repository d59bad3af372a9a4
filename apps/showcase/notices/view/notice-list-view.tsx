/** All notifications that are kept, with the bell that counts the unread ones. */
import { useRef } from "preact/hooks";
import { Avatar } from "../../shared/avatar.js";
import { Icon } from "../../shared/icon.js";
import type { Notices, ShownNotice } from "../model/notices.js";
import { DesktopSwitch } from "./desktop-switch.js";

export function NoticeListView({ notices }: { notices: Notices }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { shown, unread, isLoaded } = notices;
  return (
    <section class="panel notice-panel" aria-labelledby="notices-heading">
      <div class="notices-head">
        <span class={unread > 0 ? "bell has-unread" : "bell"}>
          <Icon name="bell" />
          {unread > 0 && (
            <span class="bell-count" aria-hidden="true">
              {unread}
            </span>
          )}
        </span>
        <h2 ref={heading} id="notices-heading" class="panel-heading" tabIndex={-1}>
          Yours
        </h2>
        <p class="unread-words soft small" data-testid="unread">
          {unread === 0 ? "nothing unread" : `${unread} unread`}
        </p>
        <button
          type="button"
          class="button small"
          aria-disabled={unread === 0}
          onClick={() => unread > 0 && notices.markAllRead()}
        >
          <Icon name="check" />
          Mark all as read
        </button>
      </div>
      <DesktopSwitch desktop={notices.desktop} />
      {shown.length === 0 && (
        <p class="none soft">
          {isLoaded ? "Nothing here yet. Send yourself one." : "Loading notifications …"}
        </p>
      )}
      <ul class="notice-list" aria-label="Notifications">
        {shown.map((shownNotice) => (
          <NoticeItem
            key={shownNotice.offset}
            shown={shownNotice}
            notices={notices}
            onLast={() => heading.current?.focus()}
          />
        ))}
      </ul>
    </section>
  );
}

export interface NoticeItemProps {
  shown: ShownNotice;
  notices: Notices;
  /** Takes the focus where there is no other to take it. */
  onLast: () => void;
}

export function NoticeItem({ shown, notices, onLast }: NoticeItemProps) {
  const { offset, notice, isUnread } = shown;
  const { title, text, from, at } = notice;
  const what = title ?? text.slice(0, 40);
  return (
    <li class={isUnread ? "notice unread" : "notice"} data-testid="notice">
      <Avatar user={from.id} name={from.name} isSmall />
      <div class="notice-body">
        <p class="notice-from small">
          {isUnread && <span class="unread-tag">New</span>}
          <strong dir="auto">{from.name}</strong>
          <time class="soft" dateTime={new Date(at).toISOString()}>
            {describeTime(at, Date.now())}
          </time>
        </p>
        {title !== undefined && (
          <p class="notice-title" dir="auto">
            {title}
          </p>
        )}
        <p class="notice-text" dir="auto">
          {text}
        </p>
      </div>
      <div class="notice-tools">
        {isUnread && (
          <button
            type="button"
            class="icon-button"
            aria-label={`Mark as read: ${what}`}
            title="Mark as read"
            onClick={({ currentTarget }) => {
              // The button goes: the one beside it takes the focus.
              (currentTarget.nextElementSibling as HTMLElement | null)?.focus();
              notices.markRead(offset);
            }}
          >
            <Icon name="check" />
          </button>
        )}
        <button
          type="button"
          class="icon-button"
          aria-label={`Dismiss: ${what}`}
          title="Dismiss"
          data-dismiss
          onClick={({ currentTarget }) => {
            focusNeighbour(currentTarget, onLast);
            notices.dismiss(offset);
          }}
        >
          <Icon name="close" />
        </button>
      </div>
    </li>
  );
}

function focusNeighbour(button: HTMLElement, onLast: () => void): void {
  const item = button.closest("li");
  const neighbour = item?.nextElementSibling ?? item?.previousElementSibling;
  const next = neighbour?.querySelector<HTMLElement>("[data-dismiss]");
  if (next) next.focus();
  else onLast();
}

const time = new Intl.DateTimeFormat(undefined, {
  ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** The time of day, and before that the day, where it is another. */
export function describeTime(at: number, now: number): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString();
  return isToday ? time.format(at) : `${day.format(at)}, ${time.format(at)}`;
}
