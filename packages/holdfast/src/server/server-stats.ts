/** Sizes of everything in a server that grows with use, as `server.stats()`, other nodes and `/api/info` have them. */
import type { NodeHealth, NodeStats } from "../channels/cluster.js";

import { sampleIntervalMs } from "../observe/recent-load.js";
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
  health: NodeHealth,
): NodeStats {
  return {
    connections,
    users,
    subscriptions,
    channels,
    uptimeSeconds: Math.floor(uptimeMs / 1000),
    cpuPercent: measureCpu(),
    health,
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
      ...(stats.health && {
        process: { cpu: stats.cpuPercent ?? 0, rss: stats.health.residentBytes },
        health: toHealth(stats.health),
      }),
      ...(id === own.id && { stats: own.stats() }),
    })),
    ...(silent.length > 0 && {
      silent: silent.map(({ id, name, version }) => ({ uid: id, name, version })),
    }),
  };
}

function toHealth({ store, ...health }: NodeHealth): object {
  return {
    resident_bytes: health.residentBytes,
    heap_bytes: health.heapBytes,
    cpu_seconds: health.cpuSeconds,
    held_bytes: health.heldBytes,
    ring_bytes: health.ringBytes,
    errors: health.errors,
    broker: health.broker,
    broker_up: health.isBrokerReachable,
    broker_disconnects: health.brokerDisconnects,
    position_repairs: health.positionRepairs,
    recovered: health.recovered,
    not_recovered: health.notRecovered,
    ...(store && {
      store: {
        index_bytes: store.indexBytes,
        journal_bytes: store.journalBytes,
        pending_bytes: store.pendingBytes,
        channels: store.channels,
        publications: store.publications,
        commits: store.commits,
        commit_seconds: store.commitSeconds,
      },
    }),
  };
}

/** What the nodes did lately, each on its own, and those that have not answered. */
export async function describeLoad(control: Control, after: number): Promise<object> {
  const { nodes, silent } = await control.load(after);
  return {
    interval_ms: sampleIntervalMs,
    nodes: nodes.map(({ id: uid, name, samples }) => ({
      uid,
      name,
      samples: samples.map(({ receivedBytes, sentBytes, loopLagMs, ...sample }) => ({
        ...sample,
        received_bytes: receivedBytes,
        sent_bytes: sentBytes,
        loop_lag_ms: loopLagMs,
      })),
    })),
    silent: silent.map(({ id: uid, name, version }) => ({ uid, name, version })),
  };
}
