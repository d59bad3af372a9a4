/** A server to measure, and the network before it, in processes of their own: what a run uses, and pages can as well. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "./child.js";
import type { NetworkAsks, ServerAsks, ServerSample } from "./ipc.js";
import type { NetworkOptions } from "./network.js";
import type { LabSettings } from "./report/index.js";
import type { ServeOptions } from "./serve.js";
import { hasNetwork } from "./settings.js";
import type { SocketTraffic } from "./socket-counter.js";
import { labChannel } from "./users/virtual-user.js";

export interface LabModules {
  /** Folder of the compiled entries of processes. @default `children` beside this module */
  readonly children?: string;
  /** Entry of the server's process instead of the usual one. */
  readonly server?: string;
}

export interface LabServer {
  /** Name of the one channel. */
  readonly channel: string;
  /** Where users connect: the network, or the server where there is none. 127.0.0.1. */
  readonly port: number;
  /** The server's own port. */
  readonly serverPort: number;
  readonly apiKey: string;
  /** Times in milliseconds, sizes in bytes, all of the server's process alone. */
  sample(): Promise<ServerSample>;
  /** The same, after its garbage was collected. */
  settled(): Promise<ServerSample>;
  /** The same, and the event loop's delay counts from here. */
  mark(): Promise<ServerSample>;
  /** Open TCP connections of the server. */
  connections(): Promise<number>;
  /** What went over the sockets that the server has accepted: its clients' alone, where nothing else connects. */
  traffic(): Promise<SocketTraffic>;
  /** Publishes one message, over no socket. @param data anything that JSON can carry @throws HF_LAB_FAILED when it is not taken */
  publish(data: unknown): Promise<void>;
  /** Whether connections are cut from now on. It is off to begin with. @returns how many were cut so far */
  cutting(isOn: boolean): Promise<number>;
  /** Ends both processes; resolves when they are gone. */
  close(): Promise<void>;
}

type NetworkSettings = Pick<LabSettings, "delayMs" | "jitterMs" | "cutEveryMs" | "seed">;

const keptBytes = 64 * 1024 * 1024;
/** Around a message in the log. */
const entryBytes = 200;
const mostEntries = 200_000;

/** @throws HF_LAB_FAILED when a process does not come up */
export async function openLabServer(
  settings: NetworkSettings & Pick<LabSettings, "bytes">,
  modules: LabModules = {},
): Promise<LabServer> {
  const folder = modules.children ?? fileURLToPath(new URL("./children/", import.meta.url));
  const apiKey = randomBytes(16).toString("hex");
  const maxEntries = Math.min(mostEntries, Math.ceil(keptBytes / (settings.bytes + entryBytes)));
  const options: ServeOptions = { apiKey, maxEntries, maxBytes: keptBytes };
  const server = new Child<ServerAsks>({
    name: "the lab's server",
    module: modules.server ?? join(folder, "server-main.js"),
    args: [JSON.stringify(options)],
  });
  let network: Child<NetworkAsks> | undefined;
  const close = async () => void (await Promise.all([server.stop(), network?.stop()]));
  try {
    const { port: serverPort } = await server.ready<{ port: number }>();
    network = hasNetwork(settings) ? openNetwork(folder, serverPort, settings) : undefined;
    const port = network ? (await network.ready<{ port: number }>()).port : serverPort;
    return {
      ...controls(server, network),
      channel: labChannel,
      port,
      serverPort,
      apiKey,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function openNetwork(folder: string, targetPort: number, settings: NetworkSettings): Child<NetworkAsks> {
  const { delayMs, jitterMs, cutEveryMs, seed } = settings;
  const options: NetworkOptions = { targetPort, delayMs, jitterMs, cutEveryMs, seed };
  return new Child({
    name: "the lab's network",
    module: join(folder, "network-main.js"),
    args: [JSON.stringify(options)],
  });
}

function controls(server: Child<ServerAsks>, network: Child<NetworkAsks> | undefined) {
  return {
    sample: () => server.ask("sample", {}),
    settled: () => server.ask("settled", {}),
    mark: () => server.ask("mark", {}),
    connections: () => server.ask("connections", {}),
    traffic: () => server.ask("traffic", {}),
    publish: async (data: unknown) => void (await server.ask("publish", { data })),
    cutting: async (isOn: boolean) => (network ? await network.ask("cutting", { isOn }) : 0),
  };
}
