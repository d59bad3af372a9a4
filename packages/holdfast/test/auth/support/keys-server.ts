/** A real HTTP server that offers keys, and counts how often it is asked. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface KeysServer {
  readonly url: string;
  /** Requests so far. */
  readonly asked: number;
  /** Paths of the requests. */
  readonly paths: readonly string[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

export function answerWith(keys: readonly object[]): KeysServer["answer"] {
  return (_request, response) => {
    response.setHeader("Content-Type", "application/jwk-set+json");
    response.end(JSON.stringify({ keys }));
  };
}

export async function startKeysServer(answer: KeysServer["answer"]): Promise<KeysServer> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? "");
    keysServer.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const keysServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys?tenant=private`,
    paths,
    answer,
    get asked() {
      return paths.length;
    },
  };
  return keysServer;
}
