/**
 * A session for a client without an SDK, which only reads: the commands are given in its place, and what they come to is
 * an HTTP status as long as the response has not begun. From then on it is one channel's publications, and notices.
 */
import type { ServerResponse } from "node:http";
import { statusOf } from "../../requests/refusals.js";
import { type Disconnect, disconnectTable, errorTable, type ReplyError } from "../../wire/codes.js";
import type { Push, Reply, SubscribeResult } from "../../wire/messages.js";
import type { Admitted } from "../admission.js";
import { type OneWaySession, OneWayTransport, type StreamOpening } from "../one-way-transport.js";
import type { StreamTimes } from "../stream-response.js";
import { connectParams, nextParams, type PlainRequest, subscribeParams } from "./opening.js";
import { errorText, type PlainFormat, publicationText } from "./plain-format.js";

export interface PlainOpening extends StreamOpening {
  readonly asked: PlainRequest;
  /** How long the client should wait before it comes back. */
  readonly retryMs: number;
}

export class PlainTransport extends OneWayTransport {
  readonly name: string;
  readonly onlyChannel: string;
  readonly #format: PlainFormat;
  readonly #opening: PlainOpening;
  #asked: PlainRequest;
  #commands = 0;
  #isConnected = false;
  #hasPrologue = false;

  /** @param onGone called once the response has ended */
  constructor(
    response: ServerResponse,
    format: PlainFormat,
    opening: PlainOpening,
    times: StreamTimes,
    onGone: (transport: Admitted) => void,
  ) {
    super(response, format.encoding, opening, times, onGone);
    this.name = format.name;
    this.onlyChannel = opening.asked.channel;
    this.#format = format;
    this.#opening = opening;
    this.#asked = opening.asked;
  }

  start(session: OneWaySession): void {
    this.session = session;
    this.#give("connect", connectParams(this.#asked));
  }

  translate(message: Reply | Push): string | undefined {
    if ("kind" in message) return this.#translatePush(message);
    if ("error" in message) return this.#takeError(message.error);
    if (message.method === "connect") {
      this.#isConnected = true;
      const granted = message.result.subs?.get(this.onlyChannel);
      if (granted) return this.#takeSubscription(granted);
      this.#giveSoon(subscribeParams(this.#asked));
      return undefined;
    }
    return message.method === "subscribe" ? this.#takeSubscription(message.result) : undefined;
  }

  close({ code, reason }: Disconnect): void {
    this.session = undefined;
    if (this.stream.isBegun) {
      this.stream.write([Buffer.from(this.#format.tell("error", errorText(code, reason)))]);
      this.stream.end();
    } else this.#refuse(this.#statusOf(code), code, reason);
  }

  #give(method: string, params: object): void {
    this.session?.receive(JSON.stringify({ id: ++this.#commands, [method]: params }));
  }

  /** The step before has to be over. */
  #giveSoon(params: object): void {
    setImmediate(() => this.#give("subscribe", params));
  }

  /** Without its subscription the stream has nothing more to say. */
  #translatePush(push: Push): string | undefined {
    if (push.kind !== "unsubscribe") return this.encoding.codec.encodePush(push) as string;
    this.session?.close(push);
    return undefined;
  }

  #takeError(error: ReplyError): undefined {
    const isGone = error.code === errorTable.unrecoverablePosition.code && this.#asked.since !== undefined;
    if (isGone && !this.stream.isBegun) {
      // Of a map: it is read anew, and begins with the word that it is.
      this.#asked = { ...this.#asked, since: undefined };
      this.#giveSoon(subscribeParams(this.#asked));
      return;
    }
    const session = this.session;
    this.close({ code: error.code, reason: error.message });
    session?.closed();
  }

  #takeSubscription(result: SubscribeResult): string {
    const text = this.#withPrologue(this.#begin(result) + this.#entriesOf(result));
    const next = nextParams(this.#asked, result);
    if (next === undefined) return text;
    this.#giveSoon(next);
    return text;
  }

  /** @returns what comes before everything else, at the first step */
  #begin(result: SubscribeResult): string {
    if (this.stream.isBegun) return "";
    const { contentType } = this.#format;
    this.stream.begin({ "Content-Type": contentType, ...this.#opening.cors });
    return this.#startOf(result);
  }

  /** The first page of a map may be empty. */
  #withPrologue(text: string): string {
    if (text === "" || this.#hasPrologue) return text;
    this.#hasPrologue = true;
    return this.#format.prologue(this.#opening.retryMs) + text;
  }

  /** Whether what was asked for could be had; and where the client is, which is with the last step of a map. */
  #startOf(result: SubscribeResult): string {
    const isComingBack = this.#opening.asked.since !== undefined;
    if (isComingBack && !this.#isResumed(result)) return this.#positionText("lost", result, false);
    return result.map ? "" : this.#positionText("position", result, isComingBack || undefined);
  }

  #isResumed({ recovered, map }: SubscribeResult): boolean {
    return recovered || (map?.phase === "stream" && this.#asked.since !== undefined);
  }

  #positionText(
    name: "position" | "lost",
    { positioned, position }: SubscribeResult,
    recovered: boolean | undefined,
  ): string {
    const data = JSON.stringify({ recovered, ...(positioned && position) });
    // A map that is not read yet is no place to come back to.
    return this.#format.tell(name, data, positioned ? position : undefined);
  }

  #entriesOf(result: SubscribeResult): string {
    const { map, publications, position } = result;
    const { tell } = this.#format;
    const state = (map?.state ?? []).map((each) => tell("state", publicationText(each, position.epoch)));
    const { codec } = this.encoding;
    const changes = publications.map((publication) =>
      codec.encodePush({ kind: "pub", channel: this.onlyChannel, publication, epoch: position.epoch }),
    );
    const isComplete = map?.phase === "live";
    const end = isComplete ? this.#positionText("position", result, result.recovered || undefined) : "";
    return [...state, ...changes, end].join("");
  }

  /** Who has nothing to go by is asked for it. */
  #statusOf(code: number): number {
    const isUnknown = code === disconnectTable.badRequest.code && !this.#isConnected;
    return isUnknown && this.#asked.token === undefined ? 401 : statusOf(code);
  }

  #refuse(status: number, code: number, message: string): void {
    this.stream.refuse(
      status,
      {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        // RFC 6750 §3, RFC 9110 §10.2.3.
        ...(status === 401 && { "WWW-Authenticate": "Bearer" }),
        ...((status === 429 || status === 503) && { "Retry-After": "5" }),
        ...this.#opening.cors,
      },
      `{"error":${errorText(code, message)}}\n`,
    );
  }
}
