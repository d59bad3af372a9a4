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
      title="The live leaderboard"
      lead={
        <>
          Catch what drifts by: everybody sees your score as you make it. Open{" "}
          <a href={`?as=${other}`} target="_blank" rel="noopener">
            a second window as {other}
          </a>{" "}
          and watch it climb there, or cut the line in the middle of a round: no catch is lost.
        </>
      }
    >
      <div class="board-columns">
        <Water leaderboard={leaderboard} />
        <Table leaderboard={leaderboard} />
      </div>
    </PageFrame>
  );
}
