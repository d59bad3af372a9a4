/** The page: the water on the one side, the table on the other. */
import { PageFrame } from "../../shared/frame/page-frame.js";
import type { Visit } from "../../shared/frame/visit.js";
import type { Leaderboard } from "../model/leaderboard.js";
import { Table } from "./table.js";
import { Water } from "./water.js";

export function LeaderboardPage({ leaderboard, visit }: { leaderboard: Leaderboard; visit: Visit }) {
  const other = visit.account.name === "Bo" ? "Ann" : "Bo";
  return (
    <PageFrame
      visit={visit}
      page="leaderboard"
      aside={
        <a href={`?as=${other}`} target="_blank" rel="noopener">
          Open a second window as {other}
        </a>
      }
    >
      <div class="board-columns">
        <Water leaderboard={leaderboard} visit={visit} />
        <Table leaderboard={leaderboard} />
      </div>
    </PageFrame>
  );
}
