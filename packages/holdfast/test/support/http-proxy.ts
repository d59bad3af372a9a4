/** A reverse proxy over HTTP/1.1 between a client and a server, as they stand in networks: it refuses, gathers, cuts, freezes. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { onTestFinished } from "vitest";

export interface ProxyOptions {
  /** Upgrades are answered with this status. @default 403 */
  readonly upgradeStatus?: number;
  /** Connections on which nothing has gone either way for so long are cut. */
  readonly idleTimeoutMs?: number;
  /** Whether responses are kept until they are whole, unless X-Accel-Buffering says no; as nginx does. */
  readonly isGathering?: boolean;
}

export class HttpProxy {
  readonly port: number;
  /** Requests that went through, such as "POST /emulation". */
  readonly requests: string[] = [];
  /** Upgrades that were refused. */
  upgrades = 0;
  /** Connections that were cut for idleness. */
  idleCuts = 0;
  /** Paths that are answered with 502. */
  readonly broken = new Set<string>();
  readonly #sockets: Set<Socket>;
  #isFrozen = false;

  private constructor(port: number, sockets: Set<Socket>) {
    this.port = port;
    this.#sockets = sockets;
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  static async listen(target: number, options: ProxyOptions = {}): Promise<HttpProxy> {
    const sockets = new Set<Socket>();
    const server = createServer((request, response) => proxy.#forward(target, options, request, response));
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    });
    server.on("upgrade", (_request, socket: Duplex) => {
      proxy.upgrades++;
      socket.end(
        `HTTP/1.1 ${options.upgradeStatus ?? 403} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const proxy = new HttpProxy((server.address() as AddressInfo).port, sockets);
    onTestFinished(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return proxy;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** From now on nothing goes through, and nobody is told: as when a cable is pulled. */
  freeze(): void {
    this.#isFrozen = true;
  }

  #forward(target: number, options: ProxyOptions, request: IncomingMessage, response: ServerResponse): void {
    if (this.#isFrozen) return;
    const path = (request.url ?? "").split("?", 1)[0] as string;
    if (this.broken.has(path)) {
      response.writeHead(502).end();
      return;
    }
    this.requests.push(`${request.method} ${path}`);
    const { method, url, headers } = request;
    const upstream = sendRequest({
      host: "127.0.0.1",
      port: target,
      method,
      path: url,
      headers,
      agent: false,
    });
    request.pipe(upstream);
    // A frozen proxy's ends stay open on both sides.
    response.on("close", () => this.#isFrozen || upstream.destroy());
    upstream.on("error", () => response.destroy());
    upstream.on("response", (answer) => this.#answer(options, answer, response));
  }

  #answer(
    { idleTimeoutMs, isGathering = false }: ProxyOptions,
    answer: IncomingMessage,
    response: ServerResponse,
  ): void {
    const parts: Buffer[] = [];
    const isGathered = isGathering && answer.headers["x-accel-buffering"] !== "no";
    let idle: NodeJS.Timeout | undefined;
    const restart = () => {
      clearTimeout(idle);
      if (idleTimeoutMs === undefined) return;
      idle = setTimeout(() => {
        this.idleCuts++;
        response.socket?.destroy();
      }, idleTimeoutMs);
    };
    restart();
    const begin = () => response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
    if (!isGathered) begin();
    answer.on("data", (part: Buffer) => {
      if (this.#isFrozen) return;
      restart();
      if (isGathered) parts.push(part);
      else response.write(part);
    });
    answer.on("end", () => {
      if (this.#isFrozen) return;
      if (isGathered) begin();
      response.end(Buffer.concat(parts));
    });
    answer.on("error", () => response.destroy());
    response.on("close", () => clearTimeout(idle));
  }
}
