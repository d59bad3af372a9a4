/** The page of the live leaderboard. */
import { beginPage } from "../shared/frame/begin-page.js";
import "./leaderboard.css";
import "./water.css";
import { Leaderboard } from "./model/leaderboard.js";
import { LeaderboardPage } from "./view/leaderboard-page.js";

beginPage({
  page: "leaderboard",
  what: "The leaderboard",
  create: (visit) =>
    new Leaderboard(visit, {
      clock: () => performance.now(),
      later: (delayMs, task) => {
        const timer = setTimeout(task, delayMs);
        return () => clearTimeout(timer);
      },
    }),
  view: (leaderboard, visit) => <LeaderboardPage leaderboard={leaderboard} visit={visit} />,
});
