/**
 * A node's connection to the others: who is alive, and messages of any kind to one or all of them. Owns the bus. What is said in
 * messages is for its users: node-requests.ts, node-cluster.ts and node-presence.ts.
 *
 * A node says hello when it opens and when its bus is connected again, and every other answers at once; from then on it sends a
 * beat in each interval, and `bye` when it closes. A node that was silent for too long is dead to this one until it is heard of
 * again, and so is one soon after the bus has told that its connection ended. Silence is counted in this node's own time, and time during which this node itself stood still does not count. Clocks of nodes
 * are never compared.
 */
import type { ClusterNode } from "../../channels/cluster.js";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import {
  decodeMessage,
  encodeMessage,
  isFault,
  MessageParts,
  maxMessageBytes,
  maxPartBytes,
  type NodeMessage,
  splitMessage,
} from "./message-format.js";
import type { NodeBus } from "./node-bus.js";

export interface NodeMessagesOptions {
  readonly clock: Pick<Clock, "elapsed" | "setTimer">;
  /** From 0 up to 1; nodes that started together send their beats apart. @default Math.random */
  readonly random?: () => number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  /** Between two beats; up to a tenth more or less. @default 1000 */
  readonly beatIntervalMs?: number;
  /** A node that was silent for so long is dead. Noticed within another interval. @default 5000 */
  readonly deadAfterMs?: number;
  /** How long others are waited for after a hello, before this node relies on knowing them all. @default 250 */
  readonly helloWaitMs?: number;
  /** How long a node has to be heard of again after the bus has told that its connection ended. @default 500 */
  readonly lostGraceMs?: number;
  /** Most nodes, including those of the last minute that are gone. @default 10,000 */
  readonly maxNodes?: number;
}

/** Another node. */
export interface Peer {
  readonly id: string;
  readonly node: ClusterNode;
  /**
   * `gone`: dead, or not heard of for too long; it lives again if it is heard of. `unreachable`: the same, while this node's bus was
   * disconnected. `closed`: it has said so, for good.
   */
  readonly state: "living" | "gone" | "unreachable" | "closed";
}

interface KnownPeer extends Peer {
  state: Peer["state"];
  /** When it was heard of, or since when it has been gone, in this node's `#awakeMs`. */
  at: number;
}

export interface PeerEvents {
  /** A node lives that was unknown or gone, or messages between it and this node may have got lost while one was disconnected. */
  onPeer?(peer: Peer): void;
  /** A node is gone, unreachable or closed. */
  onPeerGone?(peer: Peer): void;
}

type Handler = (message: NodeMessage, peer: Peer) => void;

const defaults = {
  beatIntervalMs: 1000,
  deadAfterMs: 5000,
  helloWaitMs: 250,
  lostGraceMs: 500,
  maxNodes: 10_000,
};
/** How long nodes that are gone are remembered, so that late messages do not bring them back. */
const rememberMs = 60_000;

export class NodeMessages {
  readonly #bus: NodeBus;
  readonly #options: Required<NodeMessagesOptions>;
  readonly #peers = new Map<string, KnownPeer>();
  readonly #handlers = new Map<string, Handler[]>();
  readonly #watchers: PeerEvents[] = [];
  readonly #parts = new MessageParts();
  /** Faults of messages that were reported. */
  readonly #reported = new Set<string>();
  /** Unknown nodes that were asked who they are, since the last beat. */
  readonly #identityRequests = new Set<string>();
  /** Nodes whose connection has ended, with calls that end the wait for them. */
  readonly #lost = new Map<string, () => void>();
  #node: ClusterNode | undefined;
  #isClosed = false;
  #isConnected = false;
  /** Whether the bus was disconnected while it was opened. */
  #isDown = false;
  #beatFields: () => object = () => ({});
  #cancelBeat: (() => void) | undefined;
  /** How long this node has been running: a time during which it stood still counts as no more than two intervals. */
  #awakeMs = 0;
  #tickedAt = 0;
  #split = 0;
  #settling: { readonly ended: Promise<void>; readonly end: () => void; cancel: () => void } | undefined;

  constructor(bus: NodeBus, options: NodeMessagesOptions) {
    this.#bus = bus;
    this.#options = { ...defaults, random: Math.random, ...options };
  }

