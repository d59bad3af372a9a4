/** How a client of each contender speaks, once the opening handshake of WebSocket is done. */
import type { RawClient } from "./raw-client.js";

/** Who publishes; a WebSocket client where nothing else is said. */
export type Publisher = Pick<RawClient, "send" | "onMessage" | "onLost" | "destroy">;

export interface Protocol {
  /** Request target of the upgrade. */
  readonly path: string;
  /** That of a subscriber's, where the channel stands in it. */
  pathOf?(channel: string): string;
  /** Connects a publisher that is no WebSocket client, and needs no signing on. */
  openPublisher?(port: number): Promise<Publisher>;
  /**
   * Sec-WebSocket-Extensions of the upgrade: the server must choose permessage-deflate, and compress every message.
   * @default none, and then the server must choose none
   */
  readonly offer?: string;
  /** What a ping is answered with. */
  readonly pong: string;
  /** Whether there is a ping of the protocol, not of WebSocket, in the message. */
  isPing(message: string): boolean;
  /** Signs on, to publish afterwards. @throws Error when the server refuses */
  signOn(client: RawClient): Promise<void>;
  /** Signs on and subscribes to the channel; when it resolves, the next publication will come. @throws Error when the server refuses */
  subscribe(client: RawClient, channel: string): Promise<void>;
  /** The message that publishes the data. `id` differs from every other one of the client, and is greater than 0. */
  publish(channel: string, data: string, id: number): string;
  /** Whether the server confirms every publication to its publisher. */
  readonly hasAcknowledgements: boolean;
  /** Confirmed publications in a message to a publisher. @throws Error when it says that one was refused */
  acknowledgementsIn(message: string): number;
  /** Positions in the channel's log that come with publications; undefined where there are none. */
  offsetsIn(message: string): readonly number[] | undefined;
}
