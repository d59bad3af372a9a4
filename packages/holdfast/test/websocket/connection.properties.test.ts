/** Streams that no script foresaw, valid and damaged. A failure prints its seed: see support/seed.ts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  close,
  closeFrame,
  conversation,
  cutter,
  damage,
  encodeConversation,
  expectedEvents,
  type FrameStep,
  garbage,
  maskingKey,
  runs,
} from "../../../../test/conformance/websocket/support/arbitraries.js";
import { peerOf } from "../../../../test/conformance/websocket/support/frame-builder.js";
import { outcomeOf, plain, plainEvent } from "../../../../test/conformance/websocket/support/outcome.js";
import { type Cutter, cut, playOnce, whole } from "../../../../test/conformance/websocket/support/play.js";
import { predict } from "../../../../test/conformance/websocket/support/reference-receiver.js";
import { seedNote } from "../../../../test/conformance/websocket/support/seed.js";
import { judgeUtf8 } from "../../../../test/conformance/websocket/support/utf8-oracle.js";
import { type MessageLimits, resolveMessageLimits } from "../../src/websocket/message.js";
import { type ConnectionEvent, type Role, WebSocketConnection } from "../../src/websocket.js";

const roles: Role[] = ["server", "client"];
const other = (role: Role): Role => (role === "server" ? "client" : "server");

function send(connection: WebSocketConnection, steps: readonly FrameStep[]): void {
  for (const step of steps) {
    if (step.type === "fragment") connection.sendFragment(step.kind, step.data, step.isFinal);
    else if (step.type === "ping") connection.sendPing(step.data);
    else connection.sendPong(step.data);
  }
}

/** Moves what one side has to send to the other. */
function carry(from: WebSocketConnection, to: WebSocketConnection, cutter: Cutter): ConnectionEvent[] {
  return [...cut(Buffer.concat(from.takeOutput()), cutter)].flatMap((chunk) => to.receive(chunk));
}

/** Feeds any bytes, and checks all that must hold whatever they are. */
function expectDefinedEnd(role: Role, bytes: Buffer, cutter: Cutter, limits: MessageLimits): void {
  const connection = new WebSocketConnection(role, limits);
  const events: ConnectionEvent[] = [];
  const output: Buffer[] = [];
  for (const chunk of cut(bytes, cutter)) {
    events.push(...connection.receive(chunk));
    output.push(...connection.takeOutput());
  }
  const outcome = outcomeOf(connection, events, output);
  expect(playOnce(role, [bytes], whole, limits), "fed whole").toEqual(outcome);

  const { events: expected, verdicts } = predict(bytes, role, limits);
  const last = outcome.events.at(-1);
  const fault = last?.type === "fault" ? last : undefined;
  expect(outcome.events.filter(({ type }) => type !== "fault")).toEqual(expected);
  expect(verdicts).toContain(fault?.code);

  const end = last?.type === "close" || last?.type === "fault" ? last : undefined;
  expect(outcome.state).toBe(end ? "closed" : "open");
  expect(outcome.closeStatus?.code).toBe(end?.code);
  expect(outcome.sent.filter(({ type }) => type === "close")).toHaveLength(end ? 1 : 0);
  if (fault) expect(outcome).toMatchObject({ isFinished: true, closeStatus: { wasClean: false } });
  if (end) {
    const peer = peerOf(role);
    for (const frame of [peer.text("late"), peer.ping("late"), peer.close(1000), bytes])
      expect(connection.receive(Buffer.from(frame))).toEqual([]);
  }
  connection.receiveEnd();
  expect(connection.takeOutput()).toEqual([]);
  expect(connection.state).toBe("closed");
  expect(connection.closeStatus?.code).toBe(end?.code ?? 1006);
}

