/**
 * The presence store of several nodes. Presence lives where the client is: each node keeps the entries of its own clients, so adding,
 * renewing and removing costs no message; `list` and `stats` ask the living nodes.
 *
 * When a node dies, the others announce a leave of its clients to their readers. For that a node follows the channels that it is subscribed
 * to, from the first announcement on, its own or another's: it asks the other nodes who is there, and keeps count of joins and leaves.
 * So a leave is announced, once, for each client of the dead node that has an entry or whose join this node has heard; not for clients
 * beyond `maxRemoteClients`. When the node is back, or was disconnected for a while, it is asked again, and what its entries show to have
 * changed meanwhile is announced. Joins and leaves of clients without entries stay lost if their messages are.
 */
import type { PresenceEvents, PresenceMove, PresenceStats, PresenceStore } from "../../channels/broker.js";
import type { Owner } from "../../channels/quota.js";
import { HoldfastError } from "../../errors.js";
import type { ClientInfo } from "../../wire/messages.js";
import type { JsonText } from "../../wire/payload.js";
import { LocalPresence, type LocalPresenceOptions } from "../local-presence.js";
import { AnnouncementQueue } from "./announcement-queue.js";
import type { NodeMessage } from "./message-format.js";
import type { NodeMessages, Peer } from "./node-messages.js";
import type { NodeRequests } from "./node-requests.js";
import { RemoteClients } from "./remote-clients.js";

export interface NodePresenceOptions extends LocalPresenceOptions {
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  /** How long `list` and `stats` wait for the other nodes. @default 2000 */
  readonly queryTimeoutMs?: number;
  /** Most clients of other nodes whose leaves can be announced when their node dies. @default 200,000 */
  readonly maxRemoteClients?: number;
}

/** A client on the wire: user, connection id, and the two infos. */
type WireInfo = readonly [user: string, client: string, connInfo: JsonText | null, chanInfo: JsonText | null];

/** A request for the clients of channels that is not answered yet. */
interface Fetch {
  /** What nodes have announced since it was sent, which its answers may be older than. */
  readonly heard: Set<string>;
}

/** The clients of a node in a channel. */
type OnClients = (channel: string, node: string, clients: readonly ClientInfo[], fetch: Fetch) => void;

/** An answer to `stats`: without users unless they were asked for. */
interface Counts {
  readonly clients: number;
  readonly userCount: number;
  readonly users?: readonly string[];
}

const defaultTimeoutMs = 2000;
const defaultMaxRemoteClients = 200_000;
const sweepIntervalMs = 10_000;
const channelsPerSweep = 1000;
/** Channels in one request for who is there. */
const channelsPerRequest = 100;
/** Most announcements that are remembered while a request is under way. */
const maxHeard = 100_000;

export class NodePresence implements PresenceStore {
  readonly #messages: NodeMessages;
  readonly #requests: NodeRequests;
  readonly #options: NodePresenceOptions;
  readonly #timeoutMs: number;
  readonly #local: LocalPresence;
  readonly #remote: RemoteClients;
  /** Of clients of other nodes. */
  readonly #announcements: AnnouncementQueue;
  readonly #lists = new SharedQueries<readonly (readonly WireInfo[])[]>();
  readonly #counts = new SharedQueries<readonly Counts[]>();
  /** Channels that are followed, and whose clients are still to be asked for. */
  #followed: string[] = [];
  #isFetching = false;
  readonly #fetches = new Set<Fetch>();
  /** Nodes that are back, and are being asked for their clients. */
  readonly #resyncing = new Map<string, { mustRepeat: boolean }>();
  #events: PresenceEvents | undefined;
  #cancelSweep: (() => void) | undefined;

