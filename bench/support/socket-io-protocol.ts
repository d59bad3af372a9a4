/**
 * Socket.IO protocol 5 over Engine.IO protocol 4, WebSocket only. Packets: 0 open, 2 ping, 3 pong, 4 message, and in a
 * message 0 connect, 2 event, 3 acknowledgement. https://socket.io/docs/v4/engine-io-protocol/
 */
import type { Protocol } from "./protocol.js";
import type { RawClient } from "./raw-client.js";

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
