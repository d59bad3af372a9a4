/** Sessions whose two directions are separate requests, on a response in the test's hands. */
import { describe, expect, it } from "vitest";
import {
  createEventEncoding,
  createLineEncoding,
  EmulatedTransport,
} from "../../src/transports/stream-listener.js";
import type { StreamSession } from "../../src/transports/stream-transport.js";
import { disconnect } from "../../src/wire/codes.js";
import { jsonCodec } from "../../src/wire/json-codec.js";
import { createSessionNode, type SessionNodeOptions } from "../sessions/support/session-node.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { FakeResponse } from "./support/fake-response.js";

const lineEncoding = createLineEncoding(jsonCodec);
const eventEncoding = createEventEncoding(jsonCodec);
const format = { name: "http_stream", encoding: lineEncoding, contentType: "application/json" };
const closeTimeoutMs = 5000;

function createTransport(clock = new FakeClock()) {
  const response = FakeResponse.create();
  let ends = 0;
  const transport = new EmulatedTransport(
    response,
    format,
    {
      peer: {
        request: { headers: {}, url: "/connection/http_stream", address: "127.0.0.1" },
        place: undefined,
      },
      emulation: { session: "s", node: "n" },
    },
    { clock, closeTimeoutMs },
    () => ends++,
  );
  return { response, transport, clock, ends: () => ends };
}

/** Notes what a transport reports. */
function createEvents() {
  const log: string[] = [];
  const events: StreamSession = {
    receive: (payload) => void log.push(`receive ${payload as string}`),
    execute: ({ method }) => void log.push(`execute ${method}`),
    receivePong: () => void log.push("pong"),
    drained: () => void log.push("drained"),
    closed: () => void log.push("closed"),
    close: () => void log.push("close"),
  };
  return { log, events };
}

async function startSession(options: SessionNodeOptions = {}) {
  const node = await createSessionNode(options);
  const { response, transport } = createTransport(node.clock);
  transport.start(node.handler.open(transport), '{"id":1,"connect":{}}', {});
  await node.settle();
  const messages = () =>
    response.text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  return { node, response, transport, messages };
}

describe("an emulated transport", () => {
  it("sends the head before anybody knows who it is, and hands over the commands", () => {
    const { response, transport } = createTransport();
    const { log, events } = createEvents();
    transport.start(events, '{"id":1,"connect":{}}', { Vary: "Origin" });
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({
      "Content-Type": "application/json",
      "X-Accel-Buffering": "no",
      "Cache-Control": expect.stringMatching(/no-store.*no-transform/),
      Vary: "Origin",
    });
    expect(log).toEqual(['receive {"id":1,"connect":{}}']);
  });

  it("hands over bytes as they are, for codecs that read bytes", async () => {
    const { transport } = createTransport();
    const received: unknown[] = [];
    const { events } = createEvents();
    const [first, second] = [Uint8Array.of(0, 255), Uint8Array.of(1)];
    transport.start({ ...events, receive: (frame) => void received.push(frame) }, first, {});
    await transport.deliver(second);
    expect(received.map((frame) => [first, second].indexOf(frame as typeof first))).toEqual([0, 1]);
  });

  it("is not cut by the server for being silent", () => {
    const { response, transport } = createTransport();
    const timeouts: number[] = [];
    Object.assign(response, { socket: { setTimeout: (ms: number) => timeouts.push(ms), writableCorked: 0 } });
    transport.start(createEvents().events, "a", {});
    expect(timeouts).toEqual([0]);
  });

  it("tells once that the client is gone, and nothing after that", () => {
    const { response, transport, ends } = createTransport();
    const { log, events } = createEvents();
    transport.start(events, "a", {});
    response.isFull = true;
    transport.write([Buffer.from("x")]);
    response.destroy();
    response.emit("close");
    response.take();
    expect(log).toEqual(["receive a", "closed"]);
    expect(ends()).toBe(1);
  });

  it("closes with the reason behind what waits, and says nothing more to the session", () => {
    const { response, transport, ends, clock } = createTransport();
    const { log, events } = createEvents();
    transport.start(events, "a", {});
    response.isFull = true;
    transport.write([Buffer.from("x\n")]);
    transport.close(disconnect("shutdown"));
    response.take();
    expect(response.text).toBe('x\n{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}\n');
    expect(response.hasEnded).toBe(true);
    response.destroy();
    expect([log, ends(), clock.timers]).toEqual([["receive a"], 1, 0]);
  });

  it("is cut when the client does not take the end in time", () => {
    const { response, transport, clock, ends } = createTransport();
    transport.start(createEvents().events, "a", {});
    response.isFull = true;
    transport.write([Buffer.from("x\n")]);
    transport.close(disconnect("slow"));
    clock.advance(closeTimeoutMs - 1);
    expect(response.destroyed).toBe(false);
    clock.advance(1);
    expect([response.destroyed, ends()]).toEqual([true, 1]);
  });

  it("keeps commands while nothing is read, hands them over in order, and bounds them", async () => {
    const { transport } = createTransport();
    const { log, events } = createEvents();
    transport.start(events, "0", {});
    transport.pauseReading();
    let taken = 0;
    for (let i = 1; i <= 256; i++) void (transport.deliver(String(i)) as Promise<void>).then(() => taken++);
    expect(transport.deliver("257")).toBe("full");
    await settle();
    expect([log.length, taken]).toEqual([1, 0]);
    transport.resumeReading();
    await settle();
    expect(taken).toBe(256);
    expect(log).toEqual(Array.from({ length: 257 }, (_, i) => `receive ${i}`));
  });

  it("answers those whose commands wait when the session ends", async () => {
    const { transport } = createTransport();
    transport.start(createEvents().events, "0", {});
    transport.pauseReading();
    const waiting = transport.deliver("1") as Promise<void>;
    transport.close(disconnect("shutdown"));
    await waiting;
    await (transport.deliver("2") as Promise<void>);
  });
});

