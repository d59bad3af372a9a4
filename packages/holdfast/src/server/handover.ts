/**
 * Gives open WebSockets to another process of the same server, which has started as one more node on the same store: first the names of
 * the channels, so that it follows them and misses nothing of what keeps no history; then connection by connection, each between two
 * frames and between two commands. How messages and handles get there is the link's.
 */
import type { Broker } from "../channels/broker.js";
import type { Channel } from "../channels/channel.js";
import type { Channels } from "../channels/channels.js";
import { HoldfastError } from "../errors.js";
import {
  isPlain,
  type PassedConnection,
  type PassedSession,
  type SessionSnapshot,
} from "../sessions/handover.js";
import type { SessionRegistry } from "../sessions/registry.js";
import type { Session } from "../sessions/session.js";
import type { HttpFront } from "../sockets/http-front.js";
import { closeHandle } from "../sockets/passed-socket.js";
import { systemClock } from "../sockets/system-clock.js";
import type { Clock } from "../time/clock.js";
import type { WebSocketListener } from "../transports/websocket-transport.js";
import type { AdminServer } from "./admin-server.js";

/** Said between two processes. The handle of a connection comes with its message. */
export type HandoverMessage =
  | { readonly handover: "channels"; readonly names: readonly string[] }
  | { readonly handover: "opened" }
  | {
      readonly handover: "session";
      readonly snapshot: SessionSnapshot;
      readonly connection: Omit<PassedConnection, "handle">;
    }
  | { readonly handover: "adopted" }
  | { readonly handover: "end" }
  /** Every node knows where the clients are now, so that the end of the old node is the end of none. */
  | { readonly handover: "settled" };

/** A connection to the other process. Messages keep their order. */
export interface HandoverLink {
  /** Whether the other process is gone. */
  readonly isClosed: boolean;
  /** Set once, before anything is sent. */
  onMessage: (message: HandoverMessage, handle: object | undefined) => void;
  /** Resolves when the other process has the handle, or the message is on its way. */
  send(message: HandoverMessage, handle?: object): Promise<void>;
}

/** Listening sockets, by what they are for, as Node.js passes them between processes. */
export interface ListeningHandles {
  readonly server?: object | undefined;
  /** Of `adminPort`. */
  readonly admin?: object | undefined;
}

/** Connections on their way: each is served by nobody meanwhile. */
const maxOnTheirWay = 32;
/** How long a connection may be in the middle of something; then it stays. */
const busyTimeoutMs = 5000;
/** How long the other process may say nothing while it is waited for. */
const silenceTimeoutMs = 30_000;
const pollMs = 10;
/** Connections between turns of others. */
const perTurn = 8;
const namesPerMessage = 5000;

export interface HandoverParts {
  readonly handler: SessionRegistry;
  readonly channels: Channels;
  readonly listener: WebSocketListener;
  /** Undefined before it listens. */
  readonly front: () => HttpFront | undefined;
  readonly admin: AdminServer | undefined;
  readonly broker: Pick<Broker, "cluster">;
  /** Whether requests that come on open connections should go to the other process next time. */
  readonly onLeaving: (isLeaving: boolean) => void;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** One server's part, on either side. */
export class Handover {
  readonly #parts: HandoverParts;

  constructor(parts: HandoverParts) {
    this.#parts = parts;
  }

  /** For the other process to accept connections, too. Those that cannot be shared are missing. */
  get listeningHandles(): ListeningHandles {
    const { front, admin } = this.#parts;
    return { server: front()?.handle, admin: admin?.handle };
  }