  /** This node's id, once it is open. */
  get id(): string {
    return this.#node?.id ?? "";
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  get sizes(): { readonly peers: number; readonly partialBytes: number } {
    return { peers: this.#peers.size, partialBytes: this.#parts.bytes };
  }

  /** The other nodes in a state. */
  peers(state: Peer["state"] = "living"): readonly Peer[] {
    return [...this.#peers.values()].filter((peer) => peer.state === state);
  }

  isLiving(id: string): boolean {
    return this.#peers.get(id)?.state === "living";
  }

  /** Calls a function for each message of a kind, in the order they come. Before `open`. */
  on(kind: string, handler: Handler): void {
    const handlers = this.#handlers.get(kind);
    if (handlers) handlers.push(handler);
    else this.#handlers.set(kind, [handler]);
  }

  /** Before `open`. */
  watch(watcher: PeerEvents): void {
    this.#watchers.push(watcher);
  }

  /** Adds fields to each beat. Before `open`. */
  setBeatFields(fields: () => object): void {
    this.#beatFields = fields;
  }

  async open(node: ClusterNode): Promise<void> {
    this.assertNotClosed();
    this.#node = node;
    await this.#bus.open(node.id, {
      onMessage: (bytes) => this.#receive(bytes),
      onDisconnect: () => this.#disconnected(),
      onConnect: () => this.#connected(),
      onNodeLost: (id) => this.#lose(id),
    });
    if (this.#isClosed) return;
    this.#tickedAt = this.#options.clock.elapsed();
    this.#scheduleBeat();
    if (!this.#isDown) this.#connected();
  }

  /** Says goodbye. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    if (this.#isConnected) this.send({ kind: "bye" });
    this.#isClosed = true;
    this.#isConnected = false;
    this.#cancelBeat?.();
    this.#endSettling();
    for (const id of [...this.#lost.keys()]) this.#endGrace(id);
    this.#peers.clear();
    await this.#bus.close();
  }

  assertNotClosed(): void {
    if (this.#isClosed) throw new HoldfastError("HF_BROKER_CLOSED");
  }

  /** Resolves once the others have had time to answer this node's last hello; at once while it is disconnected. */
  async settled(): Promise<void> {
    await this.#settling?.ended;
  }

  /**
   * Sends a message, which is lost while the bus is disconnected.
   * @param fields without `from`, which is this node
   * @param to all other nodes if it is left out
   */
  send(
    fields: { readonly kind: string; readonly from?: never; readonly [field: string]: unknown },
    to?: string,
  ): void {
    if (this.#isClosed || !this.#isConnected) return;
    const bytes = encodeMessage({ ...fields, from: this.id });
    if (bytes.length <= maxPartBytes) this.#bus.send(bytes, to);
    else if (bytes.length <= maxMessageBytes)
      for (const part of splitMessage(bytes, ++this.#split, this.id)) this.#bus.send(encodeMessage(part), to);
    else
      this.#reportOnce(
        `a message of kind ${fields.kind} has ${bytes.length} bytes; at most ${maxMessageBytes} can be sent to other nodes`,
      );
  }

  #connected(): void {
    this.#isDown = false;
    if (this.#isClosed || this.#isConnected) return;
    this.#isConnected = true;
    this.#beat({ isHello: true });
    this.#startSettling();
    const { beatIntervalMs, deadAfterMs } = this.#options;
    for (const peer of this.#peers.values()) {
      if (peer.state !== "living") continue;
      // Leaves time to answer.
      peer.at = Math.max(peer.at, this.#awakeMs - deadAfterMs + 2 * beatIntervalMs);
      this.#notifyPeer(peer);
    }
  }

  #disconnected(): void {
    this.#isDown = true;
    this.#isConnected = false;
    this.#endSettling();
  }

  /** Waits for the answers to a hello. */
  #startSettling(): void {
    const { clock, helloWaitMs } = this.#options;
    this.#endSettling();
    const end = () => {
      this.#settling = undefined;
      // Who was unreachable and does not answer now is gone.
      for (const peer of this.#peers.values()) if (peer.state === "unreachable") peer.state = "gone";
    };
    if (helloWaitMs === 0) {
      end();
      return;
    }
    let resolve = (): void => {};
    const ended = new Promise<void>((each) => {
      resolve = each;
    });
    const cancel = clock.setTimer(() => {
      end();
      resolve();
    }, helloWaitMs);
    this.#settling = { ended, end: resolve, cancel };
  }

  #endSettling(): void {
    this.#settling?.cancel();
    this.#settling?.end();
    this.#settling = undefined;
  }

  #scheduleBeat(): void {
    const { clock, beatIntervalMs, random } = this.#options;
    const delayMs = beatIntervalMs * (0.9 + 0.2 * random());
    this.#cancelBeat = clock.setTimer(() => {
      this.#scheduleBeat();
      const now = clock.elapsed();
      this.#awakeMs += Math.min(now - this.#tickedAt, 2 * beatIntervalMs);
      this.#tickedAt = now;
      this.#identityRequests.clear();
      this.#expire();
      this.#beat();
    }, delayMs);
  }

  #beat(fields: object = {}, to?: string): void {
    this.send({ kind: "beat", node: this.#node, ...this.#beatFields(), ...fields }, to);
  }

  #expire(): void {
    for (const [id, peer] of this.#peers) {
      const silentMs = this.#awakeMs - peer.at;
      if (peer.state === "living" && silentMs >= this.#options.deadAfterMs)
        this.#markGone(peer, this.#isConnected ? "gone" : "unreachable");
      else if ((peer.state === "gone" || peer.state === "closed") && silentMs >= rememberMs)
        this.#peers.delete(id);
    }
  }

  /** Does not wait until the node has been silent for long. */
  #lose(id: string): void {
    if (this.#lost.has(id) || !this.isLiving(id)) return;
    const { clock, lostGraceMs } = this.#options;
    const startedAt = clock.elapsed();
    const cancel = clock.setTimer(() => {
      this.#lost.delete(id);
      const peer = this.#peers.get(id);
      if (peer?.state !== "living" || !this.#isConnected) return;
      // What came while this node stood still has not been read.
      if (clock.elapsed() - startedAt > 2 * lostGraceMs) this.#lose(id);
      else this.#markGone(peer, "gone");
    }, lostGraceMs);
    this.#lost.set(id, cancel);
  }

  #endGrace(id: string): void {
    this.#lost.get(id)?.();
    this.#lost.delete(id);
  }

  #markGone(peer: KnownPeer, state: Peer["state"]): void {
    const wasLiving = peer.state === "living";
    this.#endGrace(peer.id);
    peer.state = state;
    peer.at = this.#awakeMs;
    this.#parts.drop(peer.id);
    if (wasLiving)
      for (const watcher of this.#watchers) this.#run(() => watcher.onPeerGone?.(peer), "losing a node");
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const message = decodeMessage(bytes);
    if (isFault(message)) {
      this.#reportOnce(message.fault);
      return;
    }
    const peer = this.#acceptSender(message);
    if (peer === undefined) return;
    if (message.kind === "part") {
      const whole = this.#parts.add(message);
      if (whole) this.#receive(whole);
      return;
    }
    for (const handler of this.#handlers.get(message.kind) ?? [])
      this.#run(() => handler(message, peer), `message ${message.kind} of another node`);
    if (message.kind === "beat" && message.isHello === true) this.#beat({}, peer.id);
  }

  /** @returns who sent the message, unless it is to be ignored */
  #acceptSender({ kind, from, node, isHello }: NodeMessage): Peer | undefined {
    if (from === this.id) return undefined;
    const known = this.#peers.get(from);
    this.#endGrace(from);
    if (known?.state === "closed") return undefined;
    if (kind === "bye") {
      if (known) this.#markGone(known, "closed");
      return undefined;
    }
    if (known === undefined) {
      if (kind !== "beat" || !isNode(node, from)) {
        this.#requestIdentity(from);
        return undefined;
      }
      if (!this.#hasRoom()) return undefined;
    }
    const peer: KnownPeer = known ?? { id: from, node: node as ClusterNode, state: "gone", at: 0 };
    peer.at = this.#awakeMs;
    if (peer.state === "living" && isHello !== true) return peer;
    peer.state = "living";
    this.#peers.set(from, peer);
    this.#notifyPeer(peer);
    return peer;
  }

  #notifyPeer(peer: Peer): void {
    for (const watcher of this.#watchers) this.#run(() => watcher.onPeer?.(peer), "meeting a node");
  }

  /** A node that this one does not know, whose hello was lost: its answer says who it is. */
  #requestIdentity(id: string): void {
    if (this.#identityRequests.has(id) || !this.#hasRoom()) return;
    this.#identityRequests.add(id);
    this.#beat({ isHello: true }, id);
  }

  #hasRoom(): boolean {
    const { maxNodes } = this.#options;
    if (this.#peers.size + this.#identityRequests.size < maxNodes) return true;
    this.#reportOnce(`there are more than ${maxNodes} nodes; further ones are ignored`);
    return false;
  }

  #run(work: () => void, stage: string): void {
    try {
      work();
    } catch (error) {
      this.#options.onError(error, { stage });
    }
  }

  /** Reports what may happen with every message, once. */
  #reportOnce(fault: string): void {
    if (this.#reported.has(fault) || this.#reported.size >= 100) return;
    this.#reported.add(fault);
    this.#options.onError(new HoldfastError("HF_BROKER_UNSUPPORTED", fault), {
      stage: "messages between nodes",
    });
  }
}

function isNode(value: unknown, id: string): value is ClusterNode {
  if (typeof value !== "object" || value === null) return false;
  const { id: own, name, version, startedAt } = value as Record<string, unknown>;
  return (
    own === id && typeof name === "string" && typeof version === "string" && typeof startedAt === "number"
  );
}
