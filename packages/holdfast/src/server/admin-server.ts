/**
 * The listener of `adminPort`: metrics and health for those who run the server, without a key, since whoever can reach the port may
 * read them. Pages of other origins and names made to point at this machine are refused, as on the server's own port.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { HoldfastError, messageOf } from "../errors.js";
import { sendMetrics } from "../http/metrics-route.js";
import { sendHealth } from "../http/router.js";
import type { ServerSettings } from "../options/schema.js";
import { TrustedProxies } from "../requests/addresses.js";
import { HttpExchange } from "../requests/exchange.js";
import { isLoopback } from "../requests/origins.js";
import { methodNotAllowed, refuse, sendRefusal } from "../requests/refusals.js";
import { RequestPolicy, type RequestRule } from "../requests/request-policy.js";
import { pathOf, toOpeningRequest } from "../sockets/opening-request.js";
import { handleOf } from "../sockets/passed-socket.js";

export interface AdminServerOptions {
  readonly port: number;
  readonly host: string;
  readonly scrape: () => Promise<string>;
  /** Whether new clients are welcome. */
  readonly isReady: () => boolean;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** @returns undefined where no port is set for it */
export function createAdminServer(
  { adminPort: port, adminHost: host, onError }: ServerSettings,
  sources: Pick<AdminServerOptions, "scrape" | "isReady">,
): AdminServer | undefined {
  return port === null ? undefined : new AdminServer({ port, host, ...sources, onError });
}

const rule: RequestRule = { audience: "servers" };
const methods = ["GET", "HEAD"];
const paths = ["/metrics", "/health", "/health/live"];
const maxConnections = 100;
const timeoutMs = 10_000;

export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #server: Server;
  readonly #policy: RequestPolicy;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#server = createServer(
      { requestTimeout: timeoutMs, headersTimeout: timeoutMs, keepAliveTimeout: timeoutMs },
      (request, response) => this.#answer(request, response),
    );
    this.#server.maxConnections = maxConnections;
    this.#policy = new RequestPolicy({
      allowedOrigins: [],
      trustedProxies: new TrustedProxies([]),
      isLocalOnly: () => isLoopback(options.host),
    });
  }

  /** The port, once it listens. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The listening socket; undefined where it cannot be shared. */
  get handle(): object | undefined {
    return handleOf(this.#server);
  }

  /** @param handle of another process's listening socket; @throws HF_SERVER_LISTEN when the address is in use or not permitted */
  async listen(handle?: object): Promise<void> {
    const { port, host, onError } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause) =>
        reject(
          new HoldfastError(
            "HF_SERVER_LISTEN",
            `cannot listen for metrics at ${host}:${port} (adminPort): ${messageOf(cause)}`,
            { cause },
          ),
        ),
      );
      if (handle) this.#server.listen(handle, resolve);
      else this.#server.listen({ port, host }, resolve);
    });
    this.#server.removeAllListeners("error");
    this.#server.on("error", (error) => onError(error, { stage: "listening for metrics" }));
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const verdict = this.#policy.decide(toOpeningRequest(request), request.method ?? "", rule);
    if ("status" in verdict) {
      sendRefusal(response, verdict, {}, "json");
      return;
    }
    const exchange = new HttpExchange(request, response, verdict);
    const path = pathOf(request.url ?? "/");
    if (!paths.includes(path))
      exchange.refuse(refuse(404, `There is nothing at ${path}. Paths: ${paths.join(", ")}.`));
    else if (!methods.includes(exchange.method)) exchange.refuse(methodNotAllowed(request.method, methods));
    else if (path !== "/metrics") sendHealth(response, path !== "/health" || this.#options.isReady());
    else void sendMetrics(exchange, this.#options);
  }
}
