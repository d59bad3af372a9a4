/**
 * Requests from one node to others, and their answers. A request is sent again to those that have not answered after a third of its
 * time, since messages get lost. Requests of an ordered topic reach each node's handler once, in the order they were made: the
 * receiver keeps the newest number that it has run and recent answers, which it gives again to a repeat, and holds a request back for
 * a while if one before it is missing. If that one does not come, it is skipped for good.
 */
import { HoldfastError, messageOf } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import type { NodeMessage } from "./message-format.js";
import type { NodeMessages, Peer } from "./node-messages.js";

export interface NodeRequestsOptions {
  readonly clock: Pick<Clock, "elapsed" | "setTimer">;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  /** Most requests that wait for answers. @default 10,000 */
  readonly maxPending?: number;
}

/** Answers at once unless it returns a promise: nothing that this node sends later can overtake it. */
export type RequestHandler = (body: unknown, peer: Peer) => unknown;

export interface RequestOptions {
  readonly nodes: readonly string[];
  readonly timeoutMs: number;
  /** Called with each answer before the next message is read. */
  readonly onAnswer?: (node: string, answer: unknown) => void;
}

export interface Answers {
  /** By node id. */
  readonly answers: ReadonlyMap<string, unknown>;
  /** What went wrong at nodes, by node id. */
  readonly faults: ReadonlyMap<string, string>;
  /** Nodes that have not answered in time, or are gone. */
  readonly silent: readonly string[];
}

interface Pending extends RequestOptions {
  readonly topic: string;
  readonly body: unknown;
  /** Nodes that have not answered; of ordered requests each with the number of the request before it, 0 for none. */
  readonly waiting: Map<string, number>;
  readonly answers: Map<string, unknown>;
  readonly faults: Map<string, string>;
  readonly silent: string[];
  readonly finish: () => void;
}

/** Numbers of the ordered requests that a node has not answered, oldest first, and the newest number it was sent. */
interface Outbound {
  readonly pending: Set<number>;
  newest: number;
}

/** The ordered requests of another node. */
interface Inbound {
  /** The newest that was run or skipped. */
  last: number;
  /** Of recent requests, in the order they were run; undefined while the handler runs. */
  readonly results: Map<number, { readonly at: number; result: Result | undefined }>;
  /** Waiting for one before them. */
  readonly held: Map<number, { readonly message: NodeMessage; readonly cancel: () => void }>;
}

type Result = { readonly body: unknown } | { readonly fault: string };

const maxResults = 1000;
const rememberMs = 30_000;
const maxHeld = 1000;
const maxWaitMs = 10_000;

export class NodeRequests {
  readonly #messages: NodeMessages;
  readonly #options: Required<NodeRequestsOptions>;
  readonly #handlers = new Map<string, { readonly handle: RequestHandler; readonly isOrdered: boolean }>();
  /** By number. */
  readonly #pending = new Map<number, Pending>();
  readonly #outbound = new Map<string, Outbound>();
  readonly #inbound = new WeakMap<Peer, Inbound>();
  #number = 0;
  #isClosed = false;

