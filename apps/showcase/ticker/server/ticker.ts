/**
 * The ticker: a generated feed of 200 symbols in one channel of kind `latest`, where a reader that lags gets the newest of
 * each; and this machine's own meters, in streams with a short history. Only the server publishes.
 */
import { type AccessContext, channel, reject, rpc, type User } from "holdfast";
import { z } from "zod";
import { type PartContext, type RunningPart, repeat } from "../../server/part.js";
import { createMeasure, MachineFeed } from "./machine-feed.js";
import { QuoteFeed } from "./quote-feed.js";
import {
  keptSamples,
  type MachineSample,
  metrics,
  type Quote,
  type QuotesSnapshot,
  quotesChannel,
  type SymbolHistory,
} from "./ticker-types.js";

const notWelcome = 403;
const unknown = 404;

/** Who may read may not do anything else. */
function readOnly(rule: (user: User, metric: string) => Promise<boolean>) {
  const read = ({ user, params }: AccessContext) => rule(user, params.metric ?? "");
  return { subscribe: read, history: read, publish: false, presence: false } as const;
}

function isMetric(name: string): boolean {
  return (metrics as readonly string[]).includes(name);
}

export function createTicker(context: PartContext) {
  const { store, mayLook, now } = context;
  const onError = (error: unknown) => context.onError(error, { stage: "feeding the ticker" });
  const countIn = async (name: string) => (await store.server.presenceStats(name as never)).numClients;
  const publish = (name: string, data: unknown, key?: string) =>
    store.server.publish(name as never, data as never, key === undefined ? {} : { key });
  const quotes = new QuoteFeed({
    ...{ now, repeat, onError },
    publish: (quote) => publish(quotesChannel, quote, quote.symbol),
    count: () => countIn(quotesChannel),
  });
  const machine = new MachineFeed({
    ...{ now, repeat, onError },
    measure: createMeasure(),
    publish: (metric, sample) => publish(`machine:${metric}`, sample),
    count: async () =>
      Math.max(...(await Promise.all(metrics.map((metric) => countIn(`machine:${metric}`))))),
  });
  const running: RunningPart = {
    start: () => {
      quotes.start();
      machine.start();
    },
    stop: () => {
      quotes.stop();
      machine.stop();
    },
  };
  return {
    running,
    channels: {
      [quotesChannel]: channel<Quote>({
        kind: "latest",
        // More than a cut line misses: so that it goes on where it was.
        history: { size: 12_000, ttl: "1m" },
        // Who counts the readers is the server alone.
        presence: true,
        // Worthless a moment later.
        durability: "memory",
        allow: readOnly(mayLook),
        subscribe: () => quotes.arrive(),
      }),
      "machine:{metric}": channel<MachineSample>({
        history: { size: keptSamples, ttl: "5m" },
        presence: true,
        durability: "memory",
        allow: readOnly(async (user, metric) => isMetric(metric) && (await mayLook(user))),
        subscribe: () => machine.arrive(),
      }),
    },
    rpc: {
      quotes: rpc({
        allow: "all",
        handler: async ({ user }): Promise<QuotesSnapshot> => {
          if (!(await mayLook(user))) reject(notWelcome, "a moderator has banned you");
          quotes.arrive();
          // The position first: what is in the log up to it, the market knows already.
          const { position } = await store.server.history(quotesChannel as never, { limit: 0 });
          return { position, ...quotes.snapshot() };
        },
      }),
      quoteHistory: rpc({
        input: z.object({ symbol: z.string().min(1).max(8) }),
        allow: "all",
        handler: async ({ user, data }): Promise<SymbolHistory> => {
          if (!(await mayLook(user))) reject(notWelcome, "a moderator has banned you");
          return quotes.historyOf(data.symbol) ?? reject(unknown, `unknown symbol ${data.symbol}`);
        },
      }),
    },
  } as const;
}
