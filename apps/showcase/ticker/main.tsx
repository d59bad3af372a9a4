/** The ticker: builds its model on the page's line, with the browser's clock and frames, and shows it. */
import { beginPage } from "../shared/frame/begin-page.js";
import { Ticker } from "./model/ticker.js";
import { createSdkLink } from "./sdk-link.js";
import "./ticker.css";
import "./quotes.css";
import { TickerView } from "./view/ticker-view.js";

beginPage({
  page: "ticker",
  action: "Open the ticker",
  what: "The ticker",
  create: ({ client }) => {
    const ticker = new Ticker({
      link: createSdkLink(client),
      clock: Date.now,
      nextFrame: (task) => {
        const id = requestAnimationFrame(task);
        return () => cancelAnimationFrame(id);
      },
      later: (delayMs, task) => {
        const timer = setTimeout(task, delayMs);
        return () => clearTimeout(timer);
      },
    });
    ticker.start();
    return ticker;
  },
  view: (ticker, visit) => <TickerView ticker={ticker} visit={visit} />,
});
