/** `/metrics` on the server's own port, for programs with a key of the API, whatever its scope. */
import { expositionType } from "../observe/exposition.js";
import type { HttpExchange } from "../requests/exchange.js";
import { refuse } from "../requests/refusals.js";
import type { ApiKeys } from "./api/keys.js";

export interface MetricsSource {
  /** @returns all metrics as text */
  readonly scrape: () => Promise<string>;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export interface MetricsRouteOptions extends MetricsSource {
  readonly keys: ApiKeys;
}

/** @returns a handler of requests to `/metrics` */
export function createMetricsRoute(options: MetricsRouteOptions) {
  const { keys } = options;
  return (exchange: HttpExchange): void => {
    exchange.request.resume();
    const key = keys.isEmpty ? noKeys : keys.identify(exchange.admitted);
    if ("status" in key) exchange.refuse(key);
    else void sendMetrics(exchange, options);
  };
}

const noKeys = refuse(
  401,
  "Metrics need a key: set apiKeys (--api-keys) and send one as X-API-Key, or serve metrics on a port of their own with adminPort (--admin-port).",
);

/** Never rejects. */
export async function sendMetrics(exchange: HttpExchange, { scrape, onError }: MetricsSource): Promise<void> {
  try {
    const text = await scrape();
    const { response, headers } = exchange;
    if (exchange.isClosed) return;
    response.writeHead(200, { "Content-Type": expositionType, "Cache-Control": "no-store", ...headers });
    response.end(exchange.method === "HEAD" ? undefined : text);
  } catch (error) {
    onError(error, { stage: "answering /metrics" });
    exchange.refuse(refuse(500, "internal server error"));
  }
}
