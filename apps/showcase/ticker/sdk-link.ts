/** The ticker's channels and methods, through the typed client of the application. */
import type { Client } from "@holdfast/client";
import type { ShowcaseApp } from "../server/app.js";
import type { TickerLink } from "./model/link.js";
import { keptSamples, quotesChannel } from "./server/ticker-types.js";

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
