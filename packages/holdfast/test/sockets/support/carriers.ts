/** One suite for everything that carries WebSockets: TCP with direct writes and without, TLS, HTTP/2. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { onTestFinished, vi } from "vitest";
import type { ListenOptions, WebSocket, WebSocketServerOptions } from "../../../src/websocket.js";
import { testTls } from "../../support/tls.js";

type Library = typeof import("../../../src/websocket.js");

export interface Carrier {
  readonly name: string;
  readonly isDirect: boolean;
  readonly listen: ListenOptions;
  readonly isHttp2: boolean;
}

export const carriers: readonly Carrier[] = [
  { name: "TCP", isDirect: true, listen: {}, isHttp2: false },
  { name: "TCP without direct writes", isDirect: false, listen: {}, isHttp2: false },
  { name: "TLS", isDirect: true, listen: { tls: testTls }, isHttp2: false },
  { name: "HTTP/2", isDirect: true, listen: {}, isHttp2: true },
  { name: "HTTP/2 with TLS", isDirect: true, listen: { tls: testTls }, isHttp2: true },
];

/** A server and its sockets, and what opens clients to it. */
export async function startCarrier(
  { isDirect, listen, isHttp2 }: Carrier,
  options: Partial<WebSocketServerOptions> = {},
) {
  if (!isDirect) {
    vi.stubEnv("HOLDFAST_DIRECT_WRITES", "off");
    vi.resetModules();
  }
  onTestFinished(() => {
    vi.unstubAllEnvs();
    if (!isDirect) vi.resetModules();
  });
  // Loaded anew where the environment is another.
  const library: Library = await import("../../../src/websocket.js");
  const { startSockets } = await import("./servers.js");
  const running = await startSockets(options, listen);
  const authority = `127.0.0.1:${running.port}`;
  const open = async (clientOptions = {}): Promise<WebSocket> => {
    const session = isHttp2
      ? connectHttp2(`${listen.tls ? "https" : "http"}://${authority}`, { ca: testTls.cert })
      : undefined;
    session?.on("error", () => {});
    const client = new library.WebSocket(`${running.url}/`, {
      tls: { ca: testTls.cert },
      ...(session && { http2Session: session }),
      ...clientOptions,
    });
    onTestFinished(() => {
      client.terminate();
      session?.destroy();
    });
    await once(client, "open");
    return client;
  };
  return { ...running, open, library };
}
