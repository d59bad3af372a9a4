/**
 * Every metric, described once: name, type, meaning and how it is read from what a node counts. The answers of `/metrics` and
 * docs/reference/metrics.md (`npm run docs`) follow from it; tests compare the dashboard and the alerts of examples/ with it.
 */
import { type Distribution, durationBounds } from "./histogram.js";
import type { Meters, MethodMeter, StoreSizes } from "./meters.js";
import type { Metric, ObservedNode, Sample } from "./metric.js";

/** What each of a list counts, under labels. */
function each<T>(
  items: Iterable<T>,
  read: (item: T) => readonly [labels: readonly string[], value: number | Distribution],
): Iterable<Sample> {
  return Array.from(items, read);
}

function one(value: number | Distribution): Iterable<Sample> {
  return [[[], value]];
}

function byLabel(counts: Iterable<readonly [string, number]>): Iterable<Sample> {
  return each(counts, ([label, count]) => [[label], count]);
}

const channelPattern = ["channel_pattern"];
const transport = ["transport", "codec"];

const connections: readonly Metric[] = [
  {
    name: "holdfast_client_connections_inflight",
    type: "gauge",
    help: "Open connections",
    labels: transport,
    centrifugo: "centrifugo_client_connections_inflight",
    read: ({ meters }) => each(meters.connections, (meter) => [[meter.transport, meter.codec], meter.open]),
  },
  {
    name: "holdfast_client_connections_accepted_total",
    type: "counter",
    help: "Connections opened",
    labels: transport,
    centrifugo: "centrifugo_client_connections_accepted",
    read: ({ meters }) => each(meters.connections, (meter) => [[meter.transport, meter.codec], meter.opened]),
  },
  {
    name: "holdfast_client_connections_left_total",
    type: "counter",
    help: "Connections that the client or the network has ended",
    labels: transport,
    read: ({ meters }) => each(meters.connections, (meter) => [[meter.transport, meter.codec], meter.left]),
  },
  {
    name: "holdfast_client_num_server_disconnects_total",
    type: "counter",
    help: "Connections that the server has ended, by code; `terminated` for slow ones beyond `maxHeldBytes`",
    labels: ["code"],
    centrifugo: "centrifugo_client_num_server_disconnects",
    read: ({ meters }) => byLabel(meters.disconnects),
  },
  {
    name: "holdfast_transport_websocket_closes_total",
    type: "counter",
    help: "WebSockets that have ended, by the code of their closing handshake, such as 1002 for a violation of RFC 6455, or 1006 without one",
    labels: ["code"],
    read: ({ meters }) => byLabel(meters.webSocketCloses),
  },
  {
    name: "holdfast_client_num_server_unsubscribes_total",
    type: "counter",
    help: "Subscriptions that the server has ended, by code",
    labels: ["code"],
    centrifugo: "centrifugo_client_num_server_unsubscribes",
    read: ({ meters }) => byLabel(meters.unsubscribes),
  },
  {
    name: "holdfast_client_ping_pong_duration_seconds",
    type: "histogram",
    help: "From a ping to its answer, in milliseconds' resolution",
    labels: transport,
    centrifugo: "centrifugo_client_ping_pong_duration_seconds",
    bounds: durationBounds,
    read: ({ meters }) =>
      each(meters.connections, (meter) => [[meter.transport, meter.codec], meter.pings.distribution]),
  },
  {
    name: "holdfast_client_behind",
    type: "gauge",
    help: "Slow connections: their sockets are full, and they continue once they have drained",
    read: ({ sizes }) => one(sizes.behind),
  },
  {
    name: "holdfast_client_held_bytes",
    type: "gauge",
    help: "Bytes that wait for slow connections, bounded by `maxHeldBytes`",
    read: ({ sizes }) => one(sizes.heldBytes),
  },
  {
    name: "holdfast_transport_received_bytes_total",
    type: "counter",
    help: "Size of messages from clients, uncompressed, without framing; a character of text counts as one",
    labels: transport,
    centrifugo: "centrifugo_transport_messages_received_size",
    read: ({ meters }) =>
      each(meters.connections, (meter) => [[meter.transport, meter.codec], meter.receivedBytes]),
  },
  {
    name: "holdfast_transport_sent_bytes_total",
    type: "counter",
    help: "Bytes written to clients, framed and compressed",
    labels: transport,
    centrifugo: "centrifugo_transport_messages_sent_size",
    read: ({ meters }) =>
      each(meters.connections, (meter) => [[meter.transport, meter.codec], meter.sentBytes]),
  },
  {
    name: "holdfast_transport_writes_total",
    type: "counter",
    help: "Writes to connections: one a turn of the event loop, whatever the number of messages",
    labels: transport,
    read: ({ meters }) => each(meters.connections, (meter) => [[meter.transport, meter.codec], meter.writes]),
  },
];

