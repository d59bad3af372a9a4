/** How publications are said and confirmed one by one, so that each publisher knows its own. */
import { holdfastProtocol, type Protocol, socketIoProtocol, wsProtocol } from "./protocols.js";
import type { RawClient } from "./raw-client.js";

/** Ids have so many digits, so that the next one fits into the frame of the one before. */
export const idDigits = 10;
export const firstId = 10 ** (idDigits - 1);

export interface AcknowledgedProtocol {
  readonly protocol: Protocol;
  /** Prepares the server, before anybody else comes. */
  prepare?(client: RawClient): Promise<void>;
  /** Signs on, to publish afterwards. @param connection its number, from 0 @throws Error when the server refuses */
  signOn(client: RawClient, connection: number): Promise<void>;
  /** The message that publishes the data; the id stands in it once. */
  publish(channel: string, data: string, id: number, connection: number): string;
  /** Calls `onId` for each publication that the message confirms. @throws Error when it says that one was refused */
  readIds(message: string, onId: (id: number) => void): void;
  /** How many publications the server's logs have taken since the beginning, by its own count. */
  countKept?(client: RawClient, channels: readonly string[]): Promise<number>;
}

const replyStart = '{"id":';
const replyEnd = ',"publish":{}}';

export const holdfastAcknowledged: AcknowledgedProtocol = {
  protocol: holdfastProtocol,
  signOn: (client) => holdfastProtocol.signOn(client),
  publish: (channel, data, id) => `{"id":${id},"publish":{"channel":"${channel}","data":"${data}"}}`,

  readIds(message, onId) {
    if (message === "{}") return;
    let at = 0;
    while (at < message.length) {
      const end = at + replyStart.length + idDigits;
      if (!message.startsWith(replyStart, at) || !message.startsWith(replyEnd, end)) {
        if (!message.startsWith("{}\n", at)) throw new Error(`not a confirmation: ${message.slice(at, 300)}`);
        at += 3;
        continue;
      }
      onId(Number(message.slice(end - idDigits, end)));
      at = end + replyEnd.length + 1;
    }
  },

  async countKept(client, channels) {
    let kept = 0;
    for (const channel of channels) {
      const answered = client.waitFor("the reply to history", (message) => {
        const offset = /"history":\{.*"offset":(\d+)/.exec(message)?.[1];
        return offset === undefined ? undefined : Number(offset);
      });
      client.send(JSON.stringify({ id: 2, history: { channel } }));
      kept += await answered;
    }
    return kept;
  },
};

/** `ws` has neither acknowledgements nor a log: the measured server answers with the id, and that is all it does. */
export const wsAcknowledged: AcknowledgedProtocol = {
  protocol: { ...wsProtocol, path: "/acknowledge" },
  async signOn() {},
  publish: (_channel, data, id) => `${id}${data}`,
  readIds: (message, onId) => onId(Number(message)),
};

/** Socket.IO calls back across the network; nothing is kept there either. */
export const socketIoAcknowledged: AcknowledgedProtocol = {
  protocol: socketIoProtocol,
  signOn: (client) => socketIoProtocol.signOn(client),
  publish: (channel, data, id) => `42${id}${JSON.stringify(["publish", channel, data])}`,
  readIds(message, onId) {
    if (message === "2") return;
    if (!message.startsWith("43")) throw new Error(`not a confirmation: ${message.slice(0, 300)}`);
    onId(Number(message.slice(2, 2 + idDigits)));
  },
};
