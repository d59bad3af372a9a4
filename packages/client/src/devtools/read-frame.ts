/** Reads a message of the client protocol: lines of JSON, of which only the fields that devtools show are read. Unknown ones are skipped. */
import type { Direction, ReceivedPosition } from "./connection-log.js";

export interface SubscribeReply {
  readonly id: number;
  readonly wasRecovering: boolean;
  readonly isRecovered: boolean;
  readonly count: number;
  readonly position: ReceivedPosition | undefined;
}

export interface FrameContents {
  readonly kind: string;
  readonly channel: string | undefined;
  readonly subscribes: readonly { id: number; channel: string; since: ReceivedPosition | undefined }[];
  readonly replies: readonly SubscribeReply[];
  readonly publications: readonly { channel: string; offset: number }[];
  /** Channels that are unsubscribed. */
  readonly left: readonly string[];
  /** Of a connect reply: the interval of the server's pings. */
  readonly pingSeconds: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const commands = [
  ...["connect", "subscribe", "unsubscribe", "publish", "history", "presence", "presence_stats", "rpc"],
  ...["ping", "refresh", "sub_refresh", "send", "map_publish", "map_remove"],
];
const pushes = [
  "pub",
  "join",
  "leave",
  "unsubscribe",
  "subscribe",
  "message",
  "connect",
  "disconnect",
  "refresh",
];

export function readFrame(direction: Direction, text: string): FrameContents {
  const subscribes: { id: number; channel: string; since: ReceivedPosition | undefined }[] = [];
  const replies: SubscribeReply[] = [];
  const publications: { channel: string; offset: number }[] = [];
  const left: string[] = [];
  const kinds = new Map<string, number>();
  let channel: string | undefined;
  let pingSeconds: number | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const fields = parse(line);
    const { kind, channel: named } = describe(direction, fields);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    channel ??= named;
    const { id, subscribe, push, unsubscribe, connect } = fields;
    if (direction === "received" && isFields(connect) && typeof connect.ping === "number")
      pingSeconds = connect.ping;
    if (typeof id === "number" && isFields(subscribe)) {
      if (direction === "received") replies.push(toReply(id, subscribe));
      else if (typeof subscribe.channel === "string")
        subscribes.push({
          id,
          channel: subscribe.channel,
          since: subscribe.recover === true ? toPosition(subscribe) : undefined,
        });
    }
    if (direction === "sent" && isFields(unsubscribe) && typeof unsubscribe.channel === "string")
      left.push(unsubscribe.channel);
    if (isFields(push) && typeof push.channel === "string") {
      if (isFields(push.pub) && typeof push.pub.offset === "number")
        publications.push({ channel: push.channel, offset: push.pub.offset });
      if (isFields(push.unsubscribe)) left.push(push.channel);
    }
  }
  const kind = [...kinds].map(([name, count]) => (count > 1 ? `${count} × ${name}` : name)).join(", ");
  return { kind: kind || "empty", channel, subscribes, replies, publications, left, pingSeconds };
}

function describe(direction: Direction, fields: Fields): { kind: string; channel?: string } {
  const keys = Object.keys(fields);
  if (keys.length === 0) return { kind: direction === "sent" ? "pong" : "ping" };
  if (isFields(fields.push)) {
    const { push } = fields;
    const kind = pushes.find((name) => name in push) ?? "push";
    const named = typeof push.channel === "string" ? { channel: push.channel } : {};
    return { kind: kind === "pub" ? "publication" : kind, ...named };
  }
  const suffix = direction === "received" ? " reply" : "";
  if ("error" in fields) return { kind: "error reply" };
  const name = commands.find((each) => each in fields);
  if (name === undefined) return { kind: `other${suffix}` };
  const body = fields[name];
  const named = isFields(body) && typeof body.channel === "string" ? { channel: body.channel } : {};
  return { kind: `${name}${suffix}`, ...named };
}

function toReply(id: number, reply: Fields): SubscribeReply {
  return {
    id,
    wasRecovering: reply.was_recovering === true,
    isRecovered: reply.recovered === true,
    count: Array.isArray(reply.publications) ? reply.publications.length : 0,
    position: toPosition(reply),
  };
}

/** Fields that are 0 or empty are left out on the wire. */
function toPosition({ epoch, offset }: Fields): ReceivedPosition | undefined {
  if (typeof epoch !== "string") return undefined;
  return { epoch, offset: typeof offset === "number" ? offset : 0 };
}

function parse(line: string): Fields {
  try {
    const value: unknown = JSON.parse(line);
    return isFields(value) ? value : {};
  } catch {
    return { unreadable: true };
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
