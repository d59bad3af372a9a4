/** Subscribers that stop reading for good, with everything full between them and the server. */
import { inParallel } from "@holdfast/lab/load";
import type { Contender } from "./contenders.js";
import { FanOut } from "./fan-out.js";
import type { RawClient } from "./raw-client.js";
import { openSubscriber } from "./subscribers.js";

export interface StalledReadersOptions {
  readonly contender: Contender;
  readonly port: number;
  readonly channel: string;
  readonly count: number;
  /** Of each message. */
  readonly bytes: number;
  /** Published before `open` resolves, so that the systems' buffers are full. */
  readonly fillBytes: number;
}

/** Publications at a time while filling, and for how long before it is looked whether it was enough. */
const fillWindow = 32;
const fillSeconds = 0.1;

export class StalledReaders {
  /** What has been published for each of them when `open` resolves. */
  readonly filledBytes: number;
  readonly #clients: readonly RawClient[];

  private constructor(clients: readonly RawClient[], filledBytes: number) {
    this.#clients = clients;
    this.filledBytes = filledBytes;
  }

  static async open(options: StalledReadersOptions): Promise<StalledReaders> {
    const { contender, port, channel, count, bytes, fillBytes } = options;
    const clients = await inParallel(count, async (i) => {
      const client = await openSubscriber(port, contender.protocol, channel, i);
      client.stall();
      return client;
    });
    // One who reads sets the pace.
    const filler = await FanOut.open({ contender, port, subscribers: 1, bytes });
    let published = 0;
    while (published * bytes < fillBytes)
      published += (await filler.publishFor(fillSeconds, fillWindow)).published;
    await filler.verify();
    filler.close();
    return new StalledReaders(clients, published * bytes);
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
  }
}