  constructor(messages: NodeMessages, options: NodeRequestsOptions) {
    this.#messages = messages;
    this.#options = { maxPending: 10_000, ...options };
    messages.on("ask", (message, peer) => this.#receive(message, peer));
    messages.on("answer", (message, peer) => this.#answered(message, peer.id));
    messages.watch({ onPeerGone: ({ id }) => this.#dropNode(id) });
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Before the messages are opened. */
  serve(topic: string, handle: RequestHandler, { isOrdered = false } = {}): void {
    this.#handlers.set(topic, { handle, isOrdered });
  }

  /**
   * Asks nodes at once. Resolves when all have answered or are gone, or the time is over.
   * @throws HF_BROKER_FULL if too many requests wait
   */
  async ask(topic: string, body: unknown, ask: RequestOptions): Promise<Answers> {
    const { clock, maxPending } = this.#options;
    const { nodes, timeoutMs } = ask;
    const answers = new Map<string, unknown>();
    const faults = new Map<string, string>();
    const silent: string[] = [];
    if (nodes.length === 0) return { answers, faults, silent };
    if (this.#pending.size >= maxPending)
      throw new HoldfastError(
        "HF_BROKER_FULL",
        `${maxPending} requests wait for answers of other nodes, the most there may be; retry later`,
      );
    const number = ++this.#number;
    const isOrdered = this.#handlers.get(topic)?.isOrdered === true;
    const waiting = new Map(nodes.map((node) => [node, isOrdered ? this.#enqueue(number, node) : 0]));
    return await new Promise((resolve) => {
      const finish = () => {
        cancelRepeat();
        cancelTimeout();
        for (const node of waiting.keys()) this.#dequeue(number, node);
        silent.push(...waiting.keys());
        this.#pending.delete(number);
        resolve({ answers, faults, silent });
      };
      const pending: Pending = { ...ask, topic, body, waiting, answers, faults, silent, finish };
      const cancelTimeout = clock.setTimer(finish, timeoutMs);
      const cancelRepeat = clock.setTimer(() => this.#send(number, pending), timeoutMs / 3);
      this.#pending.set(number, pending);
      this.#send(number, pending);
    });
  }

  /** Ends all waiting, and runs nothing more. */
  close(): void {
    this.#isClosed = true;
    for (const { finish } of [...this.#pending.values()]) finish();
  }

  #send(number: number, { topic, body, timeoutMs, waiting }: Pending): void {
    for (const [node, before] of waiting) {
      const outbound = this.#outbound.get(node);
      const order = outbound?.pending.has(number)
        ? {
            // What is no longer waited for need not come first.
            after: outbound.pending.has(before) ? before : 0,
            oldest: outbound.pending.values().next().value,
            timeoutMs,
          }
        : {};
      this.#messages.send({ kind: "ask", topic, number, body, ...order }, node);
    }
  }

  /** @returns the number of the request that the node has to run before */
  #enqueue(number: number, node: string): number {
    const outbound = this.#outbound.get(node) ?? { pending: new Set(), newest: 0 };
    this.#outbound.set(node, outbound);
    const before = outbound.newest;
    outbound.newest = number;
    outbound.pending.add(number);
    return before;
  }

  #dequeue(number: number, node: string): void {
    const outbound = this.#outbound.get(node);
    outbound?.pending.delete(number);
    if (outbound?.pending.size === 0) this.#outbound.delete(node);
  }

  #answered({ number, body, fault }: NodeMessage, node: string): void {
    const pending = this.#pending.get(number as number);
    if (!pending?.waiting.delete(node)) return;
    this.#dequeue(number as number, node);
    if (typeof fault === "string") pending.faults.set(node, fault);
    else {
      pending.answers.set(node, body);
      pending.onAnswer?.(node, body);
    }
    if (pending.waiting.size === 0) pending.finish();
  }

  #dropNode(node: string): void {
    for (const [number, pending] of [...this.#pending]) {
      if (!pending.waiting.delete(node)) continue;
      this.#dequeue(number, node);
      pending.silent.push(node);
      if (pending.waiting.size === 0) pending.finish();
    }
  }

  #receive(message: NodeMessage, peer: Peer): void {
    const { topic, number } = message;
    const served = this.#handlers.get(topic as string);
    if (this.#isClosed || served === undefined || typeof number !== "number") return;
    if (served.isOrdered) this.#receiveOrdered(message, peer, number);
    else this.#run(message, peer, (result) => this.#answer(peer, number, result));
  }

  #receiveOrdered(message: NodeMessage, peer: Peer, number: number): void {
    const inbound = this.#inbound.get(peer) ?? { last: 0, results: new Map(), held: new Map() };
    this.#inbound.set(peer, inbound);
    const { after = 0, oldest = 0, timeoutMs = 0 } = message;
    for (const known of inbound.results.keys()) {
      if (known >= Number(oldest)) break;
      inbound.results.delete(known);
    }
    if (number <= inbound.last) {
      const result = inbound.results.get(number)?.result;
      if (result) this.#answer(peer, number, result);
      return;
    }
    if (Number(after) <= inbound.last) {
      this.#runOrdered(message, peer, inbound);
      this.#runHeld(peer, inbound, (held) => Number(held.after ?? 0) <= inbound.last);
    } else if (!inbound.held.has(number) && inbound.held.size < maxHeld) {
      const waitMs = Math.min(Number(timeoutMs) / 2, maxWaitMs);
      const cancel = this.#options.clock.setTimer(
        () => this.#runHeld(peer, inbound, (held) => Number(held.number) <= number),
        waitMs,
      );
      inbound.held.set(number, { message, cancel });
    }
  }

  /** Runs requests that were held back, from the oldest on, as long as they may run. */
  #runHeld(peer: Peer, inbound: Inbound, mayRun: (message: NodeMessage) => boolean): void {
    if (this.#isClosed) return;
    for (const number of [...inbound.held.keys()].sort((a, b) => a - b)) {
      const { message, cancel } = inbound.held.get(number) as { message: NodeMessage; cancel: () => void };
      if (number > inbound.last && !mayRun(message)) return;
      cancel();
      inbound.held.delete(number);
      if (number > inbound.last) this.#runOrdered(message, peer, inbound);
    }
  }

  #runOrdered(message: NodeMessage, peer: Peer, inbound: Inbound): void {
    const number = message.number as number;
    const { results } = inbound;
    const now = this.#options.clock.elapsed();
    const entry: { at: number; result: Result | undefined } = { at: now, result: undefined };
    inbound.last = number;
    results.set(number, entry);
    for (const [known, { at }] of results) {
      if (results.size <= maxResults && now - at < rememberMs) break;
      results.delete(known);
    }
    this.#run(message, peer, (result) => {
      entry.result = result;
      this.#answer(peer, number, result);
    });
  }

  #run({ topic, body }: NodeMessage, peer: Peer, done: (result: Result) => void): void {
    const fail = (error: unknown) => {
      this.#options.onError(error, { stage: `request ${topic} of another node` });
      done({ fault: messageOf(error) });
    };
    try {
      const answer = this.#handlers.get(topic as string)?.handle(body, peer);
      if (answer instanceof Promise) answer.then((each: unknown) => done({ body: each }), fail);
      else done({ body: answer });
    } catch (error) {
      fail(error);
    }
  }

  #answer({ id }: Peer, number: number, result: Result): void {
    this.#messages.send({ kind: "answer", number, ...result }, id);
  }
}
