/** How a client of holdfast speaks Protobuf, a character for each byte. Written out, so that it costs the load generator little. */
import type { Protocol } from "./protocols.js";

const lengthType = 2;
const connect = delimited(`\x08\x01${nested(4, "")}`);
const ping = "\0";
/** Field 8, which is empty: what a number before it ends with cannot be 0. */
const published = /B\0/g;

export const holdfastProtobufProtocol: Protocol = {
  path: "/connection/websocket?cf_protocol=protobuf",
  isBinary: true,
  pong: ping,
  hasAcknowledgements: true,

  // What ends another message is never 0.
  isPing: (message) => message.startsWith(ping) || message.endsWith(ping),

  async signOn(client) {
    const connected = client.waitFor(
      "the reply to connect",
      (message) => message.includes("\x08\x01*") || undefined,
    );
    client.send(connect);
    await connected;
  },

  async subscribe(client, channel) {
    const subscribed = client.waitFor(
      "the reply to subscribe",
      (message) => message.includes("\x08\x022") || undefined,
    );
    const params = `${nested(1, channel)}\x48\x01\x50\x01`;
    client.send(connect + delimited(`\x08\x02${nested(5, params)}`));
    await subscribed;
  },

  publish: (channel, data, id) =>
    delimited(`\x08${varint(id + 2)}${nested(7, nested(1, channel) + nested(2, JSON.stringify(data)))}`),

  acknowledgementsIn: (message) => message.match(published)?.length ?? 0,

  // The text of a message does not keep the bytes of numbers.
  offsetsIn: () => undefined,
};

function nested(field: number, content: string): string {
  return varint(field * 8 + lengthType) + delimited(content);
}

function delimited(content: string): string {
  return varint(content.length) + content;
}

function varint(value: number): string {
  return value < 0x80
    ? String.fromCharCode(value)
    : String.fromCharCode((value % 0x80) | 0x80) + varint(Math.floor(value / 0x80));
}
