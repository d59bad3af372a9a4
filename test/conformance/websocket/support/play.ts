/**
 * Plays a script against a connection: bytes of the peer, and calls of the application in between. The bytes are fed
 * whole, byte by byte and at random cuts, which must not make a difference.
 */
import { expect } from "vitest";
import {
  type ConnectionEvent,
  type ConnectionOptions,
  type Deflate,
  type Role,
  WebSocketConnection,
} from "../../../../packages/holdfast/src/websocket.js";
import { peerOf } from "./frame-builder.js";
import { type Outcome, outcomeOf, type PlainEvent } from "./outcome.js";
import { createRandom, seedNote } from "./seed.js";

/** Bytes of the peer, or something that the application does. */
export type Step = Uint8Array | ((connection: WebSocketConnection) => void);

/** Bounds of the connection, and what its opening handshake agreed on. */
export interface PlayOptions extends ConnectionOptions {
  readonly deflate?: Deflate | undefined;
}

/** Sizes of the pieces that so many bytes are cut into. */
export type Cutter = (total: number) => Iterable<number>;

export const whole: Cutter = (total) => [total];

export function pieces(size: number): Cutter {
  return function* (total) {
    for (let at = 0; at < total; at += size) yield Math.min(size, total - at);
  };
}

/** Mostly pieces of a few bytes, which cut headers and characters, and now and then a long one. */
export function randomPieces(random: () => number): Cutter {
  return function* (total) {
    for (let at = 0; at < total; ) {
      const size = 1 + Math.floor(random() * (random() < 0.7 ? 6 : 3000));
      yield Math.min(size, total - at);
      at += size;
    }
  };
}

/** Every piece is a copy in memory of its own: the connection owns what it is given and unmasks in place. */
export function* cut(bytes: Uint8Array, cutter: Cutter): Generator<Buffer> {
  let at = 0;
  for (const size of cutter(bytes.length)) {
    yield Buffer.from(bytes.subarray(at, at + size));
    at += size;
  }
}

export function connectionFor(role: Role, { deflate, ...limits }: PlayOptions = {}): WebSocketConnection {
  return new WebSocketConnection(role, limits, deflate);
}

/** Plays the script once. Payloads are looked at after the last step, so that a reused buffer would show. */
export function playOnce(
  role: Role,
  script: readonly Step[],
  cutter: Cutter,
  options: PlayOptions = {},
): Outcome {
  const connection = connectionFor(role, options);
  const events: ConnectionEvent[] = [];
  const output: Buffer[] = [];
  let pending: Uint8Array[] = [];
  const feed = () => {
    for (const piece of cut(Buffer.concat(pending), cutter)) {
      events.push(...connection.receive(piece));
      output.push(...connection.takeOutput());
    }
    pending = [];
  };
  for (const step of script) {
    if (step instanceof Uint8Array) {
      pending.push(step);
      continue;
    }
    feed();
    step(connection);
    output.push(...connection.takeOutput());
  }
  feed();
  return outcomeOf(connection, events, output, options.deflate !== undefined);
}

/** Plays the script fed in three ways and expects one outcome. */
export function play(role: Role, script: readonly Step[], options: PlayOptions = {}): Outcome {
  const outcome = playOnce(role, script, whole, options);
  expect(playOnce(role, script, pieces(1), options), "fed byte by byte").toEqual(outcome);
  const cuts = randomPieces(createRandom());
  expect(playOnce(role, script, cuts, options), `fed at random cuts, ${seedNote}`).toEqual(outcome);
  return outcome;
}

/** Expects these events and a connection that goes on. */
export function expectEvents(
  role: Role,
  input: readonly Uint8Array[],
  events: readonly PlainEvent[],
  options: PlayOptions = {},
): Outcome {
  const outcome = play(role, input, options);
  expect(outcome).toMatchObject({ events, state: "open", closeStatus: undefined, isFinished: false });
  return outcome;
}

/**
 * Expects the connection to fail with the code (RFC 6455 §7.1.7): what came before is delivered, a Close frame goes
 * out, and what follows is ignored.
 * @param delivered messages of the input itself that are whole before the fault
 */
export function expectFault(
  role: Role,
  input: readonly Uint8Array[],
  code: number,
  options: PlayOptions = {},
  delivered: readonly PlainEvent[] = [],
): Outcome {
  const peer = peerOf(role);
  const outcome = play(role, [peer.text("before"), ...input, peer.ping("x"), peer.text("after")], options);
  const reason = expect.any(String);
  expect(outcome.events[0]).toEqual({ type: "text", text: "before" });
  expect(outcome.events.at(-1)).toEqual({ type: "fault", code, reason });
  const messages = outcome.events.slice(1, -1).filter(({ type }) => type === "text" || type === "binary");
  expect(messages).toEqual(delivered);
  expect(outcome.sent.at(-1)).toEqual({ type: "close", code, reason });
  expect(outcome).toMatchObject({
    state: "closed",
    closeStatus: { code, wasClean: false },
    isFinished: true,
  });
  return outcome;
}
