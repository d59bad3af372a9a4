/** One user, whatever the transport: a position in the channel, the messages that came, and coming back after a loss. */

import type { Socket } from "node:net";
import { findEpoch, scanMessages } from "../load/payload.js";
import { SequenceCheck } from "../load/sequence-check.js";
import { openSocket } from "../node/http-exchange.js";
import { type HttpEvents, HttpReader } from "../node/http-reader.js";
import type { RequestText } from "../node/request-text.js";
import type { Tally } from "../traffic.js";

export const labChannel = "lab";

/** What users of a run share. */
export interface UserContext {
  readonly port: number;
  readonly tally: Tally;
  readonly requests: RequestText;
  readonly intervalMs: number;
  readonly waitMs: number;
  readonly random: () => number;
  /** For each publication that reaches a user for the first time. */
  readonly onDelivery: (sequence: number) => void;
}

const firstBackoffMs = 50;
const maxBackoffMs = 1000;
/** An SDK would retry forever; a run should end. */
const maxAttempts = 60;

export abstract class VirtualUser {
  readonly check = new SequenceCheck();
  isOpen = false;
  protected readonly context: UserContext;
  protected isEnding = false;
  protected epoch: string | undefined;
  protected offset = 0;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #onOpen: (() => void) | undefined;

  constructor(context: UserContext) {
    this.context = context;
  }

  /** Resolves when the user is connected for the first time, or ended first. */
  open(): Promise<void> {
    return new Promise((resolve) => {
      this.#onOpen = resolve;
      this.connect();
    });
  }

  end(): void {
    this.isEnding = true;
    clearTimeout(this.#timer);
    this.#onOpen?.();
    this.disconnect();
  }

  /** Connects, from the position where there is one. Leads to `opened` or `lost`. */
  protected abstract connect(): void;

  /** Releases everything at once. */
  protected abstract disconnect(): void;

  protected get position(): string | undefined {
    return this.epoch === undefined ? undefined : `${this.epoch}:${this.offset}`;
  }

  protected opened(): void {
    if (this.isOpen) this.context.tally.reconnects++;
    this.isOpen = true;
    this.#attempts = 0;
    this.#onOpen?.();
    this.#onOpen = undefined;
  }

  /** The connection is gone, and the user did not close it. */
  protected lost(reason: string): void {
    if (this.isEnding) return;
    const { tally, random } = this.context;
    if (this.isOpen) tally.cuts++;
    else tally.recordError(`a user could not connect: ${reason}`);
    this.#attempts++;
    if (this.#attempts > maxAttempts) {
      this.fail(`a user gave up after ${maxAttempts} attempts: ${reason}`);
      return;
    }
    const backoffMs = Math.min(maxBackoffMs, firstBackoffMs * 2 ** this.#attempts) * (0.5 + random() / 2);
    this.later(backoffMs, () => this.connect());
  }

  /** Gives up: what came makes no sense. */
  protected fail(message: string): void {
    if (this.isEnding) return;
    this.context.tally.recordError(message);
    this.end();
  }

  /** Replaces what was planned before. */
  protected later(milliseconds: number, run: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, milliseconds);
  }

  /**
   * Reads whole messages: their numbers, and the position they end at.
   * @returns how many publications there were
   */
  protected take(text: string): number {
    let count = 0;
    const { tally, onDelivery } = this.context;
    const offset = scanMessages(text, (sequence) => {
      count++;
      tally.deliveries++;
      if (this.check.take(sequence) !== "duplicate") onDelivery(sequence);
    });
    this.epoch ??= findEpoch(text);
    if (offset !== undefined && offset > this.offset) this.offset = offset;
    return count;
  }

  /** A line of the client protocol. @param isReply whether it is the reply to the subscription */
  protected takeLine(line: string, isReply: boolean): void {
    if (isReply && this.epoch !== undefined) this.checkRecovered(line);
    this.take(line);
    if (isReply) this.opened();
  }

  /** Records an error where the server could not continue from the user's position: messages are lost. */
  protected checkRecovered(text: string): void {
    if (text.includes('"recovered":false'))
      this.context.tally.recordError(`the server could not recover from ${this.position ?? "the start"}`);
  }
}

/** A user with one connection of its own, on which one response is read: a stream's, or an upgrade's. */
export abstract class ConnectedUser extends VirtualUser {
  #socket: Socket | undefined;

  /** Connects, to send one request. What is wrong with the response is recorded, and ends the connection. */
  protected openConnection(events: HttpEvents): Socket {
    const { port, tally } = this.context;
    const reader = new HttpReader(events);
    const socket = openSocket(
      { port },
      {
        onBytes: (buffer, length) => {
          try {
            reader.read(buffer.subarray(0, length));
          } catch (error) {
            tally.recordError((error as Error).message);
            socket.destroy();
          }
        },
        onClose: (reason) => {
          if (this.#socket === socket) this.lost(reason);
        },
      },
    );
    this.#socket = socket;
    tally.watch(socket);
    tally.requests++;
    return socket;
  }

  protected override disconnect(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }
}

/** What an SDK sends first: connect and subscribe in one message. */
export function openingCommands(epoch: string | undefined, offset: number): string {
  const place = epoch === undefined ? {} : { recover: true, epoch, offset };
  const subscribe = { channel: labChannel, recoverable: true, positioned: true, ...place };
  return `{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe })}`;
}

export const pong = "{}";

export function isPing(line: string): boolean {
  return line === "{}";
}

/** @throws Error where the server refuses, or ends the connection */
export function isSubscribeReply(line: string): boolean {
  if (line.includes('"error":{')) throw new Error(`the server refused a command: ${line.slice(0, 200)}`);
  if (line.includes('"push":{"disconnect"')) throw new Error(`the server disconnects: ${line.slice(0, 200)}`);
  return line.startsWith('{"id":2,"subscribe"');
}
