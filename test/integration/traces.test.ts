/** A publisher's trace on its way to a subscriber's page: spans of a server, and the tag that carries the trace. */
import * as api from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { Centrifuge, type PublicationContext } from "centrifuge";
import { createServer } from "holdfast";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { until } from "../../packages/holdfast/test/support/server.js";

const key = "a key of the API that is long enough";
const traceId = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${traceId}-b7ad6b7169203331-01`;

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

beforeAll(() => void api.trace.setGlobalTracerProvider(provider));
afterAll(() => api.trace.disable());
beforeEach(() => exporter.reset());

const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);

async function start(options: object = {}) {
  const server = createServer({ port: 0, data: null, apiKeys: [key], ...options });
  await server.listen();
  onTestFinished(() => server.close());
  const { url } = server.address;
  const publications: PublicationContext[] = [];
  const client = new Centrifuge(`${url.replace("http", "ws")}/connection/websocket`, {
    websocket: WebSocket,
    headers: { traceparent },
  });
  onTestFinished(() => client.disconnect());
  const news = client.newSubscription("news");
  news.on("publication", (publication) => publications.push(publication));
  news.subscribe();
  client.connect();
  await news.ready();
  const publish = (headers: Record<string, string>) =>
    fetch(`${url}/api/publish`, {
      method: "POST",
      headers: { "X-API-Key": key, ...headers },
      body: JSON.stringify({ channel: "news", data: { n: 1 } }),
    });
  return { server, client, publications, publish, url };
}

describe("trace of a publish", () => {
  it("goes from the request over the publish to the delivery, and to the page in a tag", async () => {
    const { publications, publish } = await start({ traceTags: true });
    await publish({ traceparent });
    await until(() => publications.length === 1 && named("holdfast deliver").length > 0);
    const [call] = named("holdfast api publish");
    const [published] = named("holdfast publish");
    const [delivered] = named("holdfast deliver");
    expect([call, published].map((span) => span?.spanContext().traceId)).toEqual([traceId, traceId]);
    expect(published?.parentSpanContext?.spanId).toBe(call?.spanContext().spanId);
    expect(delivered?.links.map(({ context }) => context.spanId)).toEqual([published?.spanContext().spanId]);
    expect(publications[0]?.tags).toEqual({
      traceparent: `00-${traceId}-${published?.spanContext().spanId}-01`,
    });
  });

  it("begins anew where the header is garbage, and is in no tag unless asked for", async () => {
    const { publications, publish } = await start();
    const response = await publish({ traceparent: "00-garbage" });
    expect(response.status).toBe(200);
    await until(() => publications.length === 1);
    expect(publications[0]?.tags).toBeUndefined();
    const [published] = named("holdfast publish");
    expect(published?.spanContext().traceId).not.toBe(traceId);
  });

  it("comes from a client's own command, and from a POST to the channel's address", async () => {
    const { client, url } = await start();
    await client.rpc("holdfast.publish", { channel: "news", data: 1, traceparent });
    await fetch(`${url}/channels/news`, {
      method: "POST",
      headers: { traceparent, "Content-Type": "application/json" },
      body: "2",
    });
    expect(named("holdfast publish").map((span) => span.spanContext().traceId)).toEqual([traceId, traceId]);
  });
});

describe("other spans", () => {
  it("are those of a connect, in the trace that the client sent, and of a recovery", async () => {
    const { client, server, publish } = await start();
    expect(named("holdfast connect").map((span) => span.spanContext().traceId)).toEqual([traceId]);
    const { epoch = "" } = await client.history("news", { limit: 0 });
    await publish({});
    const known = client.getSubscription("news");
    if (known) client.removeSubscription(known);
    const news = client.newSubscription("news", { since: { epoch, offset: 0 } });
    news.subscribe();
    await news.ready();
    await until(() => named("holdfast recover").length === 1);
    expect(named("holdfast recover")[0]?.attributes).toMatchObject({
      "holdfast.recovered": true,
      "messaging.batch.message_count": 1,
    });
    await server.close();
  });

  it("are not there with traces: false", async () => {
    const { publish } = await start({ traces: false });
    await publish({ traceparent });
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});
