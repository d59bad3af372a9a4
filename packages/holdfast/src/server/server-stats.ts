/** Sizes of everything in a server that grows with use, as `server.stats()`, other nodes and `/api/info` have them. */
import type { NodeStats } from "../channels/cluster.js";
import type { Control } from "../sessions/control.js";
import type { RegistryStats } from "../sessions/registry.js";

export interface ServerStats extends RegistryStats {
  /** Channels in use on this node. */
  readonly channels: number;
  /** Bytes of the newest entries of all channels in use. */
  readonly ringBytes: number;
  /** Sockets and streamed responses, those that are closing included. */
  readonly sockets: number;
  /** Unfinished HTTP requests, streams included. */
  readonly openRequests: number;
  /** Buffered request bodies and unsent responses, in bytes. */
  readonly bodyBytes: number;
  readonly responseBytes: number;
  /** Pending requests of channels, and those of them that wait for a publication. */
  readonly requests: number;
  readonly waitingRequests: number;
  /** Sessions with a pending deadline. */
  readonly deadlines: number;
  /** Channels and readers with pending deliveries. */
  readonly deliveries: number;
}

export function toNodeStats(
  { connections, users, subscriptions }: RegistryStats,
  channels: number,
  uptimeMs: number,
): NodeStats {
  return {
    connections,
    users,
    subscriptions,
    channels,
    uptimeSeconds: Math.floor(uptimeMs / 1000),
    cpuPercent: measureCpu(),
    rssBytes: process.memoryUsage.rss(),
  };
}

/** Of the process, which may have several servers: when its processor time was last read, and what it was. */
let lastCpu = { at: performance.now() - 1, usage: process.cpuUsage() };

function measureCpu(): number {
  const { user, system } = process.cpuUsage(lastCpu.usage);
  const at = performance.now();
  const percent = (user + system) / 10 / (at - lastCpu.at);
  lastCpu = { at, usage: process.cpuUsage() };
  return Math.round(percent * 10) / 10;
}

/**
 * As the protocol's reference server names it; `stats` and `silent` are ours.
 * @param own the id of this node, and its stats
 */
export async function describeNodes(
  control: Control,
  own: { readonly id: string; readonly stats: () => ServerStats },
): Promise<object> {
  const { nodes, silent } = await control.nodes();
  return {
    nodes: nodes.map(({ id, name, version, stats }) => ({
      uid: id,
      name,
      version,
      num_clients: stats.connections,
      num_users: stats.users,
      num_subs: stats.subscriptions,
      num_channels: stats.channels,
      uptime: stats.uptimeSeconds,
      ...(stats.rssBytes !== undefined && { process: { cpu: stats.cpuPercent, rss: stats.rssBytes } }),
      ...(id === own.id && { stats: own.stats() }),
    })),
    ...(silent.length > 0 && {
      silent: silent.map(({ id, name, version }) => ({ uid: id, name, version })),
    }),
  };
}
