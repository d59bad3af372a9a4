/** The page: the list, and beside it the ways by which something gets into it. */
import { PageFrame } from "../../shared/frame/page-frame.js";
import type { Visit } from "../../shared/frame/visit.js";
import { useChanges } from "../../shared/hooks.js";
import type { Notices } from "../model/notices.js";
import { CurlPanel } from "./curl-panel.js";
import { NoticeListView } from "./notice-list-view.js";
import { SendPanel } from "./send-panel.js";
import { ToastStack } from "./toast-stack.js";

const lead =
  "A channel that only you can read and only the server can write to. Open this page twice: what you read in one window is " +
  "read in the other. Cut the line and have one sent meanwhile: it is there when you are back, once.";

export function NoticesView({ notices, visit }: { notices: Notices; visit: Visit }) {
  useChanges(notices);
  const { problem } = notices;
  return (
    <PageFrame visit={visit} page="notifications" title="Notifications" lead={lead}>
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
      <ToastStack notices={notices} />
    </PageFrame>
  );
}
