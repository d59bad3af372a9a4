/** The measured server: Holdfast as it is, in memory, in a process of its own. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Broker, type ChannelRules, createServer, openRules } from "holdfast";
import { answerAsks, endWithParent, say } from "./children/answer.js";
import type { ServerAsks, ServerSample } from "./ipc.js";
import { SocketCounter } from "./socket-counter.js";
import { labChannel } from "./users/virtual-user.js";

export interface ServeOptions {
  readonly apiKey: string;
  /** Most messages and bytes that are kept for readers that come back. */
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Where the log is kept instead. @default in memory */
  readonly broker?: Broker;
}

/** What comes as arguments of the process. */
export function serveOptionsOf(args: readonly string[]): ServeOptions {
  return JSON.parse(args[0] ?? "{}") as ServeOptions;
}

/** Answers asks of the parent process until that is gone. */
export async function serveLab({ apiKey, maxEntries, maxBytes, broker }: ServeOptions): Promise<void> {
  endWithParent();
  const rules: ChannelRules = Object.freeze({
    ...openRules,
    retention: { ...openRules.retention, maxEntries, maxBytes },
    // Polls are in no presence, so that nobody is.
    hasPresence: false,
    hasJoinLeave: false,
  });
  const server = createServer({
    port: 0,
    host: "127.0.0.1",
    pages: null,
    apiKeys: [apiKey],
    // One connection publishes everything, in batches.
    maxMessageBytes: 16 * 1024 * 1024,
    rulesFor: () => rules,
    ...(broker && { broker }),
  });
  const counter = new SocketCounter();
  counter.start();
  const { port } = await server.listen();
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const sample = (): ServerSample => {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    return {
      atMs: performance.now(),
      userMs: user / 1000,
      systemMs: system / 1000,
      rss,
      rssPeak: process.resourceUsage().maxRSS * 1024,
      heapUsed,
      loopDelayP99Ms: Math.max(0, delay.percentile(99) / 1e6 - 10),
    };
  };
  answerAsks<ServerAsks>({
    sample,
    settled: () => {
      globalThis.gc?.();
      return sample();
    },
    mark: () => {
      delay.reset();
      return sample();
    },
    connections: () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length,
    traffic: () => counter.read(),
    publish: async ({ data }) => {
      await server.publish(labChannel, data);
      return null;
    },
  });
  say({ id: 0, value: { port } });
}
