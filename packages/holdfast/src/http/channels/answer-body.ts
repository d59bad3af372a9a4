/**
 * Answers to reads of a channel, as JSON: encoded and compressed once for all readers that get the same. The entity tag is
 * made of the position.
 */
import { gzipSync } from "node:zlib";
import type { Encoding } from "../../channels/batches.js";
import { type HttpExchange, type Representation, sendRepresentation } from "../../requests/exchange.js";
import type { LogAnswer, StateAnswer, StateCursor } from "../../sessions/reading.js";
import { costOfAnswer, costOfSharedAnswer } from "../../sessions/work.js";
import { encodePublication, jsonCodec } from "../../wire/json-codec.js";
import { formatPosition, type Position, type Publication, parsePosition } from "../../wire/messages.js";

/** Publications as items of an answer's list. */
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

const minCompressedBytes = 1024;
/** Compressing more would block the event loop for too long. */
const maxCompressedBytes = 256 * 1024;

export class AnswerBody implements Representation {
  readonly bytes: Uint8Array;
  readonly etag: string;
  #gzipped: Uint8Array | null | undefined;
  /** Work units of encoding and compressing that nobody has been charged for. */
  #unpaid: number;

  constructor(bytes: Uint8Array, etag: string) {
    this.bytes = bytes;
    this.etag = etag;
    this.#unpaid = costOfAnswer(bytes.length);
  }

  /** Work units to charge for sending it once: the first reader pays for encoding, others little. */
  takeCost(): number {
    const cost = this.#unpaid + costOfSharedAnswer(this.bytes.length);
    this.#unpaid = 0;
    return cost;
  }

  get isCompressible(): boolean {
    const { length } = this.bytes;
    return length >= minCompressedBytes && length <= maxCompressedBytes;
  }

  /** Compressed when first read; undefined if compression saves nothing. */
  get gzipped(): Uint8Array | undefined {
    if (this.#gzipped === undefined) this.#gzipped = this.#compress() ?? null;
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
 * Recent answers, so that readers of the same page share one that was encoded and compressed once. The entries at given
 * offsets of an epoch never change, so these are the key.
 */
export class SharedBodies {
  /** Least recently used first. */
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

/** Readers that resume at the same position get the same list. */
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

/** @param batch the list a waiting reader got: publications that follow its position */
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
  // Entries can expire while the position stays.
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

/** Opaque to clients, and safe in a URL. */
export function formatCursor({ start, place }: StateCursor): string {
  return Buffer.from(`${formatPosition(start)} ${place}`).toString("base64url");
}

/** @returns undefined for an invalid cursor */
export function parseCursor(text: string): StateCursor | undefined {
  const decoded = Buffer.from(text, "base64url").toString();
  const space = decoded.indexOf(" ");
  const start = parsePosition(decoded.slice(0, Math.max(0, space)));
  return start && { start, place: decoded.slice(space + 1) };
}

/** Private, and revalidated each time, so that nobody sees what another may read. RFC 9111 §5.2.2. */
const cacheHeaders = { "Cache-Control": "private, no-cache", Vary: "Accept-Encoding, Origin" };
const contentHeaders = { "Content-Type": "application/json" };

export function sendBody({ request, response, headers }: HttpExchange, body: AnswerBody): void {
  sendRepresentation(request, response, body, { ...headers, ...cacheHeaders }, contentHeaders);
}
