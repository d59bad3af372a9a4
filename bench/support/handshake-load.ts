/** Opening handshakes, some at a time: each connection is closed once the server has accepted it. */
import type { Done, Load } from "./load.js";
import type { Protocol } from "./protocol.js";
import { RawClient } from "./raw-client.js";
import type { ServerProcess } from "./server-process.js";
import { emptiedStats, isEmpty } from "./settled-memory.js";
import { sourceOf } from "./source-address.js";

const width = 64;

export class HandshakeLoad implements Load {
  readonly #server: ServerProcess;
  readonly #protocol: Protocol;
  #opened = 0;

  constructor(server: ServerProcess, protocol: Protocol) {
    this.#server = server;
    this.#protocol = protocol;
  }

  async runFor(seconds: number): Promise<Done> {
    const { port } = this.#server;
    const before = this.#opened;
    const start = performance.now();
    const deadline = start + seconds * 1000;
    const work = async () => {
      while (performance.now() < deadline) {
        const client = await RawClient.open({ port, protocol: this.#protocol, ...sourceOf(this.#opened++) });
        client.destroy();
      }
    };
    await Promise.all(Array.from({ length: width }, work));
    return { units: this.#opened - before, seconds: (performance.now() - start) / 1000 };
  }

  async verify(): Promise<void> {
    const stats = await emptiedStats(this.#server);
    if (!isEmpty(stats))
      throw new Error(`tables are not empty after all have closed: ${JSON.stringify(stats)}`);
  }

  close(): void {}
}
