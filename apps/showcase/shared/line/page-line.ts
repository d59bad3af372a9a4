/** The one connection of a page: the typed client, how it stands in words, what goes over it, and a switch that cuts it. */
import { type Client, connect } from "@holdfast/client";
import { createDevtools, type Devtools, type LogListeners } from "@holdfast/client/devtools";
import type { ShowcaseApp } from "../../server/app.js";
import { basePathOf } from "../base-path.js";
import { ConnectionStatus } from "./connection-status.js";

export interface PageLineOptions {
  /** The query of the page's address. */
  readonly search: string;
  readonly onChange: () => void;
  /** The server knows no session for what the browser sent, or the person has logged out in another window. */
  readonly onSessionEnd: (why: "unknown" | "logged out") => void;
}

const maxReconnectDelayMs = 10_000;
const unknownCode = 3501;
const loggedOutCode = 4501;

export class PageLine {
  readonly client: Client<ShowcaseApp>;
  readonly status: ConnectionStatus;
  readonly devtools: Devtools;

  constructor({ search, onChange, onSessionEnd }: PageLineOptions) {
    const status = new ConnectionStatus(Date.now, onChange);
    this.status = status;
    this.devtools = createPageDevtools({
      onChange,
      client: () => this.client,
      onRecovery: ({ channel, isRecovered, count }) =>
        status.receiveRoomReturn(channel, isRecovered ? { isRecovered, count } : { isRecovered }),
      onSubscribed: (channel) => status.forgetRoom(channel),
    });
    this.client = connect<ShowcaseApp>(addressOf(search), {
      ...connectionOptions(this.devtools, status),
      // What is behind it comes as a status, too.
      onError: () => {},
    });
    this.devtools.attach(this.client);
    this.client.onStatus((now) => {
      if (now.state === "connecting") status.receiveConnecting();
      else if (now.state === "connected") status.receiveConnected(this.devtools.log.positions.keys());
      else {
        status.receiveDisconnected(now.code, now.reason);
        if (now.code === unknownCode) onSessionEnd("unknown");
        if (now.code === loggedOutCode) onSessionEnd("logged out");
      }
    });
  }

  tryNow(): void {
    this.client.reconnect();
  }

  close(): void {
    this.client.close();
  }
}

/** Of the server; `as` in the page's address names a session of its own, also for the WebSocket. */
export function addressOf(search: string): string {
  const as = new URLSearchParams(search).get("as");
  return basePathOf() + (as === null ? "" : `?${new URLSearchParams({ as })}`);
}

export interface PageDevtoolsOptions extends LogListeners {
  readonly onChange: () => void;
  readonly client: () => Client<ShowcaseApp> | undefined;
}

/** Devtools that can also have the server close the connection. */
export function createPageDevtools({ client, ...options }: PageDevtoolsOptions): Devtools {
  return createDevtools({
    ...options,
    actions: [
      {
        label: "Have the server close",
        title: "Ask the server to close this connection: code 4000, after which clients reconnect",
        run: async () => {
          const connected = client();
          if (connected?.status.state !== "connected")
            throw new Error("There is no open connection to close.");
          // The reply may be lost with the connection.
          await connected.rpc("closeConnection").catch(() => {});
        },
      },
    ],
  });
}

/** Options of the client that tell both the devtools and the status of delays. */
export function connectionOptions(devtools: Devtools, status: ConnectionStatus) {
  const { webSocket, onReconnectDelay } = devtools.clientOptions;
  return {
    webSocket,
    maxReconnectDelayMs,
    onReconnectDelay: (delayMs: number) => {
      onReconnectDelay(delayMs);
      status.receiveRetryDelay(delayMs);
    },
  };
}
