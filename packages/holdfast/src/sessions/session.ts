/**
 * One client, whatever its transport: takes its commands in order, answers them, reads its channels, and keeps the
 * line alive. Bounded in commands under way, in bytes that wait for the peer, and in time.
 */
import { maxBatchBytes } from "../channels/batches.js";
import type { Subscription } from "../channels/channel.js";
import type { Encoding, Framed, Reader } from "../channels/reader.js";
import { InputRate } from "../time/input-rate.js";
import type { Codec, Encoded } from "../wire/codec.js";
import { type Disconnect, disconnect, replyError } from "../wire/codes.js";
import type { ClientInfo, Command, Push, Reply } from "../wire/messages.js";
import type { Payload } from "../wire/payload.js";
import { type Actor, toActor } from "./application.js";
import { CommandQueue } from "./command-queue.js";
import type { SessionContext } from "./context.js";
import { type Holder, Outbox } from "./flow-control.js";
import { type Identity, ownerOf } from "./identity.js";
import { Expiry, Keepalive } from "./keepalive.js";
import type { Publisher } from "./publishing.js";
import { SessionChannels } from "./session-channels.js";
import type { OnReply, Transport, TransportEvents } from "./transport.js";
import { costOfAnswer, costOfInput } from "./work.js";

/** What a session tells the table it stands in. */
export interface SessionOwner {
  /** Whether one more connection of the user may be there. */
  hasRoomFor(user: string): boolean;
  /** It is known who it is. */
  identified(session: Session): void;
  ended(session: Session): void;
}

const anonymous: Identity = Object.freeze({ user: "" });

export class Session implements Reader, TransportEvents, Holder {
  readonly id: string;
  readonly transport: Transport;
  readonly channels: SessionChannels;
  readonly encoding: Encoding;
  /** Unix milliseconds. */
  readonly openedAt: number;
  readonly #context: SessionContext;
  readonly #owner: SessionOwner;
  readonly #outbox: Outbox;
  readonly #commands: CommandQueue;
  readonly #keepalive: Keepalive;
  readonly #inputRate: InputRate | undefined;
  #info: ClientInfo;
  #identity: Identity = anonymous;
  #chargedTo = "";
  /** Made when it is asked for. */
  #actor: Actor | undefined;
  /** By id of a command that did not come as a frame. */
  #onReplies: Map<number, OnReply> | undefined;
  #expiry: Expiry | undefined;
  #isAdmitted = false;
  #isGreeted = false;
  #writtenBytes = 0;
  #isFull = false;
  #isHeldUp = false;
  #isEnded = false;

  constructor(transport: Transport, context: SessionContext, owner: SessionOwner) {
    this.id = context.createId();
    this.transport = transport;
    this.encoding = transport.encoding;
    this.openedAt = context.clock.now();
    this.#context = context;
    this.#owner = owner;
    this.#info = { user: "", client: this.id };
    this.channels = new SessionChannels(this, context);
    this.#outbox = new Outbox(transport.encoding);
    this.#commands = new CommandQueue(this, context);
    this.#keepalive = new Keepalive(this, context);
    const { bytesPerSecond: perSecond, byteBurst: burst } = context.limits;
    if (perSecond !== null) this.#inputRate = new InputRate(this, { perSecond, burst, clock: context.clock });
  }

  get user(): string {
    return this.#info.user;
  }

  /** What was done for the client, in work units. */
  charge(units: number): void {
    this.#commands.charge(units);
  }

  get clientInfo(): ClientInfo {
    return this.#info;
  }

  /** What is known of who is behind it; channels that came with it are left out. */
  get identity(): Identity {
    return this.#identity;
  }

  get actor(): Actor {
    this.#actor ??= toActor(this.id, this.#identity);
    return this.#actor;
  }

  /** Reader: whom it is charged to what the client takes up. */
  get owner(): string {
    return this.#chargedTo;
  }

  /** The client as one that publishes in a channel. */
  publisherIn(channel: string): Publisher {
    const { channels, actor, owner } = this;
    return { actor, owner, info: channels.infoIn(channel), isSubscribed: channels.has(channel) };
  }

  /** The connect command has been accepted. */
  get isAdmitted(): boolean {
    return this.#isAdmitted;
  }

  /** The connect command has come, and is at work. */
  get isConnecting(): boolean {
    return this.#commands.isConnectUnderWay && !this.#isAdmitted;
  }

