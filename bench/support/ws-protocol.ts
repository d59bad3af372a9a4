/** `ws`: there is no protocol. Who is connected is subscribed, and every message is a publication. */
import type { Protocol } from "./protocol.js";

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
