/** A connection of the command line to a server, through the SDK that browsers use. */
import type { Centrifuge, Options } from "centrifuge";
import { HoldfastError } from "../index.js";
import { isLoopback } from "../requests/origins.js";
import { type ErrorEvent, WebSocket } from "../websocket.js";
import { ownName } from "./command-name.js";
import { writeNote } from "./output.js";
import { readProgramKey, runFileOf } from "./run-file.js";
import { TextClient } from "./text-client.js";
import { withoutLocalStorage } from "./without-local-storage.js";

export interface ConnectionOptions {
  readonly url: string;
  readonly user?: string;
  readonly token?: string;
}

const webSocketPath = "/connection/websocket";
const firstConnectTimeoutMs = 5000;

/** @throws HF_CLI_USAGE when the address is no URL of a server */
export function createClient({ url, user, token }: ConnectionOptions): Centrifuge {
  let fault = "";
  class WatchedWebSocket extends WebSocket {
    constructor(...parameters: ConstructorParameters<typeof WebSocket>) {
      super(...parameters);
      this.addEventListener("error", (event) => {
        fault = (event as ErrorEvent).message;
      });
    }
  }
  const options: Partial<Options> = { websocket: WatchedWebSocket, name: "holdfast-cli" };
  const programKey = user === undefined && token === undefined ? findProgramKey(url) : undefined;
  // A server that knows nothing of it leaves it aside.
  if (programKey !== undefined) options.headers = { "x-api-key": programKey };
  if (user !== undefined) options.data = { user, info: { name: user } };
  if (token !== undefined) options.token = token;
  const client = withoutLocalStorage(() => new TextClient(toWebSocketUrl(url), options));
  faults.set(client, () => fault);
  return client;
}

/** What the newest attempt of a client to connect ended with. */
const faults = new WeakMap<Centrifuge, () => string>();

/** Of a showcase that this user runs on this machine. */
function findProgramKey(url: string): string | undefined {
  const { hostname, port } = parseUrl(url);
  return isLoopback(hostname) ? readProgramKey(runFileOf(Number(port || 80))) : undefined;
}

function parseUrl(text: string): URL {
  if (text.startsWith("unix:"))
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--url ${text}: a Unix socket is for proxies; name the address of the proxy before it, or serve on a port`,
    );
  try {
    return new URL(text.includes("://") ? text : `http://${text}`);
  } catch (cause) {
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--url ${text} is not a URL; http://localhost:8000 would be one`,
      { cause },
    );
  }
}

function toWebSocketUrl(text: string): string {
  const url = parseUrl(text);
  const scheme = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" }[url.protocol];
  if (scheme === undefined)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--url must begin with http, https, ws or wss, not ${url.protocol}`,
    );
  // What ends with a slash is where the server is mounted.
  const path = url.pathname.endsWith("/") ? url.pathname.slice(0, -1) + webSocketPath : url.pathname;
  return `${scheme}//${url.host}${path}${url.search}`;
}

/**
 * Connects for a command that has something to do at once.
 * @throws HF_CLI_CONNECTION when the server does not answer in time, or refuses
 */
export async function connectOnce(client: Centrifuge, url: string): Promise<void> {
  const refused = whenRefused(client);
  const failed = new Promise<never>((_resolve, reject) => {
    client.once("error", ({ error }) => reject(error));
  });
  failed.catch(() => {});
  client.connect();
  try {
    await Promise.race([client.ready(firstConnectTimeoutMs), refused, failed]);
  } catch (error) {
    client.disconnect();
    if (error instanceof HoldfastError) throw error;
    throw new HoldfastError("HF_CLI_CONNECTION", unreachable(client, url), { cause: error });
  }
}

function unreachable(client: Centrifuge, url: string): string {
  const [, status] = /answered (\d{3})/.exec(faults.get(client)?.() ?? "") ?? [];
  if (status !== undefined)
    return `${url} answers with status ${status} in the place of a WebSocket. ${adviceFor(status)}`;
  return `cannot reach ${url}. Is a server running there? "${ownName} serve" starts one; --url names another.`;
}

function adviceFor(status: string): string {
  if (status === "404")
    return "Where the server is below a path, name that with a slash at its end, such as http://example.com/rt/.";
  if (status === "426" || status === "400")
    return "A proxy in between has to pass the fields Upgrade and Connection on.";
  if (status === "403") return "The server knows no such name of its own, or the proxy lets nobody in.";
  return "A proxy in between may answer in the server's place.";
}

/** Rejects when the server ends the connection for good. @throws HF_CLI_CONNECTION */
export function whenRefused(client: Centrifuge): Promise<never> {
  const refusal = new Promise<never>((_resolve, reject) => {
    client.on("disconnected", ({ code, reason }) => {
      // Code 0 is this side's own wish.
      if (code !== 0)
        reject(new HoldfastError("HF_CLI_CONNECTION", `the server refused: ${reason} (code ${code})`));
    });
  });
  refusal.catch(() => {});
  return refusal;
}

/** Says on standard error when the connection is lost and found again. */
export function reportConnection(client: Centrifuge, url: string): void {
  let isLost = false;
  client.on("connecting", ({ code }) => {
    // Code 0 is the first connect; the others follow a loss.
    if (code === 0 || isLost) return;
    isLost = true;
    writeNote(`holdfast: lost the connection to ${url}, reconnecting …`);
  });
  client.on("error", () => {
    if (isLost) return;
    isLost = true;
    writeNote(`holdfast: ${unreachable(client, url)} Trying again …`);
  });
  client.on("connected", () => {
    if (isLost) writeNote(`holdfast: connected to ${url}`);
    isLost = false;
  });
}
