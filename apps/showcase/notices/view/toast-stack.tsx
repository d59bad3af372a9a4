/** What has just come, in the corner: read out when there is time for it, and never in the way of the focus. */
import { Avatar } from "../../shared/avatar.js";
import { Icon } from "../../shared/icon.js";
import { headingOf } from "../model/desktop.js";
import type { Toasts } from "../model/toasts.js";
import "../toasts.css";

/** @param isLive whether it would be told of what comes now */
export function ToastStack({ toasts, isLive = true }: { toasts: Toasts; isLive?: boolean }) {
  return (
    <div
      class="toasts"
      data-live={isLive}
      role="status"
      aria-live="polite"
      aria-atomic="false"
      onMouseEnter={() => toasts.hold()}
      onMouseLeave={() => toasts.release()}
      onFocusIn={() => toasts.hold()}
      onFocusOut={() => toasts.release()}
    >
      {toasts.shown.map(({ offset, notice }) => (
        <div key={offset} class="toast" data-testid="toast">
          <Avatar user={notice.from.id} name={notice.from.name} isSmall />
          <div class="toast-body">
            <p class="toast-title" dir="auto">
              {headingOf(notice)}
            </p>
            <p class="toast-text" dir="auto">
              {notice.text}
            </p>
          </div>
          <button
            type="button"
            class="icon-button"
            aria-label={`Close: ${headingOf(notice)}`}
            onClick={() => toasts.remove(offset)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