  /** @param messages opened and closed by the cluster */
  constructor(messages: NodeMessages, requests: NodeRequests, options: NodePresenceOptions) {
    this.#messages = messages;
    this.#requests = requests;
    this.#options = options;
    this.#timeoutMs = options.queryTimeoutMs ?? defaultTimeoutMs;
    this.#local = new LocalPresence(options);
    const { clock, maxRemoteClients = defaultMaxRemoteClients } = options;
    this.#remote = new RemoteClients(maxRemoteClients);
    this.#announcements = new AnnouncementQueue(clock, maxRemoteClients, ({ kind, channel, info }) => {
      if (!options.isSubscribed(channel)) return;
      if (kind === "join") this.#events?.onJoin(channel, info);
      else this.#events?.onLeave(channel, info);
    });
    requests.serve("presence", (channel) => this.#local.entries(String(channel)).map(toWire));
    requests.serve("presenceStats", (query) =>
      this.#countOwn(query as { channel: string; withUsers: boolean }),
    );
    requests.serve("presences", (channels) =>
      (channels as readonly string[]).map((channel) => this.#local.entries(channel).map(toWire)),
    );
    messages.on("join", (message, peer) => this.#receiveAnnouncement("join", message, peer));
    messages.on("moved", (message, peer) => this.#receiveMove(message, peer));
    messages.on("leave", (message, peer) => this.#receiveAnnouncement("leave", message, peer));
    messages.watch({
      onPeer: ({ id }) => void this.#resync(id),
      onPeerGone: ({ id }) => this.#announceLeaves(id),
    });
  }

  get sizes(): { readonly channels: number; readonly followed: number; readonly remoteClients: number } {
    const { numChannels: followed, size: remoteClients } = this.#remote;
    return { channels: this.#local.channels, followed, remoteClients };
  }

  async open(events: PresenceEvents): Promise<void> {
    this.#events = events;
    await this.#local.open(events);
    this.#scheduleSweep();
  }

  async close(): Promise<void> {
    this.#events = undefined;
    this.#cancelSweep?.();
    this.#remote.clear();
    this.#announcements.clear();
    await this.#local.close();
  }

  async add(channel: string, info: ClientInfo, leaseMs: number, owner?: Owner): Promise<void> {
    await this.#local.add(channel, info, leaseMs, owner);
  }

  async remove(channel: string, client: string): Promise<void> {
    await this.#local.remove(channel, client);
  }

  /** @throws HF_BROKER_UNAVAILABLE if a living node does not answer, or the bus is disconnected */
  async list(channel: string): Promise<readonly ClientInfo[]> {
    this.#assertOpen();
    const others = await this.#lists.run(channel, this.#messages.settled(), () =>
      this.#ask<readonly WireInfo[]>("presence", channel),
    );
    this.#assertOpen();
    const infos = new Map<string, ClientInfo>();
    for (const info of others.flat().map(fromWire)) infos.set(info.client, info);
    for (const info of this.#local.entries(channel)) infos.set(info.client, info);
    return [...infos.values()];
  }

  /** @throws HF_BROKER_UNAVAILABLE if a living node does not answer, or the bus is disconnected */
  async stats(channel: string): Promise<PresenceStats> {
    this.#assertOpen();
    const others = await this.#counts.run(channel, this.#messages.settled(), () => this.#askCounts(channel));
    this.#assertOpen();
    const own = this.#local.count(channel);
    const used = others.filter(({ clients }) => clients > 0);
    const numClients = used.reduce((sum, { clients }) => sum + clients, own.numClients);
    if (used.length === 0) return own;
    if (used.length === 1 && own.numClients === 0) return { numClients, numUsers: used[0]?.userCount ?? 0 };
    // Users were not asked for while this node's first client came.
    if (used.some((each) => each.users === undefined)) return await this.stats(channel);
    const users = new Set(this.#local.users(channel));
    for (const each of used) for (const user of each.users ?? []) users.add(user);
    return { numClients, numUsers: users.size };
  }

  async announce(channel: string, kind: "join" | "leave", info: ClientInfo): Promise<void> {
    this.#assertOpen();
    const isListed = this.#local.has(channel, info.client);
    this.#messages.send({ kind, channel, info: toWire(info), isListed });
    if (this.#options.isSubscribed(channel)) this.#follow(channel);
    await this.#local.announce(channel, kind, info);
  }

  /** The other nodes count the client as this one's from then on, so that the end of the node that it comes from is no leave. */
  async move(channel: string, info: ClientInfo, { from, leaseMs, owner }: PresenceMove): Promise<void> {
    this.#assertOpen();
    this.#remote.remove(channel, from, info.client);
    this.#heard(channel, info.client, from);
    const isListed = leaseMs !== undefined;
    this.#messages.send({ kind: "moved", channel, info: toWire(info), isListed, before: from });
    if (isListed) await this.#local.add(channel, info, leaseMs, owner);
  }

  /** What requests under way will say of the client on these nodes may be outdated. */
  #heard(channel: string, client: string, ...nodes: readonly string[]): void {
    for (const { heard } of this.#fetches)
      for (const node of nodes) if (heard.size < maxHeard) heard.add(announcementKey(node, channel, client));
  }

  /** `before` is the node that the client has left; `from` is its node now, as of every message. */
  #receiveMove(message: NodeMessage, { id }: Peer): void {
    const channel = String(message.channel);
    const before = String(message.before);
    const info = fromWire(message.info as WireInfo);
    this.#heard(channel, info.client, before, id);
    if (before === this.#messages.id) void this.#local.remove(channel, info.client);
    else this.#remote.remove(channel, before, info.client);
    if (this.#options.isSubscribed(channel)) this.#remote.add(channel, id, info, message.isListed === true);
  }

  #countOwn({ channel, withUsers }: { channel: string; withUsers: boolean }): Counts {
    const { numClients, numUsers } = this.#local.count(channel);
    return {
      clients: numClients,
      userCount: numUsers,
      ...(withUsers && { users: this.#local.users(channel) }),
    };
  }

  /** Users are distinct over all nodes, so they are asked for where several nodes have some. */
  async #askCounts(channel: string): Promise<readonly Counts[]> {
    const ask = (withUsers: boolean) => this.#ask<Counts>("presenceStats", { channel, withUsers });
    if (this.#local.count(channel).numClients > 0) return await ask(true);
    const counts = await ask(false);
    return counts.filter(({ clients }) => clients > 0).length > 1 ? await ask(true) : counts;
  }

  /** Asks all living nodes. */
  async #ask<T>(topic: string, body: unknown): Promise<readonly T[]> {
    const { isConnected } = this.#messages;
    if (!isConnected) throw unavailable("the other nodes cannot be reached");
    const nodes = this.#messages.peers().map(({ id }) => id);
    const { answers, faults, silent } = await this.#requests.ask(topic, body, {
      nodes,
      timeoutMs: this.#timeoutMs,
    });
    if (!this.#messages.isConnected) throw unavailable("the other nodes cannot be reached");
    // Those that have died meanwhile have no clients any more.
    const missing = [...faults.keys(), ...silent].filter((id) => this.#messages.isLiving(id));
    if (missing.length > 0) throw unavailable(`no answer from nodes ${missing.join(", ")}`);
    return [...answers.values()] as T[];
  }

  #receiveAnnouncement(kind: "join" | "leave", message: NodeMessage, { id }: Peer): void {
    const channel = String(message.channel);
    const info = fromWire(message.info as WireInfo);
    if (!this.#options.isSubscribed(channel)) {
      this.#remote.unfollow(channel);
      return;
    }
    this.#follow(channel);
    this.#heard(channel, info.client, id);
    if (kind === "join") {
      const added = this.#remote.add(channel, id, info, message.isListed === true);
      if (added !== "known") this.#announcements.add({ kind: "join", channel, info });
      return;
    }
    const removed = this.#remote.remove(channel, id, info.client);
    // The leaves of a node that was lost were announced then.
    if (removed === "removed" || (removed === "unknown" && !this.#resyncing.has(id)))
      this.#announcements.add({ kind: "leave", channel, info });
  }

  /** Keeps count of who is in the channel from now on. */
  #follow(channel: string): void {
    if (!this.#remote.follow(channel)) return;
    this.#followed.push(channel);
    if (!this.#isFetching) void this.#fetchFollowed();
  }

  /** A request for all channels of a turn, and no second one before it is answered. */
  async #fetchFollowed(): Promise<void> {
    this.#isFetching = true;
    await Promise.resolve();
    while (this.#followed.length > 0) {
      const channels = this.#followed.splice(0, channelsPerRequest);
      const nodes = this.#messages.peers().map(({ id }) => id);
      const isComplete = await this.#fetchClients(channels, nodes, (channel, node, clients, { heard }) => {
        for (const info of clients)
          if (!heard.has(announcementKey(node, channel, info.client)))
            this.#remote.add(channel, node, info, true);
      });
      if (isComplete) for (const channel of channels) this.#remote.complete(channel);
    }
    this.#isFetching = false;
  }

  /** Announces what has changed while a node could not be heard. */
  async #resync(id: string): Promise<void> {
    const running = this.#resyncing.get(id);
    if (running) {
      running.mustRepeat = true;
      return;
    }
    const resync = { mustRepeat: true };
    this.#resyncing.set(id, resync);
    while (resync.mustRepeat) {
      resync.mustRepeat = false;
      const channels = [...this.#remote.channels];
      for (let at = 0; at < channels.length && this.#messages.isLiving(id); at += channelsPerRequest)
        await this.#fetchClients(channels.slice(at, at + channelsPerRequest), [id], this.#compare);
    }
    this.#resyncing.delete(id);
  }

  /** Announces how a node's answer differs from what readers know. */
  readonly #compare: OnClients = (channel, node, clients, { heard }) => {
    if (!this.#options.isSubscribed(channel)) return;
    const hasHeard = ({ client }: ClientInfo) => heard.has(announcementKey(node, channel, client));
    const present = new Set(clients.map(({ client }) => client));
    for (const info of this.#remote.listed(channel, node)) {
      if (present.has(info.client) || hasHeard(info)) continue;
      this.#remote.remove(channel, node, info.client);
      this.#announcements.add({ kind: "leave", channel, info });
    }
    for (const info of clients)
      if (!hasHeard(info) && this.#remote.add(channel, node, info, true) === "new")
        this.#announcements.add({ kind: "join", channel, info });
  };

  /**
   * @param onClients called with each answer before the next message is read
   * @returns whether all have answered
   */
  async #fetchClients(
    channels: readonly string[],
    nodes: readonly string[],
    onClients: OnClients,
  ): Promise<boolean> {
    const fetch: Fetch = { heard: new Set() };
    const onAnswer = (node: string, answer: unknown) =>
      (answer as readonly (readonly WireInfo[])[]).forEach((wires, i) => {
        onClients(channels[i] ?? "", node, wires.map(fromWire), fetch);
      });
    this.#fetches.add(fetch);
    try {
      const ask = { nodes, timeoutMs: this.#timeoutMs, onAnswer };
      const { answers } = await this.#requests.ask("presences", channels, ask);
      return answers.size === nodes.length;
    } catch (error) {
      this.#options.onError(error, { stage: "asking nodes for their clients" });
      return false;
    } finally {
      this.#fetches.delete(fetch);
    }
  }

  #announceLeaves(node: string): void {
    for (const { channel, info } of this.#remote.removeNode(node))
      this.#announcements.add({ kind: "leave", channel, info });
  }

  #scheduleSweep(): void {
    this.#cancelSweep = this.#options.clock.setTimer(() => {
      this.#remote.sweep(channelsPerSweep, this.#options.isSubscribed);
      this.#scheduleSweep();
    }, sweepIntervalMs);
  }

  #assertOpen(): void {
    if (this.#events === undefined) throw new HoldfastError("HF_BROKER_CLOSED");
  }
}

interface SharedQuery<T> {
  readonly result: Promise<T>;
  isSent: boolean;
}

/** Queries of one thing at the same time share a request, unless it was sent before they were made: its answer may be outdated. */
class SharedQueries<T> {
  readonly #newest = new Map<string, SharedQuery<T>>();

  /** @param ready what is waited for before the request is sent */
  run(key: string, ready: Promise<void>, query: () => Promise<T>): Promise<T> {
    const before = this.#newest.get(key);
    if (before?.isSent === false) return before.result;
    const start = async (): Promise<T> => {
      await before?.result.catch(() => {});
      await ready;
      shared.isSent = true;
      return await query();
    };
    const shared: SharedQuery<T> = { result: Promise.resolve().then(start), isSent: false };
    this.#newest.set(key, shared);
    const forget = () => {
      if (this.#newest.get(key) === shared) this.#newest.delete(key);
    };
    shared.result.then(forget, forget);
    return shared.result;
  }
}

function unavailable(message: string): HoldfastError {
  return new HoldfastError("HF_BROKER_UNAVAILABLE", message);
}

function announcementKey(node: string, channel: string, client: string): string {
  return JSON.stringify([node, channel, client]);
}

function toWire({ user, client, connInfo, chanInfo }: ClientInfo): WireInfo {
  return [user, client, connInfo ?? null, chanInfo ?? null];
}

function fromWire([user, client, connInfo, chanInfo]: WireInfo): ClientInfo {
  return {
    user,
    client,
    ...(connInfo !== null && { connInfo }),
    ...(chanInfo !== null && { chanInfo }),
  };
}
