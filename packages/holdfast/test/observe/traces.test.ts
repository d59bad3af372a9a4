import { subscribe, unsubscribe } from "node:diagnostics_channel";
import * as api from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseTraceparent, type TraceMessage, Traces, validTraceparent } from "../../src/observe/traces.js";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${spanId}-01`;

/** Traces of a program with a tracer provider, and the spans that have ended. */
async function traced(isCarried = false) {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const load = async () => ({ ...api, trace: { ...traceApi(provider) } });
  const traces = new Traces();
  await traces.start({ load, version: "1.0.0", elapsed: () => 0, isCarried });
  exporter.reset();
  return { traces, spans: () => exporter.getFinishedSpans() };
}

/** Without registering the provider for the whole process. */
function traceApi(provider: BasicTracerProvider) {
  const { trace } = api;
  return {
    getTracer: (name: string, version: string) => provider.getTracer(name, version),
    setSpan: trace.setSpan.bind(trace),
    setSpanContext: trace.setSpanContext.bind(trace),
    getSpanContext: trace.getSpanContext.bind(trace),
  };
}

const parentOf = ({ parentSpanContext }: ReadableSpan) => parentSpanContext?.spanId;

describe("traces of a program without OpenTelemetry", () => {
  it.each([
    ["it is not installed", () => Promise.reject(new Error("ERR_MODULE_NOT_FOUND"))],
    ["it has no provider", async () => api],
    ["they are switched off", async () => undefined],
  ])("are nothing where %s", async (_, load) => {
    const traces = new Traces();
    await traces.start({ load, version: "1.0.0", elapsed: () => 0, isCarried: false });
    expect(traces.sees("deliver")).toBe(false);
    const trace = traces.begin("publish", () => {
      throw new Error("nobody wants to know");
    });
    expect(trace).toBeUndefined();
  });
});

describe("spans", () => {
  it("continue the trace that came with the request", async () => {
    const { traces, spans } = await traced();
    const trace = traces.begin("publish", () => ({ channel: "news", client: "c1" }), traceparent);
    trace?.end({ epoch: "e", offset: 7 });
    const [span] = spans();
    expect(span).toMatchObject({ name: "holdfast publish", kind: api.SpanKind.PRODUCER });
    expect(span?.spanContext().traceId).toBe(traceId);
    expect(span && parentOf(span)).toBe(spanId);
    expect(span?.attributes).toEqual({
      "messaging.system": "holdfast",
      "messaging.operation.type": "send",
      "messaging.destination.name": "news",
      "messaging.client.id": "c1",
      "holdfast.epoch": "e",
      "holdfast.offset": 7,
    });
    expect(trace?.traceparent).toBe(`00-${traceId}-${span?.spanContext().spanId}-01`);
  });

  it.each([
    "",
    "garbage",
    `00-${"0".repeat(32)}-${spanId}-01`,
    `ff-${traceId}-${spanId}-01`,
    traceparent.toUpperCase(),
  ])("begin a new trace where %j came", async (given) => {
    const { traces, spans } = await traced();
    traces.begin("publish", () => ({ channel: "news" }), given)?.end();
    expect(spans()).toHaveLength(1);
    expect(spans()[0]?.spanContext().traceId).not.toBe(traceId);
    expect(spans()[0] && parentOf(spans()[0] as ReadableSpan)).toBeUndefined();
  });

  it("of what runs within another belong to it", async () => {
    const { traces, spans } = await traced();
    const outer = traces.begin("api", () => ({ method: "publish" }), traceparent);
    outer?.within(() => traces.begin("publish", () => ({ channel: "news" }))?.end());
    outer?.end();
    traces.begin("publish", () => ({ channel: "news" }))?.end();
    const [inner, around, later] = spans();
    expect(around?.name).toBe("holdfast api publish");
    expect(inner && parentOf(inner)).toBe(around?.spanContext().spanId);
    expect(later && parentOf(later)).toBeUndefined();
  });

  it("of deliveries are linked to the publishes they deliver, by position or by tag", async () => {
    const { traces, spans } = await traced();
    traces.begin("publish", () => ({ channel: "news" }))?.end({ epoch: "e", offset: 1 });
    const published = spans()[0]?.spanContext();
    const delivery = traces.beginDelivery({ channel: "news", pattern: "{any}" }, [
      { offset: 1 },
      { offset: 2, tags: { traceparent } },
      { offset: 3, tags: { traceparent: "garbage" } },
      { offset: 4 },
    ]);
    delivery.end({ readers: 5 });
    const span = spans()[1];
    expect(span?.links.map(({ context }) => context.spanId)).toEqual([published?.spanId, spanId]);
    expect(span?.attributes).toMatchObject({
      "messaging.batch.message_count": 4,
      "messaging.destination.template": "{any}",
      "holdfast.readers": 5,
    });
    expect(span && parentOf(span)).toBeUndefined();
  });

  it("say why something failed", async () => {
    const { traces, spans } = await traced();
    traces.begin("recover", () => ({ channel: "news" }))?.end({ isRecovered: false }, "another epoch");
    expect(spans()[0]?.status).toEqual({ code: api.SpanStatusCode.ERROR, message: "another epoch" });
    expect(spans()[0]?.attributes["holdfast.recovered"]).toBe(false);
  });

  it("remember a bounded number of publishes", async () => {
    const { traces, spans } = await traced();
    for (let offset = 1; offset <= 1200; offset++)
      traces.begin("publish", () => ({ channel: "news" }))?.end({ offset });
    traces.beginDelivery({ channel: "news" }, [{ offset: 1 }, { offset: 1200 }]).end();
    expect(spans().at(-1)?.links).toHaveLength(1);
  });
});

describe("messages of diagnostics channels", () => {
  it("come when an operation ends, with what it was and how long it took", async () => {
    const messages: TraceMessage[] = [];
    const receive = (message: unknown) => void messages.push(message as TraceMessage);
    subscribe("holdfast:publish", receive);
    onTestFinished(() => void unsubscribe("holdfast:publish", receive));
    let now = 100;
    const traces = new Traces();
    await traces.start({
      load: async () => undefined,
      version: "1.0.0",
      elapsed: () => now,
      isCarried: false,
    });
    const trace = traces.begin("publish", () => ({ channel: "news" }), traceparent);
    expect(traces.begin("connect", () => ({}))).toBeUndefined();
    now = 103;
    trace?.end({ code: 103 }, "permission denied");
    expect(messages).toEqual([
      {
        operation: "publish",
        channel: "news",
        code: 103,
        durationMs: 3,
        error: "permission denied",
        traceparent,
      },
    ]);
  });
});

describe("traceparent", () => {
  it("is taken in its valid form, from later versions, too", () => {
    expect(parseTraceparent(traceparent)).toEqual({ traceId, spanId, traceFlags: 1 });
    expect(validTraceparent(`cc-${traceId}-${spanId}-03-what-comes-later`)).toBe(traceparent);
  });

  it("is ignored whatever else it is", () => {
    for (const given of [
      undefined,
      null,
      1,
      {},
      `${traceparent}-more`,
      `${traceparent}\n`,
      ` ${traceparent}`,
    ])
      expect(validTraceparent(given)).toBeUndefined();
    fc.assert(
      fc.property(fc.anything(), (given) => {
        expect(validTraceparent(given)).toBeUndefined();
      }),
    );
  });
});