const channels: readonly Metric[] = [
  {
    name: "holdfast_node_num_channels",
    type: "gauge",
    help: "Channels in use on the node; `channel_pattern` is the application's pattern, empty without one",
    labels: channelPattern,
    centrifugo: "centrifugo_node_num_channels",
    read: ({ meters }) => each(meters.patterns, (meter) => [[meter.pattern], meter.channels]),
  },
  {
    name: "holdfast_client_subscriptions_inflight",
    type: "gauge",
    help: "Subscriptions",
    labels: channelPattern,
    centrifugo: "centrifugo_client_subscriptions_inflight",
    read: ({ meters }) => each(meters.patterns, (meter) => [[meter.pattern], meter.subscriptions]),
  },
  {
    name: "holdfast_client_subscriptions_accepted_total",
    type: "counter",
    help: "Subscriptions begun",
    labels: channelPattern,
    centrifugo: "centrifugo_client_subscriptions_accepted",
    read: ({ meters }) => each(meters.patterns, (meter) => [[meter.pattern], meter.subscribed]),
  },
  {
    name: "holdfast_node_publications_sent_total",
    type: "counter",
    help: "Publications that clients, programs and the application have made on this node",
    labels: channelPattern,
    centrifugo: "centrifugo_node_messages_sent_count",
    read: ({ meters }) => each(meters.patterns, (meter) => [[meter.pattern], meter.published]),
  },
  {
    name: "holdfast_node_publications_received_total",
    type: "counter",
    help: "Publications of channels in use that have come from the log",
    labels: channelPattern,
    centrifugo: "centrifugo_node_messages_received_count",
    read: ({ meters }) => each(meters.patterns, (meter) => [[meter.pattern], meter.received]),
  },
  {
    name: "holdfast_node_deliveries_total",
    type: "counter",
    help: "Publications handed to subscribers, each counted once a subscriber",
    labels: channelPattern,
    centrifugo: "centrifugo_transport_messages_sent",
    read: ({ meters }) => each(meters.patterns, (meter) => [[meter.pattern], meter.delivered]),
  },
  {
    name: "holdfast_node_delivery_duration_seconds",
    type: "histogram",
    help: "One turn of delivery: walking channels and writing to sockets, in slices of `deliverySliceMs` each",
    centrifugo: "centrifugo_node_broadcast_duration_seconds",
    bounds: durationBounds,
    read: ({ meters }) => one(meters.deliveryTurns.distribution),
  },
  {
    name: "holdfast_node_pending_deliveries",
    type: "gauge",
    help: "Channels and readers with pending deliveries",
    read: ({ sizes }) => one(sizes.deliveries),
  },
  {
    name: "holdfast_node_ring_bytes",
    type: "gauge",
    help: "Memory of the newest entries of channels in use, bounded by `ring.maxTotalBytes`",
    read: ({ sizes }) => one(sizes.ringBytes),
  },
  {
    name: "holdfast_client_recover_total",
    type: "counter",
    help: "Subscriptions that resumed from a position, by whether all that was missed could be read",
    labels: ["recovered"],
    centrifugo: "centrifugo_client_recover",
    read: ({ meters }) => [
      [["true"], meters.recovered],
      [["false"], meters.notRecovered],
    ],
  },
  {
    name: "holdfast_client_recovered_publications_total",
    type: "counter",
    help: "Publications in the replies to subscriptions that resumed",
    centrifugo: "centrifugo_client_recovered_publications",
    read: ({ meters }) => one(meters.recoveredPublications),
  },
];

function durations(methods: Iterable<MethodMeter>): Iterable<Sample> {
  return each(methods, ({ method, durations: { distribution } }) => [[method], distribution]);
}

