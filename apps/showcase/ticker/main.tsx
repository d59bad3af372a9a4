/** The ticker: builds its model on the page's line, with the browser's clock and frames, and shows it. */
import type { Client } from "@holdfast/client";
import type { ShowcaseApp } from "../server/app.js";
import { beginPage } from "../shared/frame/begin-page.js";
import "./ticker.css";
import "./quotes.css";
import { Ticker, type TickerLink } from "./model/ticker.js";
import { keptSamples, quotesChannel } from "./server/ticker-types.js";
import { TickerView } from "./view/ticker-view.js";

beginPage({
  page: "ticker",
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

export function createSdkLink(client: Client<ShowcaseApp>): TickerLink {
  const quotes = client.channel(quotesChannel);
  const machine = (metric: string) => client.channel("machine:{metric}", { metric });
  return {
    onConnected: (listener) =>
      client.onStatus(({ state }) => {
        if (state === "connected") listener();
      }),
    isConnected: () => client.status.state === "connected",
    snapshot: () => client.rpc("quotes", {}),
    historyOf: (symbol) => client.rpc("quoteHistory", { symbol }),
    head: async () => (await quotes.history({ limit: 0 })).position.offset,
    readQuotes: (since, { onQuote, onStatus }) =>
      quotes.subscribe(
        { onPublication: ({ data, offset = 0 }) => onQuote(data, offset), onStatus },
        { since },
      ),
    samplesOf: async (metric) => {
      const { publications, position } = await machine(metric).history({ limit: keptSamples });
      return { samples: publications.map(({ data }) => data), position };
    },
    readSamples: (metric, since, { onSample, onStatus }) =>
      machine(metric).subscribe({ onPublication: ({ data }) => onSample(data), onStatus }, { since }),
  };
}
