/** The channel and the map of a person, and the methods, through the typed client of the application. */
import type { Client } from "@holdfast/client";
import type { ShowcaseApp } from "../server/app.js";
import type { NoticesLink } from "./model/link.js";
import { keptNotices } from "./server/limits.js";

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