const commands: readonly Metric[] = [
  {
    name: "holdfast_client_command_duration_seconds",
    type: "histogram",
    help: "From the start of a client's command to its outcome; of `publish`, its acknowledgement by the store",
    labels: ["method"],
    centrifugo: "centrifugo_client_command_duration_seconds_histogram",
    bounds: durationBounds,
    read: ({ meters }) => durations(meters.commands),
  },
  {
    name: "holdfast_client_num_reply_errors_total",
    type: "counter",
    help: "Errors in replies to clients, by code",
    labels: ["code"],
    centrifugo: "centrifugo_client_num_reply_errors",
    read: ({ meters }) => byLabel(meters.replyErrors),
  },
  {
    name: "holdfast_api_command_duration_seconds",
    type: "histogram",
    help: "Calls of the server API",
    labels: ["method"],
    centrifugo: "centrifugo_api_command_duration_seconds_histogram",
    bounds: durationBounds,
    read: ({ meters }) => durations(meters.apiCalls),
  },
  {
    name: "holdfast_api_command_errors_total",
    type: "counter",
    help: "Calls of the server API that were answered with an error, by code",
    labels: ["method", "code"],
    centrifugo: "centrifugo_api_command_errors",
    read: ({ meters }) =>
      [...meters.apiCalls].flatMap(({ method, errors }) =>
        Array.from(errors, ([code, count]): Sample => [[method, code], count]),
      ),
  },
  {
    name: "holdfast_http_open_requests",
    type: "gauge",
    help: "Unfinished HTTP requests, streams included",
    read: ({ sizes }) => one(sizes.openRequests),
  },
  {
    name: "holdfast_http_waiting_requests",
    type: "gauge",
    help: "Requests that wait for a publication",
    read: ({ sizes }) => one(sizes.waitingRequests),
  },
  {
    name: "holdfast_http_body_bytes",
    type: "gauge",
    help: "Buffered request bodies",
    read: ({ sizes }) => one(sizes.bodyBytes),
  },
  {
    name: "holdfast_http_response_bytes",
    type: "gauge",
    help: "Unsent bytes of responses",
    read: ({ sizes }) => one(sizes.responseBytes),
  },
  {
    name: "holdfast_node_limits_hit_total",
    type: "counter",
    help: "How often a peer was refused, ended or delayed by a limit; `limit` is the option that sets it",
    labels: ["limit"],
    read: ({ meters }) => byLabel(meters.limits),
  },
];

function ofStore({ store: { sizes } }: Meters, read: (sizes: StoreSizes) => number): Iterable<Sample> {
  return sizes ? one(read(sizes)) : [];
}

const stores: readonly Metric[] = [
  {
    name: "holdfast_broker_up",
    type: "gauge",
    help: "1 if the broker can be reached, else 0",
    read: ({ meters }) => one(meters.isBrokerReachable ? 1 : 0),
  },
  {
    name: "holdfast_broker_disconnects_total",
    type: "counter",
    help: "How often the broker could no longer be reached",
    read: ({ meters }) => one(meters.brokerDisconnects),
  },
  {
    name: "holdfast_node_pub_sub_lag_seconds",
    type: "histogram",
    help: "From the time in a publication until this node got it, by the clocks of the store and the node",
    centrifugo: "centrifugo_node_pub_sub_lag_seconds",
    bounds: durationBounds,
    read: ({ meters }) => one(meters.brokerLag.distribution),
  },
  {
    name: "holdfast_node_position_repairs_total",
    type: "counter",
    help: "How often missed events of a channel were read from the log",
    read: ({ meters }) => one(meters.positionRepairs),
  },
  {
    name: "holdfast_node_log_restarts_total",
    type: "counter",
    help: "How often a log started afresh under readers, which have to start over",
    read: ({ meters }) => one(meters.logRestarts),
  },
  {
    name: "holdfast_store_commit_duration_seconds",
    type: "histogram",
    help: "One write to the journal of the store in `data`, in the process that has it open",
    bounds: durationBounds,
    read: ({ meters }) => one(meters.store.commits.distribution),
  },
  {
    name: "holdfast_store_commits_publications_total",
    type: "counter",
    help: "Publications in these writes",
    read: ({ meters }) => one(meters.store.committed),
  },
  {
    name: "holdfast_store_flush_duration_seconds",
    type: "histogram",
    help: "One flush of the journal to the disk, for durability `disk`",
    bounds: durationBounds,
    read: ({ meters }) => one(meters.store.flushes.distribution),
  },
  {
    name: "holdfast_store_index_bytes",
    type: "gauge",
    help: "Pages in use of the store's index, bounded by `store.maxBytes`",
    read: ({ meters }) => ofStore(meters, ({ indexBytes }) => indexBytes),
  },
  {
    name: "holdfast_store_journal_bytes",
    type: "gauge",
    help: "Size of the journal that is being written",
    read: ({ meters }) => ofStore(meters, ({ journalBytes }) => journalBytes),
  },
  {
    name: "holdfast_store_pending_bytes",
    type: "gauge",
    help: "Publications on their way to the index, bounded by `store.maxPendingBytes`",
    read: ({ meters }) => ofStore(meters, ({ pendingBytes }) => pendingBytes),
  },
  {
    name: "holdfast_store_logs",
    type: "gauge",
    help: "Channels with a log, bounded by `store.maxChannels`",
    read: ({ meters }) => ofStore(meters, ({ channels }) => channels),
  },
];

