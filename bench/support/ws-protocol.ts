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
