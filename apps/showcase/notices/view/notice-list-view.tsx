/** All notifications that are kept, with the bell that counts the unread ones. */
import { useRef } from "preact/hooks";
import { Icon } from "../../shared/icon.js";
import type { Notices } from "../model/notices.js";
import { DesktopSwitch } from "./desktop-switch.js";
import { NoticeItem } from "./notice-item.js";

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
          {isLoaded ? "Nothing here yet. Have one sent to yourself." : "Asking for your notifications …"}
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
