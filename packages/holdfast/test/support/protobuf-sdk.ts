/**
 * The Protobuf build of the published SDK, which leaves the data to its application as bytes: here all data is JSON, as it is for
 * the JSON build, so that one test can use either.
 */
import { Centrifuge } from "centrifuge/build/protobuf";

// biome-ignore lint/suspicious/noExplicitAny: what the SDK keeps to itself.
type Inside = any;

const dataNames = new Set(["data", "conn_info", "chan_info"]);

function toBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value) ?? "null");
}

function toValue(bytes: unknown): unknown {
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) return undefined;
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Commands have data in one place each. */
function withBytes(command: Inside): Inside {
  const [method, params] = Object.entries<Inside>(command).find(([name]) => name !== "id") ?? [];
  if (method === undefined || params?.data === undefined) return command;
  return { ...command, [method]: { ...params, data: toBytes(params.data) } };
}

/** All data but that of publications, which may be patches: those are decoded when the SDK hands them over. */
function decodeData(message: Inside): void {
  // Those that did not come are empty bytes of the prototype.
  for (const name of dataNames)
    if (message?.[name] instanceof Uint8Array) message[name] = toValue(message[name]);
  for (const [name, value] of Object.entries<Inside>(message ?? {})) {
    if (name === "pub" || name === "publications" || name === "state")
      for (const publication of [value ?? []].flat()) decodeData(publication.info);
    else if (!dataNames.has(name) && typeof value === "object" && !(value instanceof Uint8Array))
      decodeData(value);
  }
}

export class ProtobufCentrifuge extends Centrifuge {
  _formatOverride(): void {
    (Centrifuge.prototype as Inside)._formatOverride.call(this);
    const inside = this as Inside;
    const codec = inside._codec;
    const { encodeCommands, decodeReplies } = codec;
    codec.encodeCommands = (commands: Inside[]) => encodeCommands.call(codec, commands.map(withBytes));
    codec.decodeReplies = (data: Inside) => {
      const replies = decodeReplies.call(codec, data);
      for (const reply of replies) decodeData(reply);
      return replies;
    };
    const toContext = inside._getPublicationContext;
    inside._getPublicationContext = (channel: string, publication: Inside) => {
      const context = toContext.call(this, channel, publication);
      return { ...context, data: toValue(context.data) };
    };
  }

  override newMapSubscription(...args: Parameters<Centrifuge["newMapSubscription"]>) {
    const subscription = super.newMapSubscription(...args) as Inside;
    const toContext = subscription._getMapUpdateContext;
    subscription._getMapUpdateContext = (publication: Inside) => {
      const context = toContext.call(subscription, publication);
      return { ...context, data: context.removed ? null : toValue(context.data) };
    };
    return subscription as ReturnType<Centrifuge["newMapSubscription"]>;
  }
}
