/** A connection of the command line to a server, through the SDK that browsers use. */
import type { Centrifuge, Options } from "centrifuge";
import { withoutLocalStorage } from "../client/without-local-storage.js";
import { HoldfastError } from "../index.js";
import { WebSocket } from "../websocket.js";
import { ownName } from "./command-name.js";
import { writeNote } from "./output.js";
import { TextClient } from "./text-client.js";

export interface ConnectionOptions {
  readonly url: string;
  readonly user?: string;
  readonly token?: string;
}

const webSocketPath = "/connection/websocket";
const firstConnectTimeoutMs = 5000;

/** @throws HF_CLI_USAGE when the address is no URL of a server */
export function createClient({ url, user, token }: ConnectionOptions): Centrifuge {
  const options: Partial<Options> = { websocket: WebSocket, name: "holdfast-cli" };
  if (user !== undefined) options.data = { user, info: { name: user } };
  if (token !== undefined) options.token = token;
  return withoutLocalStorage(() => new TextClient(toWebSocketUrl(url), options));
}

function toWebSocketUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text.includes("://") ? text : `http://${text}`);
  } catch (cause) {
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--url ${text} is not a URL; http://localhost:8000 would be one`,
      { cause },
    );
  }
  const scheme = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" }[url.protocol];
  if (scheme === undefined)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--url must begin with http, https, ws or wss, not ${url.protocol}`,
    );
  const path = url.pathname === "/" ? webSocketPath : url.pathname;
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
    throw new HoldfastError("HF_CLI_CONNECTION", unreachable(url), { cause: error });
  }
}

export function unreachable(url: string): string {
  return `cannot reach ${url}. Is a server running there? "${ownName} serve" starts one; --url names another.`;
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
    writeNote(`holdfast: ${unreachable(url)} Trying again …`);
  });
  client.on("connected", () => {
    if (isLost) writeNote(`holdfast: connected to ${url}`);
    isLost = false;
  });
}