  /** The connect command has come, whatever has become of it. */
  get hasAskedToConnect(): boolean {
    return this.#commands.hasConnectStarted;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether the transport still holds bytes that the operating system has not taken. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Whether nothing more is read from the peer, until its commands are dealt with or its answers are read. */
  get isHeldUp(): boolean {
    return this.#isHeldUp;
  }

  /** Whether the peer's input was throttled since the last call. Resets it. */
  consumeThrottled(): boolean {
    const wasThrottledHere = this.#inputRate?.takeHasHeldUp() ?? false;
    const wasThrottledBelow = this.transport.consumeThrottled?.() ?? false;
    return wasThrottledHere || wasThrottledBelow;
  }

  /** Reader: more is taken only when what was written has left, so a slow peer is behind instead of queued for. */
  get isReady(): boolean {
    return this.#isAdmitted && !this.#isFull && !this.#isEnded && this.#outbox.size < maxBatchBytes;
  }

  get subscriptions(): Iterable<Subscription> {
    return this.channels.subscriptions();
  }

  /** Bytes that the operating system has taken so far. Grows as long as the peer reads. */
  get takenBytes(): number {
    return this.#writtenBytes - this.transport.unsentBytes;
  }

  /** Bytes held for the peer. */
  get unsentBytes(): number {
    return this.#outbox.size + this.transport.unsentBytes;
  }

  /** Whether the user may have this connection beside those there are. */
  hasRoomAs(user: string): boolean {
    return this.#owner.hasRoomFor(user);
  }

  /** It is known who it is, and where it comes from; nothing is delivered before it is admitted. */
  identify(identity: Identity, address: string): void {
    const { subscriptions, ...rest } = identity;
    const { user, info } = rest;
    this.#chargedTo = ownerOf(user, this.#context.addressKey?.(address) ?? address);
    this.#identity = rest;
    this.#actor = undefined;
    this.#info = { user, client: this.id, ...(info !== undefined && { connInfo: info }) };
    if (!this.#isEnded) this.#owner.identified(this);
  }

  /** The application has said its welcome, and is told of the end, also where that has come meanwhile. */
  noteGreeted(): void {
    this.#isGreeted = true;
    if (this.#isEnded) this.#tellApplication();
  }

  /** The reply to connect is next. Without effect on a session that has ended while it was found out who it is. */
  admit(): void {
    if (this.#isEnded) return;
    this.#isAdmitted = true;
    this.#keepalive.start();
    this.#expire();
    if (this.channels.count > 0) this.#context.delivery.resume(this);
  }

  /** The client has shown a newer token, which says all anew but who it is. */
  renewIdentity(identity: Identity): void {
    if (this.#isEnded) return;
    const { subscriptions, ...rest } = identity;
    this.#identity = { ...rest, user: this.user };
    this.#actor = undefined;
    const { info } = rest;
    this.#info = { user: this.user, client: this.id, ...(info !== undefined && { connInfo: info }) };
    this.#expire();
  }

  /** The server's side says how things are now. */
  renew(expiresAt: number | undefined, info?: Payload): void {
    if (this.#isEnded) return;
    const { expiresAt: before, ...identity } = this.#identity;
    this.#identity = {
      ...identity,
      ...(expiresAt !== undefined && { expiresAt }),
      ...(info !== undefined && { info }),
    };
    this.#actor = undefined;
    if (info !== undefined) this.#info = { ...this.#info, connInfo: info };
    this.#expire();
  }

  receive(frame: Encoded): void {
    if (this.#isEnded) return;
    this.#inputRate?.receive(frame.length);
    this.#commands.chargeInput(costOfInput(frame.length));
    try {
      const { commands, fault } = this.#codec.decode(frame);
      this.#commands.add(commands, fault);
      this.#holdUpOrGoOn();
    } catch (error) {
      this.#fail(error);
    }
  }

  execute(command: Command, onReply?: OnReply): void {
    if (this.#isEnded) return;
    try {
      if (onReply !== undefined && "id" in command) {
        this.#onReplies ??= new Map();
        this.#onReplies.set(command.id, onReply);
      }
      this.#commands.add([command]);
      this.#holdUpOrGoOn();
    } catch (error) {
      this.#fail(error);
    }
  }

  receivePong(): void {
    this.#keepalive.receivePong();
  }

  send(reply: Reply): void {
    const message = this.#encodeReply(reply);
    if (message === undefined) return;
    this.charge(costOfAnswer(message.length));
    this.#say(message);
  }

  sendPush(push: Push): void {
    if (this.transport.translate) this.#acknowledge(this.transport.translate(push));
    else this.#say(this.encoding.codec.encodePush(push));
  }

  sendPing(): void {
    if (this.transport.hasOwnPings) this.transport.sendPing?.();
    else this.#say(this.encoding.codec.encodePing());
  }

  sendError(id: number, name: Parameters<typeof replyError>[0], detail?: string): void {
    this.send({ id, error: replyError(name, detail) });
  }

  push(framed: Framed): void {
    if (this.#isEnded) return;
    this.#touch();
    this.#outbox.addFramed(framed);
  }

  flush(): void {
    if (this.#isEnded || this.#isFull || this.#outbox.isEmpty) return;
    const wasHeldBack = this.#outbox.size >= maxBatchBytes;
    this.#writeOutbox();
    if (wasHeldBack && !this.#isFull) this.#context.delivery.resume(this);
    this.#holdUpOrGoOn();
  }

  onGap(subscription: Subscription): void {
    this.channels.onGap(subscription);
  }

  drained(): void {
    if (this.#isEnded) return;
    this.#isFull = false;
    this.#keepalive.noteDrained();
    this.flush();
    if (!this.#isFull) {
      this.#context.held.set(this, 0);
      this.#context.delivery.resume(this);
    }
    this.#holdUpOrGoOn();
  }

  /** A command has been dealt with: the next may start, and reading may go on. */
  commandDone(): void {
    this.#holdUpOrGoOn();
  }

  /** What had come too fast is paid off. */
  inputCaughtUp(): void {
    this.#holdUpOrGoOn();
  }

  close(reason: Disconnect): void {
    if (this.#isEnded) return;
    if (!this.#isFull && !this.#outbox.isEmpty) this.#writeOutbox();
    this.#end();
    this.transport.close(reason);
  }

  closed(): void {
    this.#end();
  }

  /** Holder. */
  cut(): void {
    this.#end();
    this.transport.destroy();
  }

  #writeOutbox(): void {
    const parts = this.#outbox.take();
    for (const part of parts) this.#writtenBytes += part.length;
    this.transport.write(parts);
    this.#isFull = this.transport.unsentBytes > 0;
    if (this.#isFull) this.#context.held.set(this, this.unsentBytes);
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#isFull) this.#context.held.set(this, 0);
    this.#commands.end();
    this.#inputRate?.stop();
    this.#keepalive.stop();
    this.#expiry?.stop();
    this.channels.end();
    this.#outbox.take();
    this.#owner.ended(this);
    if (this.#isGreeted) this.#tellApplication();
  }

  #tellApplication(): void {
    try {
      this.#context.application.onDisconnect?.(this.actor);
    } catch (error) {
      this.#context.onError(error, { stage: "onDisconnect" });
    }
  }

  #expire(): void {
    const { expiresAt } = this.#identity;
    if (expiresAt === undefined && this.#expiry === undefined) return;
    this.#expiry ??= new Expiry(this.#context, () => this.close(disconnect("connectionExpired")));
    this.#expiry.set(expiresAt);
  }

  get #codec(): Codec {
    const { codec } = this.transport;
    if (codec === undefined)
      throw new Error(`the transport ${this.transport.name} has no codec of the protocol`);
    return codec;
  }

  #encodeReply(reply: Reply): Encoded | undefined {
    const onReply = this.#onReplies?.get(reply.id);
    if (onReply === undefined)
      return this.transport.translate ? this.transport.translate(reply) : this.#codec.encodeReply(reply);
    this.#onReplies?.delete(reply.id);
    return onReply(reply);
  }

  /** Whatever one client can bring about must not end the process, and all others with it. */
  #fail(error: unknown): void {
    this.#context.onError(error, { stage: "taking a client's commands" });
    this.close(disconnect("internalError"));
  }

  #acknowledge(message: Encoded | undefined): void {
    if (message !== undefined) this.#say(message);
  }

  #say(message: Encoded): void {
    if (this.#isEnded) return;
    this.#touch();
    this.#outbox.addMessage(message);
    if (this.#isFull) this.#context.held.set(this, this.unsentBytes);
  }

  #touch(): void {
    // While full, the rest goes out when the transport has drained.
    if (this.#outbox.isEmpty && !this.#isFull) this.#context.delivery.flushLater(this);
  }

  /** A peer that does not read its answers, or asks faster than it is answered, is held up by its own connection. */
  #holdUpOrGoOn(): void {
    if (this.#isEnded) return;
    const canGoOn = this.unsentBytes <= this.#context.limits.maxUnsentBytes;
    if (canGoOn) this.#commands.run();
    if (this.#isEnded) return;
    const isHeldUp =
      !canGoOn ||
      this.#commands.hasWaiting ||
      this.#commands.isInputOwed ||
      (this.#inputRate?.isOver ?? false);
    if (isHeldUp === this.#isHeldUp) return;
    this.#isHeldUp = isHeldUp;
    if (isHeldUp) this.transport.pauseReading();
    else this.transport.resumeReading();
  }
}
