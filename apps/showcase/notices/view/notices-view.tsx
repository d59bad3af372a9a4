/** The page: the list, and beside it the ways by which something gets into it. */
import { PageFrame } from "../../shared/frame/page-frame.js";
import type { Visit } from "../../shared/frame/visit.js";
import { useChanges } from "../../shared/hooks.js";
import type { Notices } from "../model/notices.js";
import { CurlPanel } from "./curl-panel.js";
import { NoticeListView } from "./notice-list-view.js";
import { SendPanel } from "./send-panel.js";
import { ToastStack } from "./toast-stack.js";

export function NoticesView({ notices, visit }: { notices: Notices; visit: Visit }) {
  useChanges(notices);
  const { problem } = notices;
  return (
    <PageFrame visit={visit} page="notices">
      {problem !== undefined && (
        <p class="problem" role="alert">
          That did not work: {problem}.{" "}
          <button type="button" class="text-button" onClick={() => notices.begin()}>
            Try again
          </button>
        </p>
      )}
      <div class="notices">
        <NoticeListView notices={notices} />
        <div class="ways">
          <SendPanel notices={notices} />
          <CurlPanel user={visit.account.user} />
        </div>
      </div>
      <ToastStack toasts={notices.toasts} />
    </PageFrame>
  );
}

/** What a guest sees: what the page is for, and how to get a channel of one's own. */
export function GuestNoticesView({ visit }: { visit: Visit }) {
  return (
    <PageFrame visit={visit} page="notices">
      <div class="notices">
        <section class="panel" aria-labelledby="notices-heading">
          <h2 id="notices-heading" class="panel-heading">
            Yours
          </h2>
          <p class="guest-note">
            Notifications go to a name. Choose one, and send yourself the first: it arrives in every window
            that is open under it.
          </p>
          <button type="button" class="button primary" onClick={() => void visit.askName()}>
            Choose a name
          </button>
        </section>
        <div class="ways">
          <CurlPanel user="USER" />
        </div>
      </div>
    </PageFrame>
  );
}