describe("a session over it", () => {
  it("learns by what its commands name it, and gets answers to commands of other requests", async () => {
    const { node, transport, messages } = await startSession();
    await (transport.deliver('{"id":2,"subscribe":{"channel":"a"}}') as Promise<void>);
    await node.settle();
    await node.publish("a");
    await node.settle();
    expect(messages()).toMatchObject([
      { id: 1, connect: { session: "s", node: "n", pong: true } },
      { id: 2, subscribe: { recoverable: true } },
      { push: { channel: "a", pub: { offset: 1 } } },
    ]);
  });

  it("is behind while the response is full, with nothing queued, and reads on from the log", async () => {
    const { node, response, transport, messages } = await startSession({ ringLimits: { maxEntries: 4 } });
    await (transport.deliver('{"id":2,"subscribe":{"channel":"a"}}') as Promise<void>);
    await node.settle();
    response.isFull = true;
    for (let i = 0; i < 2; i++) {
      await node.publish("a");
      await node.settle();
    }
    const unsent = transport.unsentBytes;
    await node.publish("a", 50);
    await node.settle();
    expect(transport.unsentBytes).toBe(unsent);
    expect(node.handler.stats()).toMatchObject({ behind: 1, unsentBytes: unsent });
    response.take();
    await node.settle();
    const offsets = messages().flatMap(({ push }) => push?.pub?.offset ?? []);
    expect(offsets).toEqual(Array.from({ length: 52 }, (_, i) => i + 1));
    expect(node.handler.stats()).toMatchObject({ behind: 0, heldBytes: 0, unsentBytes: 0 });
  });

  it("shares bytes with others in the same format", async () => {
    const node = await createSessionNode();
    const responses = [0, 1].map(() => {
      const { response, transport } = createTransport(node.clock);
      const written: Uint8Array[] = [];
      const write = response.write as (chunk: Uint8Array, taken: () => void) => boolean;
      response.write = ((chunk: Uint8Array, taken: () => void) => {
        written.push(chunk);
        return write.call(response, chunk, taken);
      }) as typeof response.write;
      transport.start(
        node.handler.open(transport),
        '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"a"}}',
        {},
      );
      return written;
    });
    await node.settle();
    await node.publish("a");
    await node.settle();
    const [first, second] = responses.map((written) => written.at(-1));
    expect(Buffer.from(first as Uint8Array).toString()).toMatch(/"pub"/);
    expect(first).toBe(second);
  });
});

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("lines", () => {
  it("end with a line feed, and leave ASCII as it is", () => {
    expect(textOf(lineEncoding.frame('{"a":1}\n{}'))).toBe('{"a":1}\n{}\n');
  });

  it("escape what is beyond ASCII, surrogates one by one", () => {
    const value = { text: "é €😀\u007f" };
    const line = textOf(lineEncoding.frame(JSON.stringify(value)));
    expect(line).toBe('{"text":"\\u00e9 \\u20ac\\ud83d\\ude00\u007f"}\n');
    expect(JSON.parse(line)).toEqual(value);
  });
});

describe("events", () => {
  it("carry one message each", () => {
    expect(textOf(eventEncoding.frame('{"a":"é"}\n{}'))).toBe('data: {"a":"é"}\n\ndata: {}\n\n');
  });
});
