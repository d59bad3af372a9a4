/** Notifications: builds their model on the page's line, with the browser's clock and its own notifications, and shows it. */
import type { Client } from "@holdfast/client";
import type { ShowcaseApp } from "../server/app.js";
import { beginPage } from "../shared/frame/begin-page.js";
import "./notices.css";
import type { Visit } from "../shared/frame/visit.js";
import { Notices, type NoticesLink } from "./model/notices.js";
import { keptNotices } from "./server/marks.js";
import { browserDesktop } from "./view/desktop-switch.js";
import { GuestNoticesView, NoticesView } from "./view/notices-view.js";

const title = "Notifications · Holdfast";

beginPage({
  page: "notifications",
  what: "The page",
  create: (visit) => {
    let user = visit.account.user;
    const stay = { notices: open(), close };
    // A server that has forgotten everything gives the same name to a new user, with a channel of their own.
    const unwatch = visit.onChange(() => {
      if (visit.account.user === user) return;
      user = visit.account.user;
      stay.notices?.close();
      stay.notices = open();
    });
    /** Guests have no channel of their own. */
    function open(): Notices | undefined {
      return visit.isGuest ? undefined : begin(visit);
    }
    function close() {
      unwatch();
      stay.notices?.close();
      document.title = title;
    }
    return stay;
  },
  view: (stay, visit) =>
    stay.notices ? <NoticesView notices={stay.notices} visit={visit} /> : <GuestNoticesView visit={visit} />,
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

/** The one key in the map, as the server has it. */
const marksKey = "marks";

export function createSdkLink(client: Client<ShowcaseApp>, user: string): NoticesLink {
  const notices = client.channel("notices:{user}", { user });
  const marks = client.map("notice-marks:{user}", { user });
  return {
    onConnected: (listener) =>
      client.onStatus(({ state }) => {
        if (state === "connected") listener();
      }),
    isConnected: () => client.status.state === "connected",
    page: async (before) => {
      const { publications, position } = await notices.history({
        ...{ limit: keptNotices, reverse: true },
        ...(before && { since: before }),
      });
      const received = publications.map(({ data, offset = 0 }) => ({ offset, notice: data }));
      return { received, position };
    },
    read: (since, { onNotice, onStatus }) =>
      notices.subscribe(
        { onPublication: ({ data, offset = 0 }) => onNotice({ offset, notice: data }), onStatus },
        { since },
      ),
    watchMarks: (listener) =>
      marks.subscribe(({ kind }) => listener(marks.get(marksKey)?.data, kind === "reset")),
    mark: (change) => client.rpc("markNotices", change),
    notify: (name, text) => client.rpc("notify", { name, text }),
    notifyMe: (seconds) => client.rpc("notifyMe", { seconds }),
  };
}
