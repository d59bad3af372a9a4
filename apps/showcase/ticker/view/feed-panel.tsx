/** What the feed is, how fast it comes, and a switch that makes this page a slow reader. */
import { useNow } from "../../shared/hooks.js";
import type { Slowness } from "../model/quote-reader.js";
import type { Ticker } from "../model/ticker.js";
import { formatCount } from "./format.js";

const clock = new Intl.DateTimeFormat(undefined, {
  ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
  hourCycle: "h23",
});

export function FeedPanel({ ticker }: { ticker: Ticker }) {
  const now = useNow(true);
  const { feed, reader } = ticker;
  const { received, passedOver } = reader.rates.perSecond;
  const { slowness } = reader;
  const isAway = slowness.state === "away" || slowness.state === "catching up";
  return (
    <section class="panel feed" aria-labelledby="feed-heading">
      <h2 id="feed-heading" class="panel-heading">
        The feed
      </h2>
      <dl class="rates">
        <div>
          <dt>changes received</dt>
          <dd data-testid="received-rate">{formatCount(received)}/s</dd>
        </div>
        <div>
          <dt>skipped for newer values</dt>
          <dd data-testid="passed-rate">{formatCount(passedOver)}/s</dd>
        </div>
        <div>
          <dt>received in all</dt>
          <dd data-testid="received-total">{formatCount(reader.rates.total.received)}</dd>
        </div>
      </dl>
      <p class="soft small">
        Made up: 200 prices that walk at random
        {feed && ` (seed ${feed.seed}), ${feed.changesPerSecond} changes a second`}. No such company exists.{" "}
        {feed && (
          <span data-testid="feed-state">
            It runs only while somebody is subscribed: since {clock.format(feed.startedAt)}, and until{" "}
            {feed.lingerMs / 1000} s after the last one has left.
          </span>
        )}
      </p>
      <div class="slow">
        <button
          type="button"
          class="button"
          aria-pressed={isAway}
          aria-disabled={isAway || !feed}
          onClick={() => reader.beSlow()}
        >
          {slowness.state === "away"
            ? `Not reading: ${Math.max(1, Math.ceil((slowness.until - now) / 1000))} s`
            : "Be a slow reader for 8 s"}
        </button>
        <p class="small" role="status" data-testid="slowness">
          {describe(slowness)}
        </p>
      </div>
      <p class="soft small">
        A browser keeps reading its WebSocket whatever the page does. So the page leaves the channel, keeps
        its position, and comes back with it. Nothing is queued for it meanwhile.
      </p>
    </section>
  );
}

function describe(slowness: Slowness): string {
  switch (slowness.state) {
    case "reading":
      return "";
    case "away":
      return "Prices stop changing here, and nowhere else.";
    case "catching up":
      return "Continuing from its position …";
    case "back": {
      const { made, came } = slowness;
      return `${formatCount(made)} changes happened meanwhile. ${formatCount(came)} arrived: the newest ones, without a backlog.`;
    }
  }
}
