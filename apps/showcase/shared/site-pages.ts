/** The pages that a visitor can go to. */

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
