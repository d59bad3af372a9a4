/**
 * One store for all processes of a machine. The process that holds the store's lock is its owner: it has the logs open and serves the
 * others, its followers, over a socket in the store's folder. When the owner ends, however it ends, its followers try to take the
 * lock; one of them opens the store, and the others connect to it. Calls wait meanwhile.
 *
 * The lock is the kernel's (lmdb/store-folder.ts), so there are never two owners: while an owner is stopped, calls of its followers
 * are rejected after some seconds.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { resolve } from "node:path";
import { MessageChannel } from "node:worker_threads";
import type { ClusterCounts } from "../../channels/cluster.js";
import type {
  HistoryPage,
  HistoryQuery,
  KeysPage,
  KeysQuery,
  LogEvents,
  NewPublication,
  PublishOptions,
  PublishResult,
} from "../../channels/log.js";
import { HoldfastError, hasCode } from "../../errors.js";
import type { Position, Publication } from "../../wire/messages.js";
import { LmdbLog, type SharedLmdbOptions } from "../lmdb/lmdb-broker.js";
import { findOwner, findRunningOwner, type OwnerRecord } from "../lmdb/store-folder.js";
import type { NodeLog } from "../nodes/node-broker.js";
import type { NodeBus, NodeBusEvents } from "../nodes/node-bus.js";
import { type Call, callLog, decodePublication, encodeCall, type LogCall, type TakeResult } from "./calls.js";
import type { FrameSocket } from "./frame-socket.js";
import { encodeFrame, type Frame, kinds } from "./frames.js";
import { connectLink } from "./owner-link.js";
import { PendingCalls } from "./pending-calls.js";
import { change } from "./shared-counts.js";
import { StoreServer } from "./store-server.js";

export type SharedStoreOptions = Omit<SharedLmdbOptions, "sharing">;

interface OwnerRole {
  readonly kind: "owner";
  readonly log: LmdbLog;
  readonly server: StoreServer;
}

/** What this process is to the store; nothing while it looks for the owner, or becomes it. */
type Role = OwnerRole | { readonly kind: "follower"; readonly link: FrameSocket } | typeof nothing;

const nothing = { kind: "none" } as const;

/** Why this process has become neither owner nor follower. */
interface Obstacle {
  readonly error: unknown;
  /** Whether it stays like this. */
  readonly isFinal: boolean;
}

/** Between two attempts to find the owner or to become it. */
const retryMs = 20;
const maxRetryMs = 500;
/** How long a start waits for an owner that is about to serve or to end. */
const startTimeoutMs = 5000;
/** How long a follower that closes waits for the results of its calls. */
const closeTimeoutMs = 1000;
/** Subscriptions in one frame. */
const maxResumed = 10_000;
/** Of the calls with which a follower resumes. */
const resumeId = 0;
const keyBytes = 24;

export class SharedStore implements NodeLog {
  readonly #options: SharedStoreOptions;
  readonly #process = randomUUID();
  readonly #subscribed = new Set<string>();
  readonly #taken = new Map<string, number>();
  readonly #pending: PendingCalls;
  #role: Role = nothing;
  #others: ReadonlySet<string> = new Set();
  #events: LogEvents | undefined;
  #node: { readonly id: string; readonly events: NodeBusEvents } | undefined;
  /** Which process owns the store, by its socket, and its node, once that is known. */
  #owner: { readonly socket: string; node?: string } | undefined;
  /** Nodes of owners that have ended, with their sockets, until this process is connected again. */
  readonly #ended = new Map<string, string>();
  /** Ends when a role is found. */
  #searching: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #isConnected = false;
  #wasConnected = false;
  /** Results that a new owner has still to send before its events are complete. */
  #resuming = 0;

