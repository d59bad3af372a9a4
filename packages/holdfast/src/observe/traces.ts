/**
 * Traces: what a connect, a publish, a delivery, a recovery and a call of the API took, as spans of OpenTelemetry, and as messages of
 * Node's diagnostics channels. Each is short and ends; none is as long as a connection. Without `@opentelemetry/api`, a tracer provider
 * and subscribers of the diagnostics channels, `begin` returns undefined, and nothing is made.
 *
 * The trace that something belongs to comes from outside as `traceparent` (W3C Trace Context); one that is not valid is ignored.
 */
import { channel as diagnosticsChannel } from "node:diagnostics_channel";

export type TracedOperation = "connect" | "publish" | "deliver" | "recover" | "api";

/** Never payloads or tokens. */
export interface TraceFacts {
  readonly channel?: string;
  readonly pattern?: string;
  readonly client?: string;
  readonly transport?: string;
  /** Of the server API. */
  readonly method?: string;
  readonly epoch?: string;
  readonly offset?: number;
  readonly publications?: number;
  readonly readers?: number;
  readonly isRecovered?: boolean;
  readonly isDuplicate?: boolean;
  /** Of the error that was answered. */
  readonly code?: number;
}

/** The message of a diagnostics channel, when an operation has ended. */
export interface TraceMessage extends TraceFacts {
  readonly operation: TracedOperation;
  readonly durationMs: number;
  /** Why it failed. */
  readonly error?: string;
  /** Of its span, if there is one, or else the one that came with it. */
  readonly traceparent?: string;
}

/** The parts of `@opentelemetry/api` in use, so that programs without it need none of its types. */
interface OpenTelemetry {
  readonly ROOT_CONTEXT: OtelContext;
  readonly context: {
    active(): OtelContext;
    with<T>(context: OtelContext, run: () => T): T;
  };
  readonly trace: {
    getTracer(name: string, version: string): OtelTracer;
    setSpan(context: OtelContext, span: OtelSpan): OtelContext;
    setSpanContext(context: OtelContext, spanContext: SpanContext): OtelContext;
    getSpanContext(context: OtelContext): SpanContext | undefined;
  };
}

type OtelContext = object;

interface OtelTracer {
  startSpan(name: string, options: object, context: OtelContext): OtelSpan;
}

interface OtelSpan {
  spanContext(): SpanContext;
  setAttributes(attributes: object): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  end(): void;
}

interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean;
}

/** https://opentelemetry.io/docs/specs/otel/trace/api/#spankind, by the numbers of the API. */
const spanKinds: Record<TracedOperation, number> = { connect: 1, publish: 3, deliver: 4, recover: 0, api: 1 };
const errorStatus = 2;
const noTraceId = "0".repeat(32);

const topics = Object.fromEntries(
  Object.keys(spanKinds).map((operation) => [operation, diagnosticsChannel(`holdfast:${operation}`)]),
) as Record<TracedOperation, ReturnType<typeof diagnosticsChannel>>;

export interface TracesOptions {
  /** Loads `@opentelemetry/api`. @throws if it is not installed */
  readonly load: () => Promise<unknown>;
  readonly version: string;
  /** Monotonic milliseconds. */
  readonly elapsed: () => number;
  /** Whether publications carry the trace of their publish as the tag `traceparent`. */
  readonly isCarried: boolean;
}

/** Spans of publishes that deliveries can refer to. */
const maxRemembered = 1000;
/** Of one delivery; as many as OpenTelemetry keeps by default. */
const maxLinks = 128;

export class Traces {
  #api: OpenTelemetry | undefined;
  #tracer: OtelTracer | undefined;
  #elapsed = () => 0;
  #isCarried = false;
  /** By channel and offset, oldest first. */
  readonly #published = new Map<string, SpanContext>();
  /** While the first turn of an operation runs, for programs without a context manager. */
  #current: OtelContext | undefined;

  /** Looks once whether there is something to tell; a provider that comes later is not noticed. */
  async start({ load, version, elapsed, isCarried }: TracesOptions): Promise<void> {
    this.#elapsed = elapsed;
    this.#isCarried = isCarried;
    const api = (await load().catch(() => undefined)) as OpenTelemetry | undefined;
    if (api === undefined) return;
    const tracer = api.trace.getTracer("holdfast", version);
    const probe = tracer.startSpan("holdfast start", {}, api.ROOT_CONTEXT);
    probe.end();
    // Without a provider, spans have no id.
    if (probe.spanContext().traceId === noTraceId) return;
    this.#api = api;
    this.#tracer = tracer;
  }

  /** Whether publications get a tag `traceparent`. */
  get isCarried(): boolean {
    return this.#isCarried;
  }

  /** Whether anybody wants to know of such operations. */
  sees(operation: TracedOperation): boolean {
    return this.#tracer !== undefined || topics[operation].hasSubscribers;
  }

  /**
   * @param facts called only if somebody wants to know
   * @param parents `traceparent` from outside, the first that is valid; without one, the program's active span
   */
  begin(operation: TracedOperation, facts: () => TraceFacts, ...parents: unknown[]): Trace | undefined {
    if (!this.sees(operation)) return undefined;
    let parent: SpanContext | undefined;
    for (const text of parents) parent ??= parseTraceparent(text);
    return this.#begin(operation, facts(), parent, []);
  }

