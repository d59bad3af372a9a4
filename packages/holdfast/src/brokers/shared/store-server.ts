/**
 * The owner's side of a shared store: takes connections of the other processes (followers), makes their calls on the log, and sends
 * them what they are subscribed to. A publication is encoded once for all followers.
 *
 * Calls of a follower are made in the order they come; results go out as they are there. A follower that does not read is dropped
 * when too much waits for it: it connects again, and its node compares heads.
 */
import { timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import type { Publication } from "../../wire/messages.js";
import type { JournalHold } from "../lmdb/checkpoints.js";
import type { LmdbLog } from "../lmdb/lmdb-broker.js";
import {
  type Call,
  type CopyCall,
  callLog,
  decodeCall,
  encodeFailure,
  encodePublication,
  encodeResult,
  type LogCall,
} from "./calls.js";
import { FrameSocket } from "./frame-socket.js";
import { encodeFrame, type Frame, kinds } from "./frames.js";
import { SharedCounts, type TakenCounts } from "./shared-counts.js";

/** Of what is said over the socket. Both sides must speak the same one. */
export const protocolVersion = 1;

export interface Hello {
  readonly version: number;
  /** What `owner.json` has: whoever may read the folder may use the store. */
  readonly key: string;
  /** The process, by a random id. */
  readonly follower: string;
  /** A command that copies the store, and takes no part in it. @default false */
  readonly isGuest?: boolean;
}

export interface StoreServerOptions {
  readonly key: string;
  readonly clock: Pick<Clock, "setTimer">;
  readonly schedule: (run: () => void) => void;
  /** Whether this process's own node is subscribed to the channel. */
  readonly isSubscribedHere: (channel: string) => boolean;
  /** A message for this process's own node. */
  readonly onMessage: (message: Uint8Array) => void;
  /** A follower has left: the connection of its node has ended. */
  readonly onNodeLost: (node: string) => void;
  /** Followers of the owner before: they are waited for, shortly, before counts are taken. */
  readonly expected: ReadonlySet<string>;
  /** Whether there was an owner before whose followers this process does not know. */
  readonly hasUnknownFollowers: boolean;
  /** What this process's own node has taken already. */
  readonly taken: ReadonlyMap<string, number>;
}

/** Bytes that wait for one follower. */
const maxUnsentBytes = 64 * 1024 * 1024;
const helloTimeoutMs = 5000;
const openingNoticeMs = 1000;
/** How long counts wait for the followers of the owner before. */
const expectedTimeoutMs = 2000;
/** In which followers that are not known come, since they look for a new owner at least that often. */
const unknownTimeoutMs = 600;
/** Stands for those; no process has this name. */
const unknown = "";
const pauseTimeoutMs = 1000;
const maxFollowers = 1000;

interface Follower {
  readonly link: FrameSocket;
  readonly channels: Set<string>;
  readonly taken: Map<string, number>;
  /** Once it has said hello. */
  name: string | undefined;
  /** Id of its node, once that is known. */
  node: string | undefined;
  isPaused: boolean;
  /** One of them is no process that takes over the store. */
  isGuest: boolean;
  /** What it copies. */
  hold: JournalHold | undefined;
}

export class StoreServer {
  readonly #options: StoreServerOptions;
  readonly #counts = new SharedCounts();
  readonly #followers = new Set<Follower>();
  readonly #subscribers = new Map<string, Set<Follower>>();
  readonly #expected: Set<string>;
  readonly #cancelTimers = new Set<() => void>();
  #log: LmdbLog | undefined;
  #node: string | undefined;
  #running = 0;
  #isClosing = false;
  #onProgress: (() => void) | undefined;
  #onAllBack: (() => void)[] = [];

  constructor(options: StoreServerOptions) {
    this.#options = options;
    this.#expected = new Set(options.expected);
  }

  get followers(): number {
    return this.#followers.size;
  }

  /** Calls that are being made for followers. */
  get running(): number {
    return this.#running;
  }

  accept(socket: Socket): void {
    if (this.#isClosing || this.#followers.size >= maxFollowers) {
      socket.destroy();
      return;
    }
    const { schedule } = this.#options;
    const link = new FrameSocket({
      socket,
      schedule,
      maxUnsentBytes,
      onFrame: (frame) => this.#receive(follower, frame),
      onClose: () => this.#left(follower),
    });
    const follower: Follower = {
      link,
      channels: new Set(),
      taken: new Map(),
      name: undefined,
      node: undefined,
      isPaused: false,
      isGuest: false,
      hold: undefined,
    };
    this.#followers.add(follower);
    this.#after(helloTimeoutMs, () => {
      if (follower.name === undefined) link.destroy();
    });
    this.#noticeOpening(follower);
  }

  /** The store is open: calls can be made. */
  start(log: LmdbLog): void {
    this.#counts.restore(undefined, this.#options.taken);
    this.#log = log;
    for (const follower of this.#followers)
      if (follower.name !== undefined) {
        // It has come while the store was opened, and will say what it has taken.
        if (!follower.isGuest) this.#expected.add(follower.name);
        this.#welcome(follower);
      }
    if (this.#options.hasUnknownFollowers) {
      this.#expected.add(unknown);
      this.#after(unknownTimeoutMs, () => this.#back(unknown));
    }
    if (this.#expected.size > 0) this.#after(expectedTimeoutMs, () => this.#allBack());
  }

  /** Messages for this node are this process's. */
  join(node: string): void {
    this.#node = node;
    for (const { link, name } of this.#followers)
      if (name !== undefined) link.send(encodeFrame(kinds.owner, 0, { node }));
  }

  /** Sends a publication to the followers that are subscribed. */
  deliver(channel: string, publication: Publication, epoch: string): void {
    const subscribers = this.#subscribers.get(channel);
    if (subscribers === undefined) return;
    const frame = encodePublication(channel, publication, epoch);
    for (const { link } of subscribers) link.send(frame);
  }

  /** Whether followers are subscribed to the channel. */
  hasSubscribers(channel: string): boolean {
    return this.#subscribers.has(channel);
  }

  /** Sends a message to one node, or to all but the sender. */
  send(message: Uint8Array, to?: string, from?: Follower): void {
    if (from !== undefined && (to === undefined || to === this.#node)) this.#options.onMessage(message);
    if (to !== undefined && to === this.#node) return;
    const frame = encodeFrame(kinds.message, 0, {}, [message]);
    for (const follower of this.#followers)
      if (follower !== from && follower.node !== undefined && (to === undefined || follower.node === to))
        follower.link.send(frame);
  }

  /** For this process's own node. */
  take(key: string, max: number): Promise<boolean> {
    return this.#take(undefined, key, max);
  }

  release(key: string): void {
    this.#counts.release(undefined, key);
  }

  async #take(taken: TakenCounts, key: string, max: number): Promise<boolean> {
    if (this.#expected.size > 0) await new Promise<void>((resolve) => this.#onAllBack.push(resolve));
    return this.#counts.take(taken, key, max);
  }

  /** Tells followers to send no more, and resolves when all calls that came have their results. */
  async pause(): Promise<void> {
    this.#isClosing = true;
    for (const { link } of this.#followers) link.send(encodeFrame(kinds.closing, 0, {}));
    let isLate = false;
    this.#after(pauseTimeoutMs, () => {
      isLate = true;
      this.#onProgress?.();
    });
    while (!isLate && !this.#isPaused())
      await new Promise<void>((resolve) => {
        this.#onProgress = resolve;
      });
  }

  /** Ends all connections. */
  close(): void {
    this.#isClosing = true;
    for (const cancel of this.#cancelTimers) cancel();
    this.#allBack();
    for (const { link } of [...this.#followers]) link.end();
  }

  #isPaused(): boolean {
    for (const { name, isPaused } of this.#followers) if (name !== undefined && !isPaused) return false;
    return this.#running === 0;
  }

  #receive(follower: Follower, frame: Frame): void {
    if (follower.name === undefined) {
      if (frame.kind === kinds.hello) this.#greet(follower, frame.head as Hello);
      else follower.link.destroy();
      return;
    }
    switch (frame.kind) {
      case kinds.call:
        void this.#call(follower, frame);
        break;
      case kinds.message: {
        const [message] = frame.parts;
        const { to } = frame.head as { readonly to?: string };
        if (message instanceof Uint8Array) this.send(message, to, follower);
        break;
      }
      case kinds.release:
        this.#counts.release(follower.taken, (frame.head as { readonly key: string }).key);
        break;
      case kinds.paused:
        follower.isPaused = true;
        this.#onProgress?.();
        break;
    }
  }

  #greet(follower: Follower, { version, key, follower: name, isGuest = false }: Hello): void {
    const { link } = follower;
    const refuse = (why: string) => {
      const error = new HoldfastError("HF_STORE_IN_USE", why, { details: { pid: process.pid } });
      const { message, code, details } = error;
      link.send(encodeFrame(kinds.refusal, 0, { code, message, details }));
      link.end();
    };
    if (version !== protocolVersion)
      refuse(
        `the store is in use by the server with process id ${process.pid}, which shares it by version ${protocolVersion} of the protocol, not ${version}. Run the same version of Holdfast in all processes`,
      );
    else if (!isSame(key, this.#options.key))
      refuse(`the store belongs to the server with process id ${process.pid}, and the key is not its own`);
    else {
      follower.name = name;
      follower.isGuest = isGuest;
      follower.isPaused = isGuest;
      if (this.#log) this.#welcome(follower);
    }
  }

  #welcome({ link, name }: Follower): void {
    link.send(encodeFrame(kinds.welcome, 0, { version: protocolVersion, pid: process.pid, name }));
    if (this.#node !== undefined) link.send(encodeFrame(kinds.owner, 0, { node: this.#node }));
    this.#tellFollowers();
  }

  /** A follower that becomes the owner knows whom to wait for. */
  #tellFollowers(): void {
    if (this.#log === undefined || this.#isClosing) return;
    const names = [...this.#followers].flatMap(({ name, isGuest }) => (isGuest ? [] : (name ?? [])));
    const frame = encodeFrame(kinds.followers, 0, names);
    for (const { link, name } of this.#followers) if (name !== undefined) link.send(frame);
  }

  async #call(follower: Follower, frame: Frame): Promise<void> {
    const { link } = follower;
    const { id } = frame;
    this.#running++;
    try {
      const call = decodeCall(frame);
      const result = await this.#make(follower, call);
      if (call.method === "take" && result === true && !this.#followers.has(follower))
        this.#counts.drop(follower.taken);
      link.send(encodeResult(id, call, result));
    } catch (error) {
      link.send(encodeFailure(id, error));
    } finally {
      this.#running--;
      this.#onProgress?.();
    }
  }

  #make(follower: Follower, call: Call | CopyCall): Promise<unknown> {
    const log = this.#log as LmdbLog;
    switch (call.method) {
      case "subscribe":
        this.#subscribe(follower, call.channel);
        return log.subscribe(call.channel);
      case "unsubscribe":
        return this.#unsubscribe(follower, call.channel);
      case "resume":
        return this.#resume(follower, call, log);
      case "join":
        follower.node = call.node;
        return Promise.resolve(true);
      case "take":
        return this.#take(follower.taken, call.key, call.max);
      case "holdJournal":
        return this.#hold(follower, log);
      case "journalEnd":
        return Promise.resolve(follower.hold?.end());
      default:
        return callLog(log, call satisfies LogCall);
    }
  }

  #subscribe(follower: Follower, channel: string): void {
    follower.channels.add(channel);
    const subscribers = this.#subscribers.get(channel);
    if (subscribers) subscribers.add(follower);
    else this.#subscribers.set(channel, new Set([follower]));
  }

  async #unsubscribe(follower: Follower, channel: string): Promise<void> {
    follower.channels.delete(channel);
    const subscribers = this.#subscribers.get(channel);
    if (subscribers === undefined || !subscribers.delete(follower) || subscribers.size > 0) return;
    this.#subscribers.delete(channel);
    if (!this.#options.isSubscribedHere(channel)) await this.#log?.unsubscribe(channel);
  }

  async #resume(follower: Follower, call: Extract<Call, { method: "resume" }>, log: LmdbLog): Promise<true> {
    this.#counts.restore(follower.taken, call.counts);
    for (const channel of call.channels) this.#subscribe(follower, channel);
    // A log that cannot be read is noticed when its head is compared.
    await Promise.allSettled(call.channels.map((channel) => log.subscribe(channel)));
    if (follower.name !== undefined) this.#back(follower.name);
    return true;
  }

  async #hold(follower: Follower, log: LmdbLog): Promise<true> {
    follower.hold?.release();
    follower.hold = await log.holdJournal();
    if (!this.#followers.has(follower)) follower.hold.release();
    return true;
  }

  #back(name: string): void {
    if (this.#expected.delete(name) && this.#expected.size === 0) this.#allBack();
  }

  #allBack(): void {
    this.#expected.clear();
    for (const resolve of this.#onAllBack.splice(0)) resolve();
  }

  #left(follower: Follower): void {
    this.#followers.delete(follower);
    this.#counts.drop(follower.taken);
    follower.hold?.release();
    if (this.#log !== undefined && follower.name !== undefined) this.#back(follower.name);
    for (const channel of [...follower.channels]) this.#unsubscribe(follower, channel).catch(() => {});
    this.#onProgress?.();
    this.#tellFollowers();
    this.#tellLeft(follower);
  }

  /** Others need not wait until its node has been silent for long. */
  #tellLeft({ node }: Follower): void {
    if (node === undefined || this.#isClosing) return;
    // It has come back already, on another connection.
    for (const other of this.#followers) if (other.node === node) return;
    this.#options.onNodeLost(node);
    const frame = encodeFrame(kinds.left, 0, { node });
    for (const { link, node: other } of this.#followers) if (other !== undefined) link.send(frame);
  }

  #noticeOpening(follower: Follower): void {
    if (this.#log !== undefined || !this.#followers.has(follower)) return;
    follower.link.send(encodeFrame(kinds.opening, 0, {}));
    this.#after(openingNoticeMs, () => this.#noticeOpening(follower));
  }

  #after(ms: number, run: () => void): void {
    const cancel = this.#options.clock.setTimer(() => {
      this.#cancelTimers.delete(cancel);
      run();
    }, ms);
    this.#cancelTimers.add(cancel);
  }
}

function isSame(given: unknown, key: string): boolean {
  const [a, b] = [Buffer.from(String(given)), Buffer.from(key)];
  return a.length === b.length && timingSafeEqual(a, b);
}
