/** The measured server: Holdfast as it is, in memory, in a process of its own that the lab asks for figures. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Broker, type ChannelRules, createServer, openRules } from "holdfast";
import { exitWithParent, handleRequests, type ServerRequests, type ServerSample, send } from "./ipc.js";
import { SocketCounter } from "./traffic.js";
import { labChannel } from "./users/virtual-user.js";

export interface ServeOptions {
  readonly apiKey: string;
  /** Retention, for readers that come back. */
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** @default one in memory */
  readonly broker?: Broker;
}

/** @param argv of the process, in which the options follow its role */
export function parseServeOptions(argv: readonly string[]): ServeOptions {
  return JSON.parse(argv[3] ?? "{}") as ServeOptions;
}

/** Serves, and handles requests of the parent process until that is gone. */
export async function serveLab({ apiKey, maxEntries, maxBytes, broker }: ServeOptions): Promise<void> {
  exitWithParent();
  const rules: ChannelRules = Object.freeze({
    ...openRules,
    retention: { ...openRules.retention, maxEntries, maxBytes },
    // Polls are in no presence, so no transport has it.
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
  handleRequests<ServerRequests>({
    sample,
    sampleAfterGc: () => {
      globalThis.gc?.();
      return sample();
    },
    startWindow: () => {
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
  send({ id: 0, value: { port } });
}
