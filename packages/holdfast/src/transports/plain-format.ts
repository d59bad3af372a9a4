/**
 * What clients without an SDK read: publications as JSON objects, one an event (WHATWG HTML §9.2) or one a line, and named
 * notices. One encoding each for all connections, so that readers of a channel share bytes.
 */
import type { Encoding } from "../channels/batches.js";
import type { Encoded, Encoder } from "../wire/codec.js";
import {
  type ClientInfo,
  formatPosition,
  type Position,
  type Publication,
  type Push,
} from "../wire/messages.js";
import { type JsonText, payloadText } from "../wire/payload.js";

export type NoticeName = "position" | "lost" | "state" | "join" | "leave" | "direct" | "error";

export interface PlainFormat {
  readonly name: string;
  readonly contentType: string;
  readonly encoding: Encoding;
  /** @param name of a notice; undefined for a publication @param position to resume from */
  write(name: NoticeName | undefined, data: JsonText, position?: Position): string;
  readonly keepalive: string;
  /** What the first event begins with. @param retryMs how long a client should wait before it reconnects */
  prologue(retryMs: number): string;
}

export const plainEvents: PlainFormat = createFormat({
  name: "events",
  contentType: "text/event-stream",
  write(name, data, position) {
    const id = position === undefined ? "" : `id: ${formatPosition(position)}\n`;
    return `${id}${name === undefined ? "" : `event: ${name}\n`}data: ${data}\n\n`;
  },
  // No empty line follows: some readers take it for the end of an event. So these belong to the next event.
  keepalive: ": keepalive\n",
  prologue: (retryMs) => `retry: ${retryMs}\n`,
});

export const plainLines: PlainFormat = createFormat({
  name: "ndjson",
  contentType: "application/x-ndjson",
  write: (name, data) => (name === undefined ? `${data}\n` : `{"${name}":${data}}\n`),
  keepalive: '{"keepalive":{}}\n',
  prologue: () => "",
});

/** `{offset, epoch, data, key, removed, score, tags, info, time}`, without absent fields. */
export function publicationText(publication: Publication, epoch: string): JsonText {
  const { offset, data, key, isRemoved, score, tags, info, time } = publication;
  const fields: string[] = [];
  if (offset > 0) fields.push(`"offset":${offset},"epoch":${JSON.stringify(epoch)}`);
  if (key !== undefined) fields.push(`"key":${JSON.stringify(key)}`);
  fields.push(isRemoved ? '"removed":true' : `"data":${payloadText(data)}`);
  if (score !== undefined) fields.push(`"score":${score}`);
  if (tags && Object.keys(tags).length > 0) fields.push(`"tags":${JSON.stringify(tags)}`);
  if (info) fields.push(`"info":${infoText(info)}`);
  fields.push(`"time":${time}`);
  return `{${fields.join(",")}}`;
}

function createFormat(parts: Omit<PlainFormat, "encoding">): PlainFormat {
  const codec: Encoder = Object.freeze({
    name: `plain ${parts.name}`,
    encodePush: (push: Push) => pushText(push, parts.write),
    encodePing: () => parts.keepalive,
    join: (messages: readonly Encoded[]) => messages.join(""),
  });
  const encoding = Object.freeze({ codec, frame: (payload: Encoded) => Buffer.from(payload as string) });
  return Object.freeze({ ...parts, encoding });
}

function pushText(push: Push, write: PlainFormat["write"]): string {
  switch (push.kind) {
    case "pub": {
      const { publication, epoch } = push;
      const { offset } = publication;
      return write(
        undefined,
        publicationText(publication, epoch),
        offset > 0 ? { epoch, offset } : undefined,
      );
    }
    case "join":
    case "leave":
      return write(push.kind, infoText(push.info));
    case "message":
      return write("direct", payloadText(push.data));
    case "unsubscribe":
    case "disconnect":
      return write("error", errorText(push.code, push.reason));
    case "connect":
    case "subscribe":
      return "";
  }
}

export function errorText(code: number, message: string): JsonText {
  return JSON.stringify({ code, message });
}

function infoText({ user, client, connInfo, chanInfo }: ClientInfo): JsonText {
  let fields = `"user":${JSON.stringify(user)},"client":${JSON.stringify(client)}`;
  if (connInfo !== undefined) fields += `,"conn_info":${connInfo}`;
  if (chanInfo !== undefined) fields += `,"chan_info":${chanInfo}`;
  return `{${fields}}`;
}