describe.each(roles)(`any conversation, sent to a %s (${seedNote})`, (role) => {
  it("arrives as it was sent by the other side's engine, and both close cleanly", () => {
    const property = fc.property(
      conversation,
      cutter,
      cutter,
      close,
      (steps, there, back, { code, reason }) => {
        const receiver = new WebSocketConnection(role);
        const sender = new WebSocketConnection(other(role));
        send(sender, steps);
        expect(carry(sender, receiver, there).map(plainEvent)).toEqual(expectedEvents(steps));
        const pings = steps.filter(({ type }) => type === "ping");
        const pongs = pings.map(({ data }) => ({ type: "pong", data: plain(data) }));
        expect(carry(receiver, sender, back).map(plainEvent)).toEqual(pongs);
        sender.close(code, reason);
        expect(carry(sender, receiver, there)).toEqual([{ type: "close", code, reason }]);
        expect(carry(receiver, sender, back)).toMatchObject([{ type: "close", code }]);
        for (const side of [receiver, sender])
          expect(side).toMatchObject({ state: "closed", closeStatus: { code, wasClean: true } });
      },
    );
    fc.assert(property, runs(150));
  });

  it("arrives as an independent encoder wrote it", () => {
    const keys = fc.array(maskingKey, { minLength: 1, maxLength: 8 });
    const property = fc.property(conversation, keys, cutter, (steps, drawn, chop) => {
      const { events, sent, state } = playOnce(role, [encodeConversation(steps, role, drawn)], chop);
      expect(events).toEqual(expectedEvents(steps));
      expect(sent).toHaveLength(steps.filter(({ type }) => type === "ping").length);
      expect(state).toBe("open");
    });
    fc.assert(property, runs(150));
  });
});

describe.each(roles)(`any bytes, sent to a %s (${seedNote})`, (role) => {
  const limits = fc.constantFrom(
    resolveMessageLimits({}),
    resolveMessageLimits({ maxMessageBytes: 60, maxFrameBytes: 20, maxFragments: 3 }),
  );

  it("a damaged conversation ends in a defined state", () => {
    const keys = fc.array(maskingKey, { minLength: 1, maxLength: 3 });
    const property = fc.property(
      ...([conversation, keys, close, damage, cutter, limits] as const),
      (steps, drawn, { code, reason }, spoil, chop, bounds) => {
        const valid = Buffer.concat([encodeConversation(steps, role, drawn), closeFrame(role, code, reason)]);
        expectDefinedEnd(role, spoil(valid), chop, bounds);
      },
    );
    fc.assert(property, runs(300));
  });

  it("a damaged short message ends in a defined state", () => {
    const payload = fc.string({ unit: "binary", maxLength: 8 });
    const property = fc.property(payload, damage, cutter, limits, (text, spoil, chop, bounds) => {
      const peer = peerOf(role);
      expectDefinedEnd(role, spoil(Buffer.concat([peer.text(text), peer.ping("x")])), chop, bounds);
    });
    fc.assert(property, runs(500));
  });

  it("garbage ends in a defined state", () => {
    const property = fc.property(garbage, cutter, limits, (bytes, chop, bounds) => {
      expectDefinedEnd(role, Buffer.from(bytes), chop, bounds);
    });
    fc.assert(property, runs(500));
  });
});

describe.each(roles)(`any text, sent to a %s (${seedNote})`, (role) => {
  it("is refused on the chunk with its first impossible byte", () => {
    const text = fc.string({ unit: "binary", maxLength: 60 }).map((each) => Buffer.from(each));
    const property = fc.property(text, damage, cutter, (valid, spoil, chop) => {
      const payload = spoil(valid);
      // The frame announces more than comes, so that nothing but a fault can be reported.
      const announcedBytes = BigInt(payload.length + 1);
      const frame = peerOf(role).frame({ opcode: 1, payload, announcedBytes });
      const faultAt = judgeUtf8(payload).faultAt;
      const expectedAt =
        faultAt === undefined ? Number.POSITIVE_INFINITY : frame.length - payload.length + faultAt;
      const connection = new WebSocketConnection(role);
      let seen = 0;
      for (const chunk of cut(frame, chop)) {
        const isDue = seen <= expectedAt && expectedAt < seen + chunk.length;
        seen += chunk.length;
        expect(connection.receive(chunk).map((event) => "code" in event && event.code)).toEqual(
          isDue ? [1007] : [],
        );
      }
    });
    fc.assert(property, runs(500));
  });
});
