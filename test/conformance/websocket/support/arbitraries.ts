/** What property tests draw from: messages in fragments with control frames between, ways to cut, and damage. */
import fc from "fast-check";
import type { Role } from "../../../../packages/holdfast/src/websocket.js";
import { buildFrame, bytesOf, closePayload, type MaskingKey, opcodes } from "./frame-builder.js";
import { type PlainEvent, plain } from "./outcome.js";
import type { Cutter } from "./play.js";
import { seed } from "./seed.js";

/** Parameters of `fc.assert`: so many runs, from the seed of this run. */
export function runs(numRuns: number): fc.Parameters<unknown> {
  return { numRuns, seed };
}

/** One frame to send. */
export type FrameStep =
  | {
      readonly type: "fragment";
      readonly kind: "text" | "binary";
      readonly data: Uint8Array;
      readonly isFinal: boolean;
    }
  | { readonly type: "ping" | "pong"; readonly data: Uint8Array };

/** Long payloads are rare, since failing ones take their time to shrink. */
const boundaryLength = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(124, 125, 126, 127, 128) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536) },
);

const textBytes = fc.oneof(
  { weight: 9, arbitrary: fc.string({ unit: "binary", maxLength: 40 }).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: boundaryLength.map((length) => Buffer.alloc(length, "x")) },
);

const binaryBytes = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  { weight: 1, arbitrary: boundaryLength.map((length) => bytesOf(length, (i) => i * 7)) },
);

/** Cuts the bytes into one to five pieces, empty ones among them. */
function inPieces(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = places.map((place) => Math.round(place * bytes.length)).sort((a, b) => a - b);
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length));
}

const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 });

const message = fc
  .constantFrom("text" as const, "binary" as const)
  .chain((kind) =>
    fc
      .tuple(kind === "text" ? textBytes : binaryBytes, places)
      .map(([bytes, at]) => ({ type: "message" as const, kind, fragments: inPieces(bytes, at) })),
  );

const control = fc.record({
  type: fc.constantFrom("ping" as const, "pong" as const),
  data: fc.uint8Array({ maxLength: 125 }),
});

/** Messages, and after each of their fragments perhaps a control frame. */
export const conversation = fc
  .array(fc.tuple(message, fc.array(fc.option(control), { maxLength: 5 })), { maxLength: 6 })
  .map((each) =>
    each.flatMap(([{ kind, fragments }, controls]) =>
      fragments.flatMap((data, i): FrameStep[] => {
        const fragment: FrameStep = { type: "fragment", kind, data, isFinal: i === fragments.length - 1 };
        const after = controls[i];
        return after ? [fragment, after] : [fragment];
      }),
    ),
  );

/** What the receiver of a conversation must report. */
export function expectedEvents(steps: readonly FrameStep[]): PlainEvent[] {
  const events: PlainEvent[] = [];
  let parts: Uint8Array[] = [];
  for (const step of steps) {
    if (step.type !== "fragment") {
      events.push({ type: step.type, data: plain(step.data) });
      continue;
    }
    parts.push(step.data);
    if (!step.isFinal) continue;
    const bytes = Buffer.concat(parts);
    events.push(
      step.kind === "text"
        ? { type: "text", text: bytes.toString() }
        : { type: "binary", data: plain(bytes) },
    );
    parts = [];
  }
  return events;
}

export const maskingKey: fc.Arbitrary<MaskingKey> = fc
  .integer({ min: 0, max: 0xffffffff })
  .map((word) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff) as unknown as MaskingKey);

/** The conversation as the peer of an engine in this role puts it on the wire. */
export function encodeConversation(
  steps: readonly FrameStep[],
  role: Role,
  keys: readonly MaskingKey[],
): Buffer {
  let isFirst = true;
  const frames = steps.map((step, i) => {
    const key = role === "server" ? (keys[i % keys.length] as MaskingKey) : null;
    if (step.type !== "fragment") return buildFrame({ opcode: opcodes[step.type], payload: step.data, key });
    const opcode = isFirst ? opcodes[step.kind] : opcodes.continuation;
    isFirst = step.isFinal;
    return buildFrame({ opcode, payload: step.data, fin: step.isFinal, key });
  });
  return Buffer.concat(frames);
}

/** Pieces of the sizes that were drawn, over and over. */
export const cutter: fc.Arbitrary<Cutter> = fc
  .oneof(
    fc.constant([1]),
    fc.constant([1_000_000]),
    fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 12 }),
    fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 12 }),
  )
  .map((sizes) =>
    Object.assign(
      function* cutInTurn(total: number) {
        for (let at = 0, turn = 0; at < total; turn++) {
          const size = Math.min(sizes[turn % sizes.length] as number, total - at);
          yield size;
          at += size;
        }
      },
      { toString: () => `pieces of ${sizes}` },
    ),
  );

export const close = fc.record({
  code: fc.oneof(fc.constantFrom(1000, 1001, 1011, 1014), fc.integer({ min: 3000, max: 4999 })),
  reason: fc.string({ unit: "binary", maxLength: 30 }),
});

export const closeFrame = (role: Role, code: number, reason: string) =>
  buildFrame({
    opcode: opcodes.close,
    payload: closePayload(code, reason),
    key: role === "server" ? [1, 2, 3, 4] : null,
  });

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

type Damage = (bytes: Buffer) => Buffer;

/** Bytes changed, taken out and put in, and the end cut off. */
export const damage: fc.Arbitrary<Damage> = fc
  .array(
    fc.oneof(
      fc.tuple(place, fc.integer({ min: 0, max: 7 })).map(
        ([at, bit]): Damage =>
          (bytes) => {
            const index = Math.floor(at * bytes.length);
            return Buffer.from(bytes.map((byte, i) => (i === index ? byte ^ (1 << bit) : byte)));
          },
      ),
      fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 6 })).map(
        ([at, more]): Damage =>
          (bytes) => {
            const index = Math.floor(at * bytes.length);
            return Buffer.concat([bytes.subarray(0, index), more, bytes.subarray(index)]);
          },
      ),
      fc.tuple(place, fc.integer({ min: 1, max: 8 })).map(
        ([at, count]): Damage =>
          (bytes) => {
            const index = Math.floor(at * bytes.length);
            return Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + count)]);
          },
      ),
      place.map(
        (at): Damage =>
          (bytes) =>
            bytes.subarray(0, Math.floor(at * bytes.length)),
      ),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map(
    (all): Damage =>
      (bytes) =>
        all.reduce((damaged, apply) => apply(damaged), bytes),
  );

/** Bytes of which many look like the beginning of a frame. */
export const garbage = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 255 }) },
    { weight: 1, arbitrary: fc.constantFrom(0x00, 0x01, 0x02, 0x03, 0x7e, 0x7f) },
    { weight: 2, arbitrary: fc.constantFrom(0x80, 0x81, 0x82, 0x83, 0x84, 0x88, 0x89, 0x8a, 0xfe, 0xff) },
  ),
  { maxLength: 120 },
);