  /**
   * Gives clients to the other process without their noticing. What is left has to be drained.
   * @returns how many it has given
   * @throws HF_SERVER_STATE if the other process ends before; then this one goes on with the clients that are left
   */
  async give(link: HandoverLink): Promise<number> {
    const { handler, front, onLeaving } = this.#parts;
    onLeaving(true);
    const parts = { ...this.#parts, clock: systemClock, stopListening: () => front()?.stopListening() };
    try {
      return await new Leaving(link, parts).run();
    } catch (error) {
      onLeaving(false);
      throw error;
    } finally {
      for (const session of handler.all()) session.keep();
    }
  }

  /** Takes clients of the other process from now on. */
  take(link: HandoverLink): void {
    takeOver(link, this.#parts);
  }
}

interface LeavingParts extends Pick<HandoverParts, "handler" | "channels" | "onError"> {
  readonly clock: Clock;
  /** Accepts no more connections; the other process does. */
  readonly stopListening: () => void;
}

class Leaving {
  readonly #link: HandoverLink;
  readonly #parts: LeavingParts;
  #isOpened = false;
  #isSettled = false;
  #onTheirWay = 0;
  #passed = 0;
  /** When the other process has last said something. */
  #heardAt = 0;
  #onProgress: () => void = () => {};

  constructor(link: HandoverLink, parts: LeavingParts) {
    this.#link = link;
    this.#parts = parts;
    link.onMessage = ({ handover }) => {
      if (handover === "opened") this.#isOpened = true;
      else if (handover === "adopted") this.#onTheirWay--;
      else if (handover === "settled") this.#isSettled = true;
      this.#heardAt = parts.clock.elapsed();
      this.#onProgress();
    };
  }

  async run(): Promise<number> {
    const { channels, clock, stopListening, onError } = this.#parts;
    const names = [...channels.all()].map(({ name }) => name);
    do await this.#link.send({ handover: "channels", names: names.splice(0, namesPerMessage) });
    while (names.length > 0);
    await this.#until(() => this.#isOpened);
    await this.#passAll(clock.elapsed() + busyTimeoutMs);
    stopListening();
    try {
      // Those that were just connecting.
      await this.#passAll(clock.elapsed() + busyTimeoutMs);
      await this.#until(() => this.#onTheirWay === 0);
      await this.#link.send({ handover: "end" });
      await this.#until(() => this.#isSettled);
    } catch (error) {
      // There is no way back: another process will be started, and what is left here is drained.
      onError(error, { stage: "handing connections over" });
    }
    return this.#passed;
  }

  async #passAll(endsAt: number): Promise<void> {
    const { handler, clock } = this.#parts;
    for (;;) {
      let isWaiting = false;
      let turn = 0;
      for (const session of handler.all()) {
        if (!canPassOn(session)) continue;
        const passed = session.passOn();
        if (passed === undefined) {
          isWaiting = true;
          continue;
        }
        this.#pass(passed);
        if (++turn % perTurn === 0) await sleep(0);
        await this.#until(() => this.#onTheirWay < maxOnTheirWay);
      }
      if (!isWaiting || clock.elapsed() >= endsAt) return;
      await sleep(pollMs);
    }
  }

  #pass({ snapshot, connection: { handle, ...connection } }: PassedSession): void {
    this.#onTheirWay++;
    this.#passed++;
    this.#link.send({ handover: "session", snapshot, connection }, handle as object).then(
      () => closeHandle(handle as object),
      // The other process is gone, and so is the client, which reconnects.
      () => closeHandle(handle as object),
    );
  }

  async #until(isDone: () => boolean): Promise<void> {
    const { clock } = this.#parts;
    const since = clock.elapsed();
    while (!isDone()) {
      if (this.#link.isClosed)
        throw new HoldfastError("HF_SERVER_STATE", "the new version ended while it took over connections");
      if (clock.elapsed() - Math.max(since, this.#heardAt) > silenceTimeoutMs)
        throw new HoldfastError(
          "HF_SERVER_STATE",
          `the new version did not take over connections within ${silenceTimeoutMs / 1000} seconds`,
        );
      await new Promise<void>((resolve) => {
        this.#onProgress = resolve;
        setTimeout(resolve, pollMs);
      });
    }
  }
}

/** Not by the server's clock, whose timers wait for input when they are late: connections on their way are waiting for these. */
function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}

function canPassOn({ transport, client, channels }: Session): boolean {
  return transport.canBePassedOn === true && !channels.hasPolls && isPlain(client.identity);
}

function takeOver(
  link: HandoverLink,
  {
    broker,
    channels,
    listener,
    onError,
  }: Pick<HandoverParts, "broker" | "channels" | "listener" | "onError">,
): void {
  const held: Channel[] = [];
  const fail = (error: unknown) => onError(error, { stage: "taking over connections" });
  const open = async (names: readonly string[]) => {
    const opened = await Promise.allSettled(names.map((name) => channels.acquire(name)));
    for (const each of opened)
      if (each.status === "fulfilled") held.push(each.value);
      else fail(each.reason);
    await link.send({ handover: "opened" });
  };
  const adopt = async (passed: PassedSession) => {
    await listener.adopt(passed).catch(fail);
    await link.send({ handover: "adopted" });
  };
  const settle = async () => {
    for (const channel of held.splice(0)) channels.release(channel);
    // Messages keep their order: who answers this has read who has moved.
    await broker.cluster.send({ kind: "stats" }).catch(fail);
    await link.send({ handover: "settled" });
  };
  link.onMessage = (message, handle) => {
    if (message.handover === "channels") open(message.names).catch(fail);
    else if (message.handover === "session") {
      const { snapshot, connection } = message;
      // Without a handle, the client is gone.
      if (handle === undefined) link.send({ handover: "adopted" }).catch(fail);
      else adopt({ snapshot, connection: { ...connection, handle } }).catch(fail);
    } else if (message.handover === "end") settle().catch(fail);
  };
}
