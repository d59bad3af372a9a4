/**
 * The server's side of the story: each visitor's own channel, what it sees of its own traffic, and the crowd. Visitors need no
 * name: what they write, only who knows their page's id can read.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { channel, rpc } from "holdfast";
import { type OwnRoutes, sendJson } from "holdfast/internal";
import { z } from "zod";
import type { PartContext, RunningPart } from "../../server/part.js";
import {
  type Crowd,
  closedByServer,
  maxTextLength,
  type StoryMessage,
  type TraceEvent,
} from "../trace-types.js";
import { CrowdWatch } from "./crowd.js";
import { Traces } from "./traces.js";

const id = "[A-Za-z0-9_-]{22}";
const messageSchema = z.object({ text: z.string().trim().min(1).max(maxTextLength) });
/** How often the server speaks when it was asked to. */
const speakTimes = 3;
const speakEveryMs = 700;

export function createStory({ store, onError, now }: PartContext) {
  const publish = (name: string, data: unknown) =>
    void store.server
      .publish(name as never, data as never)
      .catch((error: unknown) => onError(error, { stage: "telling the story" }));
  const later = (delayMs: number, task: () => void) => void setTimeout(task, delayMs).unref();
  const traces = new Traces({ now, tell: (trace, event) => publish(`trace:${trace}`, event) });
  const crowd = new CrowdWatch({ later, publish: (current) => publish("crowd", current) });
  const isId = (name = "") => new RegExp(`^${id}$`).test(name);
  const running: RunningPart = { start: () => traces.start(), stop: () => traces.stop() };

  /** One line on itself, now. */
  const facts = (): string => {
    const { sockets, channels } = store.server.stats();
    const megabytes = Math.round(process.memoryUsage().rss / 1e6);
    return `${sockets} open lines, ${channels} channels, ${megabytes} MB of memory, up ${Math.round(process.uptime())} s`;
  };

  const routes: OwnRoutes = (request, response, path) => {
    if (path !== "/story/cut") return false;
    cut(traces, request, response);
    return true;
  };

  return {
    running,
    routes,
    crowd,
    traceSocket: traces.traceSocket.bind(traces),
    channels: {
      "trace:{trace}": channel<TraceEvent>({
        history: { size: 400, ttl: "2m", bytes: 512 * 1024 },
        durability: "memory",
        allow: {
          subscribe: ({ params }) => isId(params.trace),
          history: ({ params }) => isId(params.trace),
          publish: false,
          presence: false,
        },
      }),
      "story:{trace}": channel({
        history: { size: 200, ttl: "15m", bytes: 64 * 1024 },
        durability: "memory",
        data: messageSchema,
        allow: {
          subscribe: ({ params }) => isId(params.trace),
          history: ({ params }) => isId(params.trace),
          publish: ({ params }) => isId(params.trace),
          presence: false,
        },
        publish: ({ data }): StoryMessage => ({ text: data.text, from: "you" }),
      }),
      crowd: channel<Crowd>({
        kind: "latest",
        history: { size: 5, ttl: "1h" },
        durability: "memory",
        allow: { subscribe: "all", history: "all", publish: false, presence: false },
        subscribe: () => crowd.current,
      }),
    },
    rpc: {
      /** Has the server write into a visitor's channel, unasked for each time. */
      speak: rpc({
        allow: "all",
        input: z.object({ trace: z.string().regex(new RegExp(`^${id}$`)) }),
        handler: ({ data: { trace } }) => {
          for (let time = 0; time < speakTimes; time++)
            later(time * speakEveryMs + 200, () =>
              publish(`story:${trace}`, { text: facts(), from: "server" } satisfies StoryMessage),
            );
          return { times: speakTimes };
        },
      }),
      /** Has the server close the caller's own connection. */
      hangUp: rpc({
        allow: "all",
        handler: ({ user }) => {
          later(50, () => {
            store.server
              .disconnect({ user: user.id, client: user.client }, closedByServer)
              .catch((error: unknown) => onError(error, { stage: "closing a connection of the story" }));
          });
          return {};
        },
      }),
    },
  };
}

/** `POST /story/cut?trace=ID.LABEL`: ends the WebSockets of that trace without a Close frame. */
function cut(traces: Traces, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  if (request.method !== "POST") {
    sendJson(
      response,
      405,
      { error: `${request.method} is not accepted here, only POST` },
      { Allow: "POST" },
    );
    return;
  }
  sendJson(response, 200, { cut: traces.cut(request.url ?? "") });
}
