/** What every page names: the pages that a visitor can go to, and the command. In one file, since each more is one more request. */

/** In the order in which a visitor meets them; folders of the showcase. */
export const sitePages = [
  { path: "", title: "Story" },
  { path: "chat/", title: "Chat" },
  { path: "leaderboard/", title: "Leaderboard" },
  { path: "canvas/", title: "Canvas" },
  { path: "ticker/", title: "Ticker" },
  { path: "notices/", title: "Notifications" },
  { path: "lab/", title: "Lab" },
  { path: "play/", title: "Playground" },
] as const;

/** The command as it works in the folder where `npm start` was run: npm links it there, so that `npx` finds it. */
export const command = "npx holdfast";
