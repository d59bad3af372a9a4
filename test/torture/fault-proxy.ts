/** A TCP proxy on a loopback port before a server, or several, which does to connections what it is told. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Link } from "./link.js";
import type { LinkFault } from "./plan.js";

export class FaultProxy {
  readonly port: number;
  readonly #server: Server;
  /** By the port that the client connects from. */
  readonly #links = new Map<number, Link>();
  readonly #target: () => number;
  /** Of all connections, and of those that open. */
  #fault: LinkFault | undefined;

  private constructor(server: Server, target: () => number) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (client) => this.#open(client));
  }

  /** @param target the port that a connection goes to, asked for each */
  static async listen(target: () => number): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FaultProxy(server, target);
  }

  get count(): number {
    return this.#links.size;
  }

  /** @returns whether there was such a connection */
  apply(clientPort: number, fault: LinkFault): boolean {
    const link = this.#links.get(clientPort);
    link?.apply(fault);
    return link !== undefined;
  }

  /** Does it to all connections, and until `heal` to each that opens. */
  applyToAll(fault: LinkFault): void {
    this.#fault = fault;
    for (const link of this.#links.values()) link.apply(fault);
  }

  heal(): void {
    this.#fault = undefined;
    for (const link of this.#links.values()) link.heal();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const link of this.#links.values()) link.reset();
    await closed;
  }

  #open(client: Socket): void {
    const from = client.remotePort;
    if (from === undefined) {
      client.destroy();
      return;
    }
    const port = this.#target();
    const upstream = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const link = new Link(client, upstream);
    this.#links.set(from, link);
    if (this.#fault) link.apply(this.#fault);
    void link.closed.then(() => {
      if (this.#links.get(from) === link) this.#links.delete(from);
    });
  }
}
