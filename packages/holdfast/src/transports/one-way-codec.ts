/**
 * Messages for clients of the protocol that only read: pushes without the envelope of replies, the first of which is the
 * answer to the connect command.
 */
import type { Encoded, Encoder } from "../wire/codec.js";
import { jsonCodec } from "../wire/json-codec.js";
import type { ConnectResult, Push } from "../wire/messages.js";

const envelope = '{"push":';

export const oneWayCodec: Encoder = Object.freeze({
  name: "json one-way",
  encodePush: (push: Push) => (jsonCodec.encodePush(push) as string).slice(envelope.length, -1),
  encodePing: () => "{}",
  join: (messages: readonly Encoded[]) => messages.join("\n"),
});

export function encodeConnectPush(result: ConnectResult): string {
  const reply = jsonCodec.encodeReply({ id: 1, method: "connect", result }) as string;
  return `{${reply.slice(reply.indexOf('"connect":'))}`;
}
