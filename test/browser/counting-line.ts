/**
 * A TCP proxy between a browser and a server that counts bytes by what requests are for (`trace=ID.LABEL`), independently of
 * both. It can refuse to open WebSockets, as proxies do that do not know `Upgrade`; be slow; and hold requests back.
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

export interface CountingLineOptions {
  readonly refusesUpgrades?: boolean;
  /** Of each direction. */
  readonly delayMs?: number;
  /** Of each direction of each connection. */
  readonly bytesPerSecond?: number;
}

/** A request that no byte of an answer has come to. */
interface Unanswered {
  readonly count: Counted;
  bytes: number;
}

export class CountingLine {
  readonly url: string;
  readonly #options: CountingLineOptions;
  readonly #counts = new Map<string, Counted>();

  #held:
    | { readonly pattern: RegExp; readonly released: Promise<void>; readonly release: () => void }
    | undefined;

  private constructor(port: number, options: CountingLineOptions) {
    this.url = `http://localhost:${port}/`;
    this.#options = options;
  }

  /** It ends with the test. */
  static async open(serverPort: number, options: CountingLineOptions = {}): Promise<CountingLine> {
    const sockets = new Set<Socket>();
    const proxy = createServer((client) => {
      const server = connect(serverPort, "127.0.0.1");
      for (const socket of [client, server]) {
        sockets.add(socket);
        socket.on("error", () => {});
        socket.once("close", () => sockets.delete(socket));
      }
      line.#join(client, server);
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const line = new CountingLine((proxy.address() as AddressInfo).port, options);
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    return line;
  }

  /** Requests whose target matches get no further until `release`. */
  hold(pattern: RegExp): void {
    this.#held = { pattern, ...withRelease() };
  }

  release(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  of(label: string): Counted {
    return this.#counts.get(label) ?? { requests: 0, received: 0, sent: 0 };
  }

  bytesOf(label: string): number {
    const { received, sent } = this.of(label);
    return received + sent;
  }

  /** Browsers send no request before the last of a connection has been answered, and heads in one piece. */
  #join(client: Socket, server: Socket): void {
    let count = this.#countFor("other");
    let isUpgraded = false;
    let unanswered: Unanswered | undefined;
    const up = this.#lane(server);
    const down = this.#lane(client);
    client.on("data", (chunk: Buffer) => {
      const head = isUpgraded ? null : /^(?:GET|POST) (\S+) HTTP\/1\.1\r\n/.exec(chunk.toString("latin1"));
      if (head) {
        const [, target = ""] = head;
        const [, label = "other"] = /[?&]trace=[\w-]{22}\.([a-z]+)/.exec(target) ?? [];
        count = this.#countFor(label);
        count.requests++;
        unanswered = { count, bytes: 0 };
        isUpgraded = /\r\nupgrade: websocket\r\n/i.test(chunk.toString("latin1"));
        if (isUpgraded && this.#options.refusesUpgrades) {
          client.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
          return;
        }
        if (this.#held?.pattern.test(target)) up.wait(this.#held.released);
      }
      count.received += chunk.length;
      if (unanswered) unanswered.bytes += chunk.length;
      up.write(chunk);
    });
    server.on("data", (chunk: Buffer) => {
      unanswered = undefined;
      count.sent += chunk.length;
      down.write(chunk);
    });
    client.once("close", () => {
      unanswered = undefined;
      server.destroy();
    });
    server.once("close", () => {
      // It ended an idle connection as a request came, which it has not read; browsers send that again by themselves.
      if (unanswered) {
        unanswered.count.requests--;
        unanswered.count.received -= unanswered.bytes;
      }
      down.end();
    });
  }

  /** One direction of a connection: in order, and as slow as the options say. */
  #lane(socket: Socket) {
    const { delayMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY } = this.#options;
    const isSlow = delayMs > 0 || Number.isFinite(bytesPerSecond);
    let last: Promise<unknown> | undefined;
    let freeAt = 0;
    const then = (task: () => void) => {
      if (last === undefined) task();
      else last = last.then(task);
    };
    return {
      wait: (until: Promise<unknown>) => {
        last = Promise.all([last, until]);
      },
      write: (chunk: Buffer) => {
        if (isSlow) {
          freeAt = Math.max(freeAt, performance.now()) + (chunk.length / bytesPerSecond) * 1000;
          const waitMs = freeAt + delayMs - performance.now();
          last = Promise.all([last, new Promise((resolve) => setTimeout(resolve, waitMs))]);
        }
        then(() => void socket.write(chunk));
      },
      end: () => then(() => void socket.destroySoon()),
    };
  }

  #countFor(label: string): Counted {
    const count = this.#counts.get(label) ?? { requests: 0, received: 0, sent: 0 };
    this.#counts.set(label, count);
    return count;
  }
}

function withRelease() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { released, release };
}
