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
  /** Whether its messages are bytes, a character for each. @default false: ASCII text */
  readonly isBinary?: true;
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

interface Reply {
  readonly id?: number;
  readonly error?: { readonly code: number; readonly message: string };
  readonly subscribe?: { readonly recoverable?: boolean; readonly positioned?: boolean };
  readonly publish?: object;
}

export const holdfastProtocol: Protocol = {
  path: "/connection/websocket",
  pong: "{}",
  hasAcknowledgements: true,

  isPing: (message) => message === "{}" || (message.includes("{}") && message.split("\n").includes("{}")),

  async signOn(client) {
    const connected = client.waitFor("the reply to connect", (message) => replyIn(message, 1));
    client.send('{"id":1,"connect":{}}');
    await connected;
  },

  async subscribe(client, channel) {
    const subscribed = client.waitFor("the reply to subscribe", (message) => replyIn(message, 2));
    const subscribe = { channel, recoverable: true, positioned: true };
    client.send(`{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe })}`);
    const { subscribe: result } = await subscribed;
    if (!result?.recoverable || !result.positioned)
      throw new Error(`the subscription has no recovery: ${JSON.stringify(result)}`);
  },

  // The numbers up to 2 are taken by the commands above.
  publish: (channel, data, id) => JSON.stringify({ id: id + 2, publish: { channel, data } }),

  acknowledgementsIn: (message) => repliesIn(message).filter(({ publish }) => publish !== undefined).length,

  offsetsIn: (message) => [...message.matchAll(/"offset":(\d+)/g)].map(([, offset]) => Number(offset)),
};

function replyIn(message: string, id: number): Reply | undefined {
  return repliesIn(message).find((reply) => reply.id === id);
}

function repliesIn(message: string): readonly Reply[] {
  const replies = message
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Reply);
  const refused = replies.find(({ error }) => error !== undefined);
  if (refused) throw new Error(`the server refused a command: ${JSON.stringify(refused)}`);
  return replies;
}

export const wsProtocol: Protocol = {
  path: "/",
  pong: "",
  hasAcknowledgements: false,
  isPing: () => false,
  async signOn() {},
  async subscribe() {},
  publish: (_channel, data) => data,
  acknowledgementsIn: () => 0,
  offsetsIn: () => undefined,
};

/** The same with channels, as bench/servers/ws-channels.ts has them. */
export const wsChannelsProtocol: Protocol = {
  ...wsProtocol,
  async subscribe(client, channel) {
    const subscribed = client.waitFor("the answer to the subscription", (text) => text === "+" || undefined);
    client.send(`+${channel}`);
    await subscribed;
  },
  publish: (channel, data) => `${channel} ${data}`,
};

export const socketIoProtocol: Protocol = {
  path: "/socket.io/?EIO=4&transport=websocket",
  pong: "3",
  hasAcknowledgements: false,
  isPing: (message) => message === "2",
  signOn,

  async subscribe(client, channel) {
    await signOn(client);
    const subscribed = client.waitFor("the acknowledgement of the room", startsWith("431["));
    client.send(`421${JSON.stringify(["subscribe", channel])}`);
    await subscribed;
  },

  publish: (channel, data) => `42${JSON.stringify(["publish", channel, data])}`,
  acknowledgementsIn: () => 0,
  offsetsIn: () => undefined,
};

async function signOn(client: RawClient): Promise<void> {
  await client.waitFor("the open packet", startsWith("0{"));
  const connected = client.waitFor("the connect packet", startsWith("40{"));
  client.send("40");
  await connected;
}

function startsWith(prefix: string): (message: string) => true | undefined {
  return (message) => {
    if (message.startsWith("44")) throw new Error(`the server refused the connection: ${message}`);
    return message.startsWith(prefix) || undefined;
  };
}
