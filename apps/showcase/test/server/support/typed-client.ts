/** Somebody of the showcase with the typed client, as its pages have it, over a connection of their own. */
import { onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { type Client, connect } from "../../../../../packages/client/src/node.js";
import type { ShowcaseApp } from "../../../server/app.js";
import type { ShowcaseServer, Somebody } from "./showcase-server.js";

export function openClient({ url }: ShowcaseServer, { cookie }: Somebody): Client<ShowcaseApp> {
  class WithSession extends WsWebSocket {
    constructor(address: string, protocols?: string[]) {
      super(address, protocols, { headers: { Cookie: cookie, Origin: url } });
    }
  }
  const client = connect<ShowcaseApp>(url, {
    ...{ webSocket: WithSession, minReconnectDelayMs: 20, maxReconnectDelayMs: 100 },
  });
  onTestFinished(() => client.close());
  return client;
}
