/** Servers with an application, and SDK clients of them. Everything is closed when the test ends. */
import { createHmac } from "node:crypto";
import { Centrifuge, type Options, type Subscription, type TransportEndpoint } from "centrifuge";
import { onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { type App, createServer, type HoldfastServer, type ServerOptions } from "../../src/index.js";
import { withoutLocalStorage } from "../../src/without-local-storage.js";

export const apiKey = "0123456789abcdef0123456789abcdef";
export const secret = "a secret of the tests that is long enough for HS256";

export async function startApp<A extends App>(app: A, options: ServerOptions = {}) {
  const errors: unknown[] = [];
  const server: HoldfastServer<A> = createServer(app, {
    shedAboveLagMs: null,
    audit: false,
    port: 0,
    pages: null,
    apiKeys: [apiKey],
    onError: (error) => errors.push(error),
    ...options,
  });
  const { port } = await server.listen();
  onTestFinished(() => server.close());
  const http = `http://127.0.0.1:${port}`;

  /** A method of the server's HTTP interface. */
  const api = async (method: string, params: object, headers: Record<string, string> = {}) => {
    const response = await fetch(`${http}/api/${method}`, {
      method: "POST",
      headers: { "X-API-Key": apiKey, ...headers },
      body: JSON.stringify(params),
    });
    return { status: response.status, body: (await response.json()) as Answer };
  };
  return { server, port, http, url: `ws://127.0.0.1:${port}/connection/websocket`, errors, api };
}

// biome-ignore lint/suspicious/noExplicitAny: whatever a server answers.
export type Answer = any;

const sdk = { Client: Centrifuge as typeof Centrifuge, isBinary: false };

/** From here on, SDK clients of this file speak Protobuf, while their application sends and gets what it does with JSON. */
export async function useProtobufSdk(): Promise<void> {
  const { ProtobufCentrifuge } = await import("./protobuf-sdk.js");
  sdk.Client = ProtobufCentrifuge as unknown as typeof Centrifuge;
  sdk.isBinary = true;
}

/** Streams for SDK clients without a WebSocket; events are text. */
export function sdkStreams(): readonly ("http_stream" | "sse")[] {
  return sdk.isBinary ? ["http_stream"] : ["http_stream", "sse"];
}

export function createSdk(url: string | TransportEndpoint[], options: Partial<Options> = {}): Centrifuge {
  const client = withoutLocalStorage(
    () => new sdk.Client(url, { websocket: WsWebSocket, minReconnectDelay: 20, ...options }),
  );
  onTestFinished(() => client.disconnect());
  return client;
}

export async function connectSdk(
  url: string | TransportEndpoint[],
  options: Partial<Options> = {},
): Promise<Centrifuge> {
  const client = createSdk(url, options);
  client.connect();
  await client.ready(5000);
  return client;
}

export async function subscribeSdk(client: Centrifuge, channel: string, options = {}): Promise<Subscription> {
  const subscription = client.newSubscription(channel, options);
  subscription.subscribe();
  await subscription.ready(5000);
  return subscription;
}

/** A token made without the library that checks it. RFC 7515 §3.1. */
export function tokenOf(claims: object, key = secret): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

/** The next event of a name. */
export function next<T>(
  source: { once(event: string, listener: (context: T) => void): unknown },
  event: string,
) {
  return new Promise<T>((resolve) => source.once(event, resolve));
}
