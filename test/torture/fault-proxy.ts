/** A TCP proxy on a loopback port before the server, which does to connections what it is told. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { Link } from "./link.js";
import type { LinkFault } from "./plan.js";

export class FaultProxy {
  readonly port: number;
  readonly #server: Server;
  /** By the port that the client connects from. */
  readonly #links: Map<number, Link>;

  private constructor(server: Server, links: Map<number, Link>) {
    this.#server = server;
    this.#links = links;
    this.port = (server.address() as AddressInfo).port;
  }

  static async listen(targetPort: number): Promise<FaultProxy> {
    const links = new Map<number, Link>();
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const from = client.remotePort;
      if (from === undefined) {
        client.destroy();
        return;
      }
      const upstream = connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      const link = new Link(client, upstream);
      links.set(from, link);
      void link.closed.then(() => {
        if (links.get(from) === link) links.delete(from);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FaultProxy(server, links);
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

  heal(): void {
    for (const link of this.#links.values()) link.heal();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const link of this.#links.values()) link.reset();
    await closed;
  }
}
