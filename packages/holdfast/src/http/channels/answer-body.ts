/**
 * What readers of a channel are answered, made once for all that get the same: as JSON, compressed where that pays, with an
 * entity tag made of the position (RFC 9110 §8.8.3). The tag is weak, since compressed and plain answers have the same.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import type { Encoding } from "../../channels/reader.js";
import type { LogAnswer, StateAnswer, StateCursor } from "../../sessions/reading.js";
import { costOfAnswer, costOfSharedAnswer } from "../../sessions/work.js";
import { encodePublication, jsonCodec } from "../../wire/json-codec.js";
import { formatPosition, type Position, type Publication, parsePosition } from "../../wire/messages.js";
import { acceptsGzip } from "../accepts-gzip.js";

/** Publications as they stand in an answer's list. */
export const listEncoding: Encoding = Object.freeze({
  codec: Object.freeze({
    ...jsonCodec,
    name: "json list",
    encodePush: (push: Parameters<typeof jsonCodec.encodePush>[0]) =>
      push.kind === "pub" ? encodePublication(push.publication, undefined, true) : "",
    join: (messages: Parameters<typeof jsonCodec.join>[0]) => messages.join(","),
  }),
  frame: (payload: string | Uint8Array) => Buffer.from(payload as string),
});

const leastCompressedBytes = 1024;
/** Beyond, compressing would hold up others for too long. */
const mostCompressedBytes = 256 * 1024;

export class AnswerBody {
  readonly bytes: Uint8Array;
  readonly etag: string;
  #gzipped: Uint8Array | null | undefined;
  /** What making it has cost, and nobody was charged for. */
  #unpaid: number;

  constructor(bytes: Uint8Array, etag: string) {
    this.bytes = bytes;
    this.etag = etag;
    this.#unpaid = costOfAnswer(bytes.length);
  }

  /** What sending it once has cost, in work units: all of it for who came first, and little for others. */
  takeCost(): number {
    const cost = this.#unpaid + costOfSharedAnswer(this.bytes.length);
    this.#unpaid = 0;
    return cost;
  }

  get isCompressible(): boolean {
    const { length } = this.bytes;
    return length >= leastCompressedBytes && length <= mostCompressedBytes;
  }

  /** Compressed at the first look; undefined where that does not pay. */
  get gzipped(): Uint8Array | undefined {
    this.#gzipped ??= this.#compress() ?? null;
    return this.#gzipped ?? undefined;
  }

  #compress(): Uint8Array | undefined {
    if (!this.isCompressible) return undefined;
    this.#unpaid += costOfAnswer(this.bytes.length);
    const gzipped = gzipSync(this.bytes);
    return gzipped.length < this.bytes.length ? gzipped : undefined;
  }
}

const maxSharedBytes = 8 * 1024 * 1024;

/**
 * Answers of late, so that many that read the same page get one that was put together and compressed once. What is in a
 * log at some offsets of an epoch does not change, so an answer is known by these.
 */
export class SharedBodies {
  /** Those that were asked for last at the end. */
  readonly #bodies = new Map<string, AnswerBody>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get(channel: string, answer: LogAnswer | StateAnswer): AnswerBody {
    if ("state" in answer || answer.publications.length === 0) return bodyOfAnswer(answer);
    const { position, publications, isRecovered } = answer;
    const [first, last] = [publications[0]?.offset, publications.at(-1)?.offset];
    const key = `${formatPosition(position)} ${first} ${last} ${publications.length} ${isRecovered} ${channel}`;
    const known = this.#bodies.get(key);
    const body = known ?? bodyOfAnswer(answer);
    if (known) this.#bodies.delete(key);
    else this.#bytes += body.bytes.length;
    this.#bodies.set(key, body);
    for (const [oldest, { bytes }] of this.#bodies) {
      if (this.#bytes <= maxSharedBytes) break;
      this.#bodies.delete(oldest);
      this.#bytes -= bytes.length;
    }
    return body;
  }
}

/** Those that come to the same place get the same list. */
const ofLists = new WeakMap<readonly Publication[], AnswerBody>();
const ofBatches = new WeakMap<Uint8Array, AnswerBody>();