  /** The walk of new publications to the readers of a channel: linked to their publishes, of which there may be many. */
  beginDelivery(facts: TraceFacts, publications: readonly DeliveredPublication[]): Trace {
    const links = publications.slice(-maxLinks).flatMap(({ offset, tags }) => {
      const context =
        this.#published.get(`${facts.channel} ${offset}`) ?? parseTraceparent(tags?.traceparent);
      return context ? [{ context }] : [];
    });
    return this.#begin("deliver", { ...facts, publications: publications.length }, undefined, links);
  }

  #begin(
    operation: TracedOperation,
    facts: TraceFacts,
    remote: SpanContext | undefined,
    links: readonly { readonly context: SpanContext }[],
  ): Trace {
    const startedAt = this.#elapsed();
    let span: OtelSpan | undefined;
    if (this.#api && this.#tracer) {
      const { trace, context, ROOT_CONTEXT } = this.#api;
      const around =
        operation === "deliver"
          ? ROOT_CONTEXT
          : remote
            ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true })
            : (this.#current ?? context.active());
      const attributes = attributesOf(operation, facts);
      const options = { kind: spanKinds[operation], attributes, ...(links.length > 0 && { links }) };
      span = this.#tracer.startSpan(nameOf(operation, facts), options, around);
    }
    const traceparent = span ? formatTraceparent(span.spanContext()) : remote && formatTraceparent(remote);
    return {
      traceparent,
      end: (outcome = {}, error) => {
        if (span) {
          span.setAttributes(attributesOf(operation, outcome));
          if (error !== undefined) span.setStatus({ code: errorStatus, message: error });
          span.end();
          if (operation === "publish") this.#remember(span.spanContext(), facts.channel, outcome.offset);
        }
        const topic = topics[operation];
        if (!topic.hasSubscribers) return;
        const message: TraceMessage = {
          operation,
          ...facts,
          ...outcome,
          durationMs: this.#elapsed() - startedAt,
          ...(error !== undefined && { error }),
          ...(traceparent !== undefined && { traceparent }),
        };
        topic.publish(message);
      },
      within: (run) => {
        const api = this.#api;
        if (api === undefined || span === undefined) return run();
        const around = api.trace.setSpan(api.ROOT_CONTEXT, span);
        const before = this.#current;
        this.#current = around;
        try {
          return api.context.with(around, run);
        } finally {
          this.#current = before;
        }
      },
    };
  }

  #remember(context: SpanContext, channel: string | undefined, offset: number | undefined): void {
    if (channel === undefined || offset === undefined) return;
    this.#published.set(`${channel} ${offset}`, context);
    if (this.#published.size <= maxRemembered) return;
    for (const oldest of this.#published.keys()) {
      this.#published.delete(oldest);
      return;
    }
  }
}

export interface DeliveredPublication {
  readonly offset: number;
  readonly tags?: Readonly<Record<string, string>>;
}

/** An operation that was begun. */
export interface Trace {
  /** Of its span, or the valid one that it was begun with. */
  readonly traceparent: string | undefined;
  /** Must be called once. @param error why it failed */
  end(outcome?: TraceFacts, error?: string): void;
  /** Runs something whose operations belong to this one. */
  within<T>(run: () => T): T;
}

function nameOf(operation: TracedOperation, { method }: TraceFacts): string {
  return method === undefined ? `holdfast ${operation}` : `holdfast ${operation} ${method}`;
}

const names: Readonly<Record<keyof TraceFacts, string>> = {
  channel: "messaging.destination.name",
  pattern: "messaging.destination.template",
  client: "messaging.client.id",
  transport: "holdfast.transport",
  method: "holdfast.method",
  epoch: "holdfast.epoch",
  offset: "holdfast.offset",
  publications: "messaging.batch.message_count",
  readers: "holdfast.readers",
  isRecovered: "holdfast.recovered",
  isDuplicate: "holdfast.duplicate",
  code: "holdfast.error.code",
};

function attributesOf(operation: TracedOperation, facts: TraceFacts): object {
  const attributes: Record<string, unknown> = { "messaging.system": "holdfast" };
  if (operation === "publish" || operation === "deliver")
    attributes["messaging.operation.type"] = operation === "publish" ? "send" : "process";
  for (const [fact, value] of Object.entries(facts))
    if (value !== undefined) attributes[names[fact as keyof TraceFacts]] = value;
  return attributes;
}

/** https://www.w3.org/TR/trace-context/#traceparent-header. Later versions may append fields. */
const traceparentFormat = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-[\x20-\x7e]*)?$/;
const maxTraceparentCharacters = 200;

/** @returns undefined for anything that is not valid */
export function parseTraceparent(text: unknown): SpanContext | undefined {
  if (typeof text !== "string" || text.length > maxTraceparentCharacters) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", more] = traceparentFormat.exec(text) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1 };
}

/** The valid form of a `traceparent` from outside; undefined if it is not valid. */
export function validTraceparent(text: unknown): string | undefined {
  const context = parseTraceparent(text);
  return context && formatTraceparent(context);
}

function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 1).toString(16).padStart(2, "0")}`;
}
