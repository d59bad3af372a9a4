/** A session for a client of the protocol that only reads: all of its subscriptions are the server's. */
import type { Encoded } from "../wire/codec.js";
import { type Disconnect, disconnect, errorTable, type ReplyError } from "../wire/codes.js";
import type { Push, Reply } from "../wire/messages.js";
import type { StreamFormat } from "./emulated-transport.js";
import { encodeConnectPush } from "./one-way-codec.js";
import { type OneWaySession, OneWayTransport } from "./one-way-transport.js";

/** Errors of the connect command as ends of the connection; any other is the server's fault. */
const ends: Readonly<Record<number, Disconnect>> = {
  [errorTable.tokenExpired.code]: disconnect("connectionExpired"),
  [errorTable.expired.code]: disconnect("connectionExpired"),
  [errorTable.tooManyRequests.code]: disconnect("tooManyRequests"),
  [errorTable.permissionDenied.code]: disconnect("permissionDenied"),
};

export class OneWaySdkTransport extends OneWayTransport {
  readonly name = "one-way";
  /** Seconds between pings, for clients that watch them. */
  #pingSeconds = 0;

  /** @param connect what the client sent: the parameters of the connect command, as JSON */
  start(
    session: OneWaySession,
    { contentType, prologue }: StreamFormat,
    { connect, cors, pingSeconds }: OneWayStart,
  ): void {
    this.session = session;
    this.#pingSeconds = pingSeconds;
    this.stream.begin({ "Content-Type": contentType, ...cors });
    if (prologue !== undefined) this.stream.write([Buffer.from(prologue)]);
    session.receive(`{"id":1,"connect":${connect}}`);
  }

  translate(message: Reply | Push): Encoded | undefined {
    if ("kind" in message) return this.encoding.codec.encodePush(message);
    if ("error" in message) this.#refuse(message.error);
    else if (message.method === "connect")
      return encodeConnectPush({ ...message.result, ping: this.#pingSeconds });
    return undefined;
  }

  close({ code, reason }: Disconnect): void {
    const { codec, frame } = this.encoding;
    this.session = undefined;
    this.stream.write([frame(codec.encodePush({ kind: "disconnect", code, reason }))]);
    this.stream.end();
  }

  #refuse({ code, message }: ReplyError): void {
    this.session?.close(ends[code] ?? disconnect("internalError", message));
  }
}

export interface OneWayStart {
  readonly connect: string;
  readonly cors: Readonly<Record<string, string>>;
  readonly pingSeconds: number;
}
