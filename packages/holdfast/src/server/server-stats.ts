/** Sizes of everything in a server that grows with use, as `server.stats()`, other nodes and `/api/info` have them. */
import type { Channels } from "../channels/channels.js";
import type { NodeHealth, NodeStats } from "../channels/cluster.js";
import type { Delivery } from "../channels/delivery.js";
import type { ChannelRoutes } from "../http/channels/channel-routes.js";
import type { NodeSizes } from "../observe/metric.js";
import { sampleIntervalMs } from "../observe/recent-load.js";
import type { Control } from "../sessions/control.js";
import type { HeldBytes } from "../sessions/flow-control.js";
import type { RegistryStats, SessionRegistry } from "../sessions/registry.js";
import type { RequestBounds } from "../sockets/request-bounds.js";
import { systemClock } from "../sockets/system-clock.js";
import type { Deadlines } from "../time/deadlines.js";
import type { Admission } from "../transports/admission.js";
import { version } from "./version.js";

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

/** Of the process, which may have several servers: when its processor time was last read, and what it was. */
let lastCpu = { at: performance.now() - 1, usage: process.cpuUsage() };

function measureCpu(): number {
  const { user, system } = process.cpuUsage(lastCpu.usage);
  const at = performance.now();
  const percent = (user + system) / 10 / (at - lastCpu.at);
  lastCpu = { at, usage: process.cpuUsage() };
  return Math.round(percent * 10) / 10;
}

/** The parts of a server that are measured. */
export interface MeasuredParts {
  readonly handler: SessionRegistry;
  readonly channels: Channels;
  readonly delivery: Delivery;
  readonly admission: Admission;
  readonly bounds: RequestBounds;
  readonly routes: ChannelRoutes;
  readonly deadlines: Deadlines;
  readonly held: HeldBytes;
}

/** The sizes of one server, each in the form that somebody asks for. */
export class ServerSizes {
  readonly #parts: MeasuredParts;
  readonly #startedAt = systemClock.elapsed();
  /** Unix milliseconds. */
  readonly startTime = systemClock.now();

  constructor(parts: MeasuredParts) {
    this.#parts = parts;
  }

  stats(): ServerStats {
    const { handler, channels, admission, bounds, routes, deadlines } = this.#parts;
    return {
      ...handler.stats(),
      channels: channels.count,
      ringBytes: channels.ringBytes,
      sockets: admission.count,
      ...bounds.stats(),
      ...routes.stats(),
      deadlines: deadlines.count,
      deliveries: this.#deliveries,
    };
  }

  /** For other nodes. */
  ofNode(health: NodeHealth): NodeStats {
    const { handler, channels } = this.#parts;
    const { connections, users, subscriptions } = handler.stats();
    const uptimeSeconds = Math.floor((systemClock.elapsed() - this.#startedAt) / 1000);
    return {
      connections,
      users,
      subscriptions,
      channels: channels.count,
      uptimeSeconds,
      cpuPercent: measureCpu(),
      health,
    };
  }

  /** For metrics. */
  ofMetrics(): NodeSizes {
    const { handler, channels, admission, bounds, routes, held } = this.#parts;
    const { bytes: heldBytes, holders } = held;
    return {
      users: handler.users,
      sockets: admission.count,
      ringBytes: channels.ringBytes,
      behind: holders,
      heldBytes,
      deliveries: this.#deliveries,
      ...bounds.stats(),
      waitingRequests: routes.stats().waitingRequests,
      startedAt: this.startTime,
      version,
    };
  }

  get #deliveries(): number {
    const { channels, behind, unflushed } = this.#parts.delivery.pending;
    return channels + behind + unflushed;
  }
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
