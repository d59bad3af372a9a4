/** Notifications: builds their model on the page's line, with the browser's clock and its own notifications, and shows it. */
import { beginPage } from "../shared/frame/begin-page.js";
import type { Visit } from "../shared/frame/visit.js";
import { Notices } from "./model/notices.js";
import "./notices.css";
import { createSdkLink } from "./sdk-link.js";
import { browserDesktop } from "./view/browser-desktop.js";
import { NoticesView } from "./view/notices-view.js";

const title = "Notifications · Holdfast";

beginPage({
  page: "notifications",
  action: "Open my notifications",
  what: "The page",
  create: (visit) => {
    let user = visit.account.user;
    const stay = { notices: begin(visit), close };
    // A server that has forgotten everything gives the same name to a new user, with a channel of their own.
    const unwatch = visit.onChange(() => {
      if (visit.account.user === user) return;
      user = visit.account.user;
      stay.notices.close();
      stay.notices = begin(visit);
    });
    function close() {
      unwatch();
      stay.notices.close();
      document.title = title;
    }
    return stay;
  },
  view: (stay, visit) => <NoticesView notices={stay.notices} visit={visit} />,
});

function begin({ client, account, storage }: Visit): Notices {
  const notices = new Notices({
    link: createSdkLink(client, account.user),
    later: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    desktop: browserDesktop,
    storage,
  });
  notices.onChange(() => {
    const { unread } = notices;
    const wanted = unread > 0 ? `(${unread}) ${title}` : title;
    if (document.title !== wanted) document.title = wanted;
  });
  notices.start();
  return notices;
}
