/** A server to measure and the network in front of it, in processes of their own. Runs use them, and the showcase's lab page. */
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Child } from "./child.js";
import type { NetworkRequests, ServerRequests, ServerSample } from "./ipc.js";
import type { ServeOptions } from "./measured-server.js";
import type { NetworkOptions } from "./network.js";
import type { LabSettings } from "./report/index.js";
import { hasNetwork } from "./settings.js";
import type { SocketTraffic } from "./traffic.js";
import { labChannel } from "./users/virtual-user.js";

export interface LabModules {
  /** Compiled entry of the lab's processes. @default `process-main.js` beside this module */
  readonly process?: string;
  /** That of the server's process. @default the same */
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
  /** Times in milliseconds, sizes in bytes, of the server's process alone. */
  sample(): Promise<ServerSample>;
  /** The same, after a garbage collection. */
  sampleAfterGc(): Promise<ServerSample>;
  /** The same, and the event loop's delay is measured from here. */
  startWindow(): Promise<ServerSample>;
  /** Open TCP connections of the server. */
  connections(): Promise<number>;
  /** What went over the sockets that the server has accepted. */
  traffic(): Promise<SocketTraffic>;
  /** Publishes one message, over no socket. @param data any JSON value @throws HF_LAB_FAILED when the server refuses it */
  publish(data: unknown): Promise<void>;
  /** Whether connections are cut from now on; at first they are not. @returns how many were cut so far */
  setCutting(isOn: boolean): Promise<number>;
  /** Ends both processes; resolves when they are gone. */
  close(): Promise<void>;
}

type NetworkSettings = Pick<LabSettings, "delayMs" | "jitterMs" | "cutEveryMs" | "seed">;

const logBytes = 64 * 1024 * 1024;
/** Around a message in the log. */
const entryBytes = 200;
const maxLogEntries = 200_000;

/** @throws HF_LAB_FAILED when a process does not start */
export async function openLabServer(
  settings: NetworkSettings & Pick<LabSettings, "sizeBytes">,
  modules: LabModules = {},
): Promise<LabServer> {
  const apiKey = randomBytes(16).toString("hex");
  const maxEntries = Math.min(maxLogEntries, Math.ceil(logBytes / (settings.sizeBytes + entryBytes)));
  const options: ServeOptions = { apiKey, maxEntries, maxBytes: logBytes };
  const server = new Child<ServerRequests>({
    name: "the lab's server",
    module: modules.server ?? processModule(modules),
    args: ["server", JSON.stringify(options)],
  });
  let network: Child<NetworkRequests> | undefined;
  const close = async () => void (await Promise.all([server.stop(), network?.stop()]));
  try {
    const { port: serverPort } = await server.ready<{ port: number }>();
    network = hasNetwork(settings) ? openNetwork(modules, serverPort, settings) : undefined;
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

/** The entry of the lab's processes. */
export function processModule({ process }: LabModules): string {
  return process ?? fileURLToPath(new URL("./process-main.js", import.meta.url));
}

function openNetwork(
  modules: LabModules,
  targetPort: number,
  settings: NetworkSettings,
): Child<NetworkRequests> {
  const { delayMs, jitterMs, cutEveryMs, seed } = settings;
  const options: NetworkOptions = { targetPort, delayMs, jitterMs, cutEveryMs, seed };
  return new Child({
    name: "the lab's network",
    module: processModule(modules),
    args: ["network", JSON.stringify(options)],
  });
}

function controls(server: Child<ServerRequests>, network: Child<NetworkRequests> | undefined) {
  return {
    sample: () => server.request("sample", {}),
    sampleAfterGc: () => server.request("sampleAfterGc", {}),
    startWindow: () => server.request("startWindow", {}),
    connections: () => server.request("connections", {}),
    traffic: () => server.request("traffic", {}),
    publish: async (data: unknown) => void (await server.request("publish", { data })),
    setCutting: async (isOn: boolean) => (network ? await network.request("setCutting", { isOn }) : 0),
  };
}
