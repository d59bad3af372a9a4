/** Published SDKs of several versions and both encodings, whose lines a test can cut. */
import { onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { withoutLocalStorage } from "../../src/without-local-storage.js";
import type { Answer } from "./app-server.js";

export type SdkEncoding = "json" | "protobuf";

export interface Sdk {
  readonly Client: new (endpoint: unknown, options: object) => Answer;
  readonly encoding: SdkEncoding;
  /** JSON data as the SDK gives it to the application. */
  decode(data: unknown): unknown;
  /** JSON data as the SDK accepts it from the application. */
  encode(data: unknown): unknown;
}

/** @param name a package */
export async function loadSdk(name: string, encoding: SdkEncoding): Promise<Sdk> {
  const { Centrifuge } = (await import(encoding === "protobuf" ? `${name}/build/protobuf` : name)) as {
    Centrifuge: Sdk["Client"];
  };
  return {
    Client: Centrifuge,
    encoding,
    decode: (data) => (data instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(data)) : data),
    encode: (data) => (encoding === "protobuf" ? new TextEncoder().encode(JSON.stringify(data)) : data),
  };
}

/** A client whose line `cut` breaks; it comes back by itself. */
export function createCutSdk(
  { Client }: Sdk,
  url: string,
): { readonly client: Answer; readonly cut: () => void } {
  const sockets: WsWebSocket[] = [];
  class CutWebSocket extends WsWebSocket {
    constructor(...args: ConstructorParameters<typeof WsWebSocket>) {
      super(...args);
      sockets.push(this);
    }
  }
  const options = { websocket: CutWebSocket, minReconnectDelay: 5, maxReconnectDelay: 20 };
  const client = withoutLocalStorage(() => new Client(url, options));
  onTestFinished(() => client.disconnect());
  return { client, cut: () => sockets.at(-1)?.terminate() };
}
