/**
 * A TCP proxy between a browser and a server that counts bytes by what requests are for (`trace=ID.LABEL`), independently of
 * both; and can refuse to open WebSockets, as proxies do that do not know `Upgrade`.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface Counted {
  requests: number;
  /** Client to server, and back: all bytes of TCP. */
  received: number;
  sent: number;
}

export class CountingLine {
  readonly url: string;
  readonly #counts = new Map<string, Counted>();

  private constructor(port: number) {
    this.url = `http://localhost:${port}/`;
  }

  /** It ends with the test. */
  static async open(serverPort: number, options: { refusesUpgrades?: boolean } = {}): Promise<CountingLine> {
    const sockets = new Set<Socket>();
    const proxy = createServer((client) => {
      const server = connect(serverPort, "127.0.0.1");
      for (const socket of [client, server]) {
        sockets.add(socket);
        socket.on("error", () => {});
        socket.once("close", () => {
          sockets.delete(socket);
          client.destroy();
          server.destroy();
        });
      }
      line.#join(client, server, options.refusesUpgrades === true);
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const line = new CountingLine((proxy.address() as AddressInfo).port);
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    return line;
  }

  of(label: string): Counted {
    return this.#counts.get(label) ?? { requests: 0, received: 0, sent: 0 };
  }

  bytesOf(label: string): number {
    const { received, sent } = this.of(label);
    return received + sent;
  }

  /** Browsers send no request before the last of a connection has been answered, and heads in one piece. */
  #join(client: Socket, server: Socket, refusesUpgrades: boolean): void {
    let count = this.#countFor("other");
    let isUpgraded = false;
    client.on("data", (chunk: Buffer) => {
      const head = isUpgraded ? null : /^(?:GET|POST) (\S+) HTTP\/1\.1\r\n/.exec(chunk.toString("latin1"));
      if (head) {
        const [, label = "other"] = /[?&]trace=[\w-]{22}\.([a-z]+)/.exec(head[1] ?? "") ?? [];
        count = this.#countFor(label);
        count.requests++;
        isUpgraded = /\r\nupgrade: websocket\r\n/i.test(chunk.toString("latin1"));
        if (isUpgraded && refusesUpgrades) {
          client.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
          return;
        }
      }
      count.received += chunk.length;
      server.write(chunk);
    });
    server.on("data", (chunk: Buffer) => {
      count.sent += chunk.length;
      client.write(chunk);
    });
  }

  #countFor(label: string): Counted {
    const count = this.#counts.get(label) ?? { requests: 0, received: 0, sent: 0 };
    this.#counts.set(label, count);
    return count;
  }
}