export function bodyOfAnswer(answer: LogAnswer | StateAnswer): AnswerBody {
  if ("state" in answer) return bodyOfState(answer);
  const { publications, position, isRecovered } = answer;
  if (!isRecovered || publications.length === 0) return bodyOfList(answer);
  const known = ofLists.get(publications);
  if (known?.etag === tagOf(position)) return known;
  const body = bodyOfList(answer);
  ofLists.set(publications, body);
  return body;
}

/** @param batch a list that a waiting reader got: publications that follow its place */
export function bodyOfBatch(batch: Uint8Array, position: Position): AnswerBody {
  const known = ofBatches.get(batch);
  if (known) return known;
  const bytes = Buffer.concat([Buffer.from(headOf(position, true)), batch, Buffer.from("]}")]);
  const body = new AnswerBody(bytes, tagOf(position));
  ofBatches.set(batch, body);
  return body;
}

function bodyOfList({ position, publications, isRecovered }: LogAnswer): AnswerBody {
  const text = `${headOf(position, isRecovered)}${encodeAll(publications)}]}`;
  // What is kept can become less while the position stays.
  return new AnswerBody(Buffer.from(text), tagOf(position, isRecovered ? "" : `:${publications.length}`));
}

function bodyOfState({ position, state, cursor }: StateAnswer): AnswerBody {
  const next = cursor ? `,"cursor":${JSON.stringify(formatCursor(cursor))}` : "";
  const text = `{${positionFields(position)},"state":[${encodeAll(state)}]${next}}`;
  return new AnswerBody(Buffer.from(text), tagOf(position, ":state"));
}

function encodeAll(publications: readonly Publication[]): string {
  return publications.map((publication) => encodePublication(publication, undefined, true)).join(",");
}

function headOf(position: Position, isRecovered: boolean): string {
  return `{${positionFields(position)},"recovered":${isRecovered},"publications":[`;
}

function positionFields({ epoch, offset }: Position): string {
  return `"epoch":${JSON.stringify(epoch)},"offset":${offset}`;
}

function tagOf(position: Position, rest = ""): string {
  return `W/"${formatPosition(position)}${rest}"`;
}

/** Opaque to clients, and fit for an address. */
export function formatCursor({ start, place }: StateCursor): string {
  return Buffer.from(`${formatPosition(start)} ${place}`).toString("base64url");
}

/** @returns undefined where it is none */
export function parseCursorText(text: string): StateCursor | undefined {
  const decoded = Buffer.from(text, "base64url").toString();
  const space = decoded.indexOf(" ");
  const start = parsePosition(decoded.slice(0, Math.max(0, space)));
  return start && { start, place: decoded.slice(space + 1) };
}

/** May be kept, but is asked for each time, so that nobody is shown what another one may read. RFC 9111 §5.2.2. */
const cacheFields = { "Cache-Control": "private, no-cache", Vary: "Accept-Encoding, Origin" };

/** @param headers of the answer beside those that say what it is */
export function sendBody(
  { method, headers: asked, httpVersion }: IncomingMessage,
  response: ServerResponse,
  body: AnswerBody,
  headers: Readonly<Record<string, string>>,
): void {
  const fields = { ...headers, ...cacheFields, ETag: body.etag };
  if (isUnchanged(asked["if-none-match"], body.etag)) {
    // What a connection of HTTP/1.1 does anyway need not be said (RFC 9112 §9.3).
    if (httpVersion === "1.1" && headers.Connection === undefined) response.removeHeader("Connection");
    response.writeHead(304, fields).end();
    return;
  }
  const isCompressed = body.isCompressible && acceptsGzip(asked["accept-encoding"]);
  const gzipped = isCompressed ? body.gzipped : undefined;
  const bytes = gzipped ?? body.bytes;
  response.writeHead(200, {
    "Content-Type": "application/json",
    "Content-Length": bytes.length,
    "X-Content-Type-Options": "nosniff",
    ...(gzipped && { "Content-Encoding": "gzip" }),
    ...fields,
  });
  response.end(method === "HEAD" ? undefined : bytes);
}

/** RFC 9110 §13.1.2: compared weakly; `*` stands for whatever there is. */
function isUnchanged(asked: string | undefined, etag: string): boolean {
  if (asked === undefined) return false;
  const opaque = etag.slice("W/".length);
  return asked.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === opaque);
}
