/** Holdfast: JSON objects, one a line, one or more a message. Offsets are on, and so is recovery. */
import type { Protocol } from "./protocol.js";

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