const node: readonly Metric[] = [
  {
    name: "holdfast_node_build",
    type: "gauge",
    help: "1, with the version as a label",
    labels: ["version"],
    centrifugo: "centrifugo_node_build",
    read: ({ sizes }) => [[[sizes.version], 1]],
  },
  {
    name: "holdfast_node_num_nodes",
    type: "gauge",
    help: "Living nodes, as this one sees them",
    centrifugo: "centrifugo_node_num_nodes",
    read: ({ nodes }) => one(nodes),
  },
  {
    name: "holdfast_node_num_users",
    type: "gauge",
    help: "Distinct users with connections to the node; all anonymous ones count as one",
    centrifugo: "centrifugo_node_num_users",
    read: ({ sizes }) => one(sizes.users),
  },
  {
    name: "holdfast_node_sockets",
    type: "gauge",
    help: "WebSockets and streams, those that are closing included, bounded by `maxConnections`",
    read: ({ sizes }) => one(sizes.sockets),
  },
  {
    name: "holdfast_node_errors_total",
    type: "counter",
    help: "Failures in the background, each of which is also logged",
    read: ({ meters }) => one(meters.errors),
  },
  {
    name: "holdfast_node_event_loop_lag_seconds",
    type: "histogram",
    help: "How long a due timer waited for its turn, twice a second",
    bounds: durationBounds,
    read: ({ meters }) => one(meters.loopLag.distribution),
  },
  {
    name: "holdfast_node_event_loop_utilization",
    type: "gauge",
    help: "The part of the time since the start in which the event loop was busy, from 0 to 1",
    read: ({ use }) => one(use.loopUtilization),
  },
  {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "CPU time of the process, all of its threads",
    centrifugo: "process_cpu_seconds_total",
    read: ({ use }) => one(use.cpuSeconds),
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Resident memory of the process",
    centrifugo: "process_resident_memory_bytes",
    read: ({ use }) => one(use.residentBytes),
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "When the server was created, in Unix seconds",
    centrifugo: "process_start_time_seconds",
    read: ({ sizes }) => one(sizes.startedAt / 1000),
  },
  {
    name: "nodejs_heap_size_used_bytes",
    type: "gauge",
    help: "Used heap of JavaScript",
    read: ({ use }) => one(use.heapBytes),
  },
  {
    name: "nodejs_external_memory_bytes",
    type: "gauge",
    help: "Memory outside of the heap that JavaScript objects hold, such as buffers",
    read: ({ use }) => one(use.externalBytes),
  },
];

/** The chapters of the reference. */
export const metricSections: readonly { readonly heading: string; readonly metrics: readonly Metric[] }[] = [
  { heading: "Connections", metrics: connections },
  { heading: "Channels and delivery", metrics: channels },
  { heading: "Commands, requests and limits", metrics: commands },
  { heading: "Broker and store", metrics: stores },
  { heading: "Node and process", metrics: node },
];

export const metrics: readonly Metric[] = metricSections.flatMap((section) => section.metrics);

/** Samples by the name of their metric. Plain data, as one process sends it to another. */
export type Readings = Readonly<Record<string, readonly Sample[]>>;

export function readMetrics(observed: ObservedNode): Readings {
  return Object.fromEntries(metrics.map(({ name, read }) => [name, [...read(observed)]]));
}
