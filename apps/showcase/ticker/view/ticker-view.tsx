/** The page: the feed and the chosen symbol beside all symbols, and this machine below. */
import { PageFrame } from "../../shared/frame/page-frame.js";
import type { Visit } from "../../shared/frame/visit.js";
import { useChanges } from "../../shared/hooks.js";
import type { Ticker } from "../model/ticker.js";
import { ChosenPanel } from "./chosen-panel.js";
import { FeedPanel } from "./feed-panel.js";
import { MachinePanel } from "./machine-panel.js";
import { QuoteTable } from "./quote-table.js";

export function TickerView({ ticker, visit }: { ticker: Ticker; visit: Visit }) {
  useChanges(ticker);
  const { problem } = ticker;
  return (
    <PageFrame visit={visit} page="ticker">
      {problem !== undefined && (
        <p class="problem" role="alert">
          The server says: {problem}.{" "}
          <button type="button" class="text-button" onClick={() => ticker.begin()}>
            Try again
          </button>
        </p>
      )}
      <div class="ticker">
        <QuoteTable ticker={ticker} />
        <ChosenPanel ticker={ticker} />
        <FeedPanel ticker={ticker} />
      </div>
      <MachinePanel ticker={ticker} />
    </PageFrame>
  );
}
