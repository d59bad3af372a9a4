/**
 * Sessions of clients that only read: a streaming response, and commands that the transport issues on the client's behalf.
 * Nobody answers pings, so bytes that the operating system takes count as an answer.
 */
import type { HeaderFields } from "../requests/origins.js";
import type { Encoded } from "../wire/codec.js";
import { type Disconnect, disconnect, errorTable } from "../wire/codes.js";
import type { Command, Reply } from "../wire/messages.js";
import { type StreamFormat, type StreamSession, StreamTransport } from "./stream-transport.js";

export abstract class OneWayTransport extends StreamTransport {
  readonly hasOwnPings = true;
  #awaitsPong = false;

  sendPing(): void {
    if (!this.isBegun) return;
    const { codec, frame } = this.encoding;
    this.#awaitsPong = true;
    this.write([frame(codec.encodePing())]);
    // The session starts to wait for the answer once this has returned.
    setImmediate(() => this.#answerPing());
  }

  /** There is no input to pause. */
  pauseReading(): void {}

  resumeReading(): void {}

  protected override drained(): void {
    this.#answerPing();
    super.drained();
  }

  #answerPing(): void {
    if (!this.#awaitsPong || this.unsentBytes > 0) return;
    this.#awaitsPong = false;
    this.session?.receivePong();
  }
}

/** Errors of the connect command as ends of the connection; any other is the server's fault. */
const disconnectByError: Readonly<Record<number, Disconnect>> = {
  [errorTable.tokenExpired.code]: disconnect("connectionExpired"),
  [errorTable.expired.code]: disconnect("connectionExpired"),
  [errorTable.tooManyRequests.code]: disconnect("tooManyRequests"),
  [errorTable.permissionDenied.code]: disconnect("permissionDenied"),
};

/** For SDKs: messages of the client protocol, of channels that the server subscribes the client to. */
export class OneWaySdkTransport extends OneWayTransport {
  /** @param connect the connect command */
  start(
    session: StreamSession,
    { contentType, prologue }: StreamFormat,
    connect: Command,
    {
      headers,
      pingSeconds,
      inputLength,
    }: { readonly headers: HeaderFields; readonly pingSeconds: number; readonly inputLength: number },
  ): void {
    this.session = session;
    this.begin({ "Content-Type": contentType, ...headers });
    if (prologue !== undefined) this.write([Buffer.from(prologue)]);
    session.execute(connect, (reply) => this.#takeReply(reply, pingSeconds), inputLength);
  }

  /** @param pingSeconds between pings, for clients that watch them */
  #takeReply(reply: Reply, pingSeconds: number): Encoded | undefined {
    if ("error" in reply) {
      const { code, message } = reply.error;
      this.session?.close(disconnectByError[code] ?? disconnect("internalError", message));
      return undefined;
    }
    if (reply.method !== "connect") return undefined;
    return this.encoding.codec.encodePush({
      kind: "connect",
      result: { ...reply.result, ping: pingSeconds },
    });
  }
}