  constructor(options: SharedStoreOptions) {
    this.#options = { ...options, folder: resolve(options.folder) };
    this.#pending = new PendingCalls(options.clock, (isWaiting) => {
      if (this.#role.kind === "follower") this.#role.link.hold(isWaiting);
    });
  }

  /** Messages between the nodes of the processes. */
  readonly bus: NodeBus = {
    open: (node, events) => this.#join(node, events),
    close: async () => {
      this.#node = undefined;
    },
    send: (message, to) => this.#sendMessage(message, to),
  };

  readonly counts: ClusterCounts = {
    take: (key, max) => this.#take(key, max),
    release: (key) => this.#release(key),
  };

  /** Whether this process has the store open. */
  get isOwner(): boolean {
    return this.#role.kind === "owner";
  }

  /** Sizes of what this process holds. */
  get sizes(): object {
    const role = this.#role;
    return {
      ...(role.kind === "owner" && { ...role.log.sizes, followers: role.server.followers }),
      subscribed: this.#subscribed.size,
      pendingCalls: this.#pending.size,
      counts: this.#taken.size,
    };
  }

  /** Resolves once nothing is pending here, not even in the background. */
  async idle(): Promise<void> {
    if (this.#role.kind === "owner") await this.#role.log.idle();
  }

  /** @throws HF_STORE_OPEN, HF_STORE_CORRUPT, HF_STORE_NEWER; HF_STORE_IN_USE if the owner does not share it, or not with this process */
  open(events: LogEvents): Promise<void> {
    this.#events = events;
    this.#searching = keepAliveDuring(this.#open());
    return this.#searching;
  }

  async #open(): Promise<void> {
    const { clock } = this.#options;
    const endsAt = clock.elapsed() + startTimeoutMs;
    while (this.#closed === undefined) {
      const obstacle = await this.#findRole();
      if (obstacle === undefined) return;
      if (obstacle.isFinal || clock.elapsed() >= endsAt) throw obstacle.error;
      await this.#delay(retryMs);
    }
  }

  close(): Promise<void> {
    this.#closed ??= keepAliveDuring(this.#close());
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = new HoldfastError("HF_BROKER_CLOSED");
    if (this.#role.kind === "follower")
      await Promise.race([this.#pending.idle(), this.#delay(closeTimeoutMs)]);
    this.#pending.rejectAll(closed);
    await this.#searching?.catch(() => {});
    this.#events = undefined;
    this.#node = undefined;
    const role = this.#role;
    this.#role = nothing;
    this.#pending.rejectAll(closed);
    if (role.kind === "follower") role.link.end();
    if (role.kind !== "owner") return;
    try {
      await role.server.pause();
      await role.log.close();
    } finally {
      // Only now, so that one of the followers finds the lock free.
      role.server.close();
    }
  }

  async subscribe(channel: string): Promise<Position> {
    this.#assertOpen();
    this.#subscribed.add(channel);
    return await this.#call<Position>({ method: "subscribe", channel });
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#assertOpen();
    this.#subscribed.delete(channel);
    const role = this.#role;
    if (role.kind === "owner" && role.server.hasSubscribers(channel)) return;
    await this.#call({ method: "unsubscribe", channel });
  }

  isSubscribed(channel: string): boolean {
    return this.#subscribed.has(channel);
  }

  subscribedChannels(): Iterable<string> {
    return this.#subscribed;
  }

  async publish(
    channel: string,
    publication: NewPublication,
    options: PublishOptions,
  ): Promise<PublishResult> {
    return this.#call({ method: "publish", channel, publication, options });
  }

  async history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#call({ method: "history", channel, query });
  }

  async heads(
    channels: readonly string[],
    floors: ReadonlyMap<string, readonly Position[]> = new Map(),
  ): Promise<ReadonlyMap<string, Position>> {
    return this.#call({ method: "heads", channels, floors: [...floors] });
  }

  async keys(channel: string, query: KeysQuery): Promise<KeysPage> {
    return this.#call({ method: "keys", channel, query });
  }

  async value(channel: string, key: string): Promise<Publication | undefined> {
    return this.#call({ method: "value", channel, key });
  }

  async renewKey(channel: string, key: string): Promise<boolean> {
    return this.#call({ method: "renewKey", channel, key });
  }

  async removeHistory(channel: string): Promise<void> {
    await this.#call({ method: "removeHistory", channel });
  }

  #assertOpen(): void {
    if (this.#closed || this.#events === undefined) throw new HoldfastError("HF_BROKER_CLOSED");
  }

  /** On the log that is open here, or by the owner. */
  #call<T>(call: Call): Promise<T> {
    this.#assertOpen();
    const role = this.#role;
    return (role.kind === "owner" ? make(role, call) : this.#pending.add(call)) as Promise<T>;
  }

  async #take(key: string, max: number): Promise<boolean> {
    const isTaken = await this.#call<boolean>({ method: "take", key, max });
    if (isTaken) change(this.#taken, key, 1);
    return isTaken;
  }

  #release(key: string): void {
    if (!this.#taken.has(key)) return;
    change(this.#taken, key, -1);
    const role = this.#role;
    if (role.kind === "owner") role.server.release(key);
    else if (role.kind === "follower") role.link.send(encodeFrame(kinds.release, 0, { key }));
  }

  async #join(id: string, events: NodeBusEvents): Promise<void> {
    this.#node = { id, events };
    await this.#call({ method: "join", node: id });
  }

  #sendMessage(message: Uint8Array, to: string | undefined): void {
    const role = this.#role;
    if (role.kind === "owner") role.server.send(message, to);
    else if (role.kind === "follower") role.link.send(encodeFrame(kinds.message, 0, { to }, [message]));
  }

  /** Becomes the owner, or a follower. @returns what is in the way */
  async #findRole(): Promise<Obstacle | undefined> {
    try {
      await this.#own();
      return undefined;
    } catch (error) {
      return hasCode(error, "HF_STORE_IN_USE") ? await this.#follow(error) : { error, isFinal: true };
    }
  }

  async #own(): Promise<void> {
    const { clock, schedule } = this.#options;
    const key = randomBytes(keyBytes).toString("base64url");
    // By an owner that did not close.
    const isLeft = findOwner(this.#options.folder)?.key !== undefined;
    const server = new StoreServer({
      key,
      clock,
      schedule,
      isSubscribedHere: (channel) => this.#subscribed.has(channel),
      onMessage: (message) => this.#node?.events.onMessage(message),
      onNodeLost: (node) => this.#node?.events.onNodeLost(node),
      expected: this.#others,
      hasUnknownFollowers: !this.#wasConnected && isLeft,
      taken: this.#taken,
    });
    // One that is taken over needs no repair because one was asked for at the start.
    const repair = this.#options.repair === true && !this.#wasConnected;
    const sharing = { key, accept: (socket: Socket) => server.accept(socket) };
    const log = new LmdbLog({ ...this.#options, repair, sharing });
    try {
      await log.open({
        onPublication: (channel, publication, epoch) => {
          if (this.#subscribed.has(channel)) this.#events?.onPublication(channel, publication, epoch);
          server.deliver(channel, publication, epoch);
        },
        onDisconnect() {},
        onReconnect() {},
      });
    } catch (error) {
      server.close();
      throw error;
    }
    server.start(log);
    if (this.#node) server.join(this.#node.id);
    // A log that cannot be read is noticed when its head is compared.
    await Promise.allSettled([...this.#subscribed].map((channel) => log.subscribe(channel)));
    const role = { kind: "owner", log, server } as const;
    this.#role = role;
    this.#owner = undefined;
    this.#pending.makeAll((call) => make(role, call));
    this.#connected();
  }

  /** @param inUse what taking the lock was refused with */
  async #follow(inUse: unknown): Promise<Obstacle | undefined> {
    const { folder } = this.#options;
    const owner = findOwner(folder);
    if (owner === undefined) return { error: inUse, isFinal: false };
    if (!isSharing(owner)) return { error: inUse, isFinal: (await findRunningOwner(folder)) !== undefined };
    let link: FrameSocket | undefined;
    try {
      link = await connectLink({
        ...this.#options,
        owner,
        follower: this.#process,
        onFrame: (frame) => this.#receive(frame),
        onClose: () => this.#lost(),
      });
    } catch (error) {
      return { error, isFinal: true };
    }
    if (link === undefined || link.isClosed) return { error: inUse, isFinal: false };
    this.#role = { kind: "follower", link };
    this.#owner = { socket: owner.socket };
    this.#resume(link);
    return undefined;
  }

  /** Tells a new owner what this process is subscribed to and has taken, and sends what waits. */
  #resume(link: FrameSocket): void {
    const channels = [...this.#subscribed];
    const calls: Call[] = [
      { method: "resume", channels: channels.splice(0, maxResumed), counts: [...this.#taken] },
    ];
    while (channels.length > 0)
      calls.push({ method: "resume", channels: channels.splice(0, maxResumed), counts: [] });
    if (this.#node) calls.push({ method: "join", node: this.#node.id });
    this.#resuming = calls.length;
    for (const call of calls) link.send(encodeCall(resumeId, call));
    link.hold(this.#pending.size > 0);
    this.#pending.attach((frame) => link.send(frame));
  }

  #receive(frame: Frame): void {
    const role = this.#role;
    switch (frame.kind) {
      case kinds.publication: {
        const [channel, publication, epoch] = decodePublication(frame);
        if (this.#subscribed.has(channel)) this.#events?.onPublication(channel, publication, epoch);
        break;
      }
      case kinds.result:
      case kinds.failure:
        if (frame.id === resumeId) {
          if (--this.#resuming === 0) this.#connected();
        } else if (!this.#pending.settle(frame)) this.#giveBack(frame);
        break;
      case kinds.message: {
        const [message] = frame.parts;
        if (message instanceof Uint8Array) this.#node?.events.onMessage(message);
        break;
      }
      case kinds.followers:
        this.#others = new Set((frame.head as string[]).filter((name) => name !== this.#process));
        break;
      case kinds.owner:
        if (this.#owner) this.#owner.node = (frame.head as { node: string }).node;
        break;
      case kinds.left:
        this.#node?.events.onNodeLost((frame.head as { node: string }).node);
        break;
      case kinds.closing:
        this.#pending.pause();
        if (role.kind === "follower") role.link.send(encodeFrame(kinds.paused, 0, {}));
        this.#disconnected();
        break;
    }
  }

  /** Nobody waits any more for what was taken. */
  #giveBack({ kind, head }: Frame): void {
    const { key, isTaken } = (head ?? {}) as Partial<TakeResult>;
    if (kind !== kinds.result || isTaken !== true || this.#role.kind !== "follower") return;
    this.#role.link.send(encodeFrame(kinds.release, 0, { key }));
  }

  /** The connection to the owner has ended. */
  #lost(): void {
    if (this.#closed || this.#role.kind !== "follower") return;
    this.#role = nothing;
    if (this.#owner?.node !== undefined) this.#ended.set(this.#owner.node, this.#owner.socket);
    this.#pending.detach();
    this.#disconnected();
    this.#searching = this.#search();
  }

  async #search(): Promise<void> {
    let isReported = false;
    for (let waitMs = retryMs; this.#closed === undefined; waitMs = Math.min(2 * waitMs, maxRetryMs)) {
      const obstacle = await this.#findRole();
      if (obstacle === undefined) return;
      if (obstacle.isFinal && !isReported) {
        isReported = true;
        this.#options.onError(obstacle.error, { stage: "taking over the store" });
      }
      await this.#delay(waitMs);
    }
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.setTimer(() => resolve(), ms));
  }

  #connected(): void {
    if (this.#isConnected) return;
    this.#isConnected = true;
    // A start is no reconnect.
    if (this.#wasConnected) {
      this.#node?.events.onConnect();
      this.#events?.onReconnect();
    }
    this.#wasConnected = true;
    for (const [node, socket] of this.#ended)
      if (socket !== this.#owner?.socket) this.#node?.events.onNodeLost(node);
    this.#ended.clear();
  }

  #disconnected(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#node?.events.onDisconnect();
    this.#events?.onDisconnect();
  }
}

/** Makes a call of this process, which is the owner. */
function make({ log, server }: OwnerRole, call: Call): Promise<unknown> {
  switch (call.method) {
    case "take":
      return server.take(call.key, call.max);
    case "join":
      server.join(call.node);
      return Promise.resolve();
    case "resume":
      return Promise.resolve();
    default:
      return callLog(log, call satisfies LogCall);
  }
}

/** Timers and sockets of a store do not keep its process alive. */
export function keepAliveDuring<T>(work: Promise<T>): Promise<T> {
  const { port1 } = new MessageChannel();
  port1.ref();
  return work.finally(() => port1.close());
}

function isSharing(owner: OwnerRecord): owner is OwnerRecord & { readonly key: string } {
  return owner.key !== undefined;
}
