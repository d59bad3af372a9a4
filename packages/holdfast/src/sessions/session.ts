/**
 * One client, whatever its transport: runs its commands in order, reads its channels, and keeps the connection alive. Its parts own
 * their state and decide; the session acts on its transport and on the node. Bounded in commands in flight, in bytes that wait for
 * the peer, and in time.
 */
import type { Encoding, Framed } from "../channels/batches.js";
import type { Reader, Subscription } from "../channels/channel.js";
import type { ConnectionMeter } from "../observe/meters.js";
import type { DeadlineHolder } from "../time/deadlines.js";
import { InputRate } from "../time/token-bucket.js";
import type { Codec, Encoded } from "../wire/codec.js";
import { type Disconnect, disconnect, disconnectTable } from "../wire/codes.js";
import type { Command, Push, Reply, Request } from "../wire/messages.js";
import type { JsonText } from "../wire/payload.js";
import { notifyDisconnected } from "./application.js";
import { CommandQueue, runCommand, runMessage, type Step } from "./commands.js";
import { type ClientOrigin, ConnectionTrace } from "./connection-trace.js";
import type { SessionContext } from "./context.js";
import { FlowControl } from "./flow-control.js";
import { findFault, type PassedSession, type SessionSnapshot, snapshotOf } from "./handover.js";
import { type ClientIdentity, type Identity, ownerOf, toClientIdentity } from "./identity.js";
import {
  connectTimeoutReason,
  Expiry,
  Keepalive,
  type KeepaliveWait,
  type SessionState,
} from "./keepalive.js";
import type { SessionRegistry } from "./registry.js";
import { SessionChannels } from "./session-channels.js";
import { type OnReply, PendingReplies, type Transport, type TransportEvents } from "./transport.js";
import { costOfAnswer, costOfInput } from "./work.js";

export class Session implements Reader, TransportEvents, DeadlineHolder {
  readonly id: string;
  readonly transport: Transport;
  readonly channels: SessionChannels;
  readonly trace: ConnectionTrace;
  readonly encoding: Encoding;
  /** Unix milliseconds. */
  readonly openedAt: number;
  dueTick = 0;
  readonly #context: SessionContext;
  readonly #registry: SessionRegistry;
  readonly #commands: CommandQueue;
  readonly #flow: FlowControl;
  readonly #keepalive: Keepalive;
  readonly #inputRate: InputRate | undefined;
  readonly #meter: ConnectionMeter;
  #state: SessionState = "opened";
  /** Nothing more is read, since another process will go on. */
  #isLeaving = false;
  #client: ClientIdentity;
  #expiry: Expiry | undefined;
  #replies: PendingReplies | undefined;

  /** @param origin of a session that another process began */
  constructor(
    transport: Transport,
    context: SessionContext,
    registry: SessionRegistry,
    origin?: Pick<SessionSnapshot, "client" | "openedAt">,
  ) {
    const { clock, deadlines, limits, times } = context;
    this.id = origin?.client ?? context.createId();
    this.transport = transport;
    this.encoding = transport.encoding;
    this.openedAt = origin?.openedAt ?? clock.now();
    this.#context = context;
    this.#registry = registry;
    this.#client = toClientIdentity(this.id, anonymous, "");
    this.trace = new ConnectionTrace(context);
    this.channels = new SessionChannels(this, context);
    this.#flow = new FlowControl(transport.encoding, limits.maxUnsentBytes);
    this.#commands = new CommandQueue(context, this);
    this.#keepalive = new Keepalive(times);
    this.#meter = context.meters.ofConnection(transport.name, transport.encoding.codec.name);
    this.#meter.connectionOpened();
    const { bytesPerSecond: perSecond, byteBurst: burst } = limits;
    const owner = { inputCaughtUp: () => this.runCommands() };
    if (perSecond !== null) this.#inputRate = new InputRate(owner, { perSecond, burst, clock });
    deadlines.set(this, times.connectTimeoutMs);
  }

  get user(): string {
    return this.#client.identity.user;
  }

  get client(): ClientIdentity {
    return this.#client;
  }

  /** Reader: who is charged for the client. */
  get owner(): string {
    return this.#client.owner;
  }

  get state(): SessionState {
    return this.#state;
  }

  get isConnected(): boolean {
    return this.#state === "connected";
  }

  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** Whether reading from the peer is paused, until its commands are done or it has read its answers. */
  get isReadPaused(): boolean {
    return this.#flow.isReadPaused;
  }

  /** Whether bytes wait for the peer, or its input waits here. */
  get isBusy(): boolean {
    return this.#flow.isFull || this.#flow.isReadPaused;
  }

  /** Reader: takes more only when everything written has left, so that a slow peer lags instead of filling a queue. */
  get isReady(): boolean {
    return this.#state === "connected" && !this.#flow.isFull && !this.#flow.isBehind;
  }

  get subscriptions(): Iterable<Subscription> {
    return this.channels.subscriptions();
  }

  /** Bytes held for the peer. */
  get unsentBytes(): number {
    return this.#flow.size + this.transport.unsentBytes;
  }

  /** What was done for the client, in work units. */
  charge(units: number): void {
    this.#commands.charge(units);
  }

  /** Whether the user may have this connection beside the ones there are; a promise where nodes have to agree. */
  canConnectAs(user: string): boolean | Promise<boolean> {
    return this.#registry.makeRoomFor(user, this);
  }

  /** Sets who the client is and where it comes from. Nothing is delivered before it is connected. */
  identify(identity: Identity, origin: ClientOrigin): void {
    const { address } = origin;
    const owner = ownerOf(identity.user, this.#context.addressKey?.(address) ?? address);
    this.#client = toClientIdentity(this.id, identity, owner);
    this.#commands.identify(identity.user);
    this.trace.identified(this, origin);
    if (!this.isEnded) this.#registry.identified(this);
  }

  /** The application has accepted the client, and is told when the session ends, even if it has ended meanwhile. */
  markWelcomed(): void {
    if (this.isEnded) notifyDisconnected(this.#context, this.#client.actor);
    else this.#state = "welcomed";
  }

  /** The connect reply is sent next. Has no effect if the session ended during authentication. */
  markConnected(): void {
    if (this.isEnded) return;
    this.#state = "connected";
    this.trace.record({ kind: "connected" });
    this.#context.deadlines.set(this, this.#keepalive.start(this.#context.random(), this.#takenBytes));
    this.#expire();
    if (this.channels.count > 0) this.#context.delivery.resume(this);
  }

  /** Goes on with what another process began, or closes; the client reconnects then. @throws what the broker throws */
  async restore(snapshot: SessionSnapshot): Promise<void> {
    const { identity, owner, awaitsPong, channels, node, origin } = snapshot;
    this.#client = toClientIdentity(this.id, identity, owner);
    this.#commands.identify(identity.user);
    this.trace.identified(this, origin);
    this.#registry.identified(this);
    this.#state = "welcomed";
    const fault = findFault(snapshot, this.#context) ?? (await this.channels.restore(channels, node));
    if (fault !== undefined) this.close(fault);
    if (this.isEnded) return;
    this.markConnected();
    const dueMs = this.#keepalive.resume(this.#context.random(), this.#takenBytes, awaitsPong);
    this.#context.deadlines.set(this, dueMs);
  }

  /** Gives the client to another process, unless something is pending; then nothing more is read until the next attempt, or `keep`. */
  passOn(): PassedSession | undefined {
    if (!this.isConnected) return undefined;
    this.flush();
    const isIdle = this.#flow.isEmpty && this.#commands.isIdle && this.#replies?.isEmpty !== false;
    const isRead = !this.#inputRate?.isThrottled && this.channels.isIdle;
    const connection = isIdle && isRead ? this.transport.passOn?.() : undefined;
    if (connection === undefined) {
      this.#isLeaving = this.transport.isMidMessage !== true;
      this.runCommands();
      return undefined;
    }
    const snapshot = snapshotOf(this, this.#keepalive, this.#context);
    this.channels.release();
    this.#release(0, "another process goes on with it");
    return { snapshot, connection };
  }

  /** It is not given to another process after all. */
  keep(): void {
    this.#isLeaving = false;
    this.runCommands();
  }

  /** Applies a newer token of the client, which may change everything but its user. */
  renewIdentity(identity: Identity): void {
    if (this.isEnded) return;
    this.#client = toClientIdentity(this.id, { ...identity, user: this.user }, this.owner);
    this.#expire();
  }

  /** Changes the client's expiry and info from the server's side. @param expiresAt Unix milliseconds; undefined for never */
  renew(expiresAt: number | undefined, info?: JsonText): void {
    const { expiresAt: before, ...identity } = this.#client.identity;
    this.renewIdentity({
      ...identity,
      ...(expiresAt !== undefined && { expiresAt }),
      ...(info !== undefined && { info }),
    });
  }

  /** TransportEvents. */
  receive(frame: Encoded): void {
    if (this.isEnded) return;
    this.#inputRate?.receive(frame.length);
    this.#meter.bytesReceived(frame.length);
    this.#commands.chargeInput(costOfInput(frame.length));
    try {
      const { commands, fault } = this.#codec.decode(frame);
      this.#commands.add(commands, fault);
      this.runCommands();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** TransportEvents. */
  execute(command: Command, onReply?: OnReply, inputLength = 0): void {
    if (this.isEnded) return;
    this.#commands.chargeInput(costOfInput(inputLength));
    this.#meter.bytesReceived(inputLength);
    try {
      this.#replies ??= new PendingReplies();
      this.#replies.expect(command, onReply);
      this.#commands.add([command]);
      this.runCommands();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** TransportEvents. An unsolicited pong is ignored. */
  receivePong(): void {
    if (!this.#keepalive.awaitsPong) return;
    this.#meter.pingAnswered(this.#keepalive.ponged(this.#context.clock.elapsed()));
    this.#wait("ping time");
  }

  /** TransportEvents. */
  drained(): void {
    if (this.isEnded) return;
    this.#flow.drained();
    if (this.#keepalive.drained()) this.#ping();
    this.flush();
    if (!this.#flow.isFull) {
      if (this.trace.isBehind) this.trace.findCaughtUp(this.subscriptions);
      this.#context.held.set(this, 0);
      this.#context.delivery.resume(this);
    }
    this.runCommands();
  }

  /** TransportEvents. */
  closed(): void {
    this.#end(0, "the client or the network ended it");
  }

  send(reply: Reply): void {
    if ("error" in reply) this.#context.meters.replyFailed(reply.error.code);
    const encode = (each: Reply) => this.#codec.encodeReply(each);
    const message = this.#replies ? this.#replies.encode(reply, encode) : encode(reply);
    if (message === undefined) return;
    this.charge(costOfAnswer(message.length));
    this.#queueMessage(message);
  }

  sendPush(push: Push): void {
    if (push.kind === "unsubscribe") this.#context.meters.unsubscribed(push.code);
    const { transport } = this;
    const message = transport.translate ? transport.translate(push) : this.encoding.codec.encodePush(push);
    if (message !== undefined) this.#queueMessage(message);
  }

  /** Reader. */
  push(framed: Framed): void {
    if (this.isEnded) return;
    this.#touch();
    this.#flow.addFramed(framed);
  }

  flush(): void {
    if (this.isEnded || this.#flow.isFull || this.#flow.isEmpty) return;
    const wasBehind = this.#flow.isBehind;
    this.#write();
    if (this.trace.isBehind && !this.#flow.isFull) this.trace.findCaughtUp(this.subscriptions);
    if (wasBehind && !this.#flow.isFull) this.#context.delivery.resume(this);
    this.runCommands();
  }

  /** Reader. */
  fellBehind(readsLog = false): void {
    this.trace.fellBehind(readsLog);
  }

  /** Reader. */
  onGap(subscription: Subscription, reason: string): void {
    this.channels.onGap(subscription, reason);
  }

  /** DeadlineHolder. */
  onDeadline(): void {
    this.channels.renewPresence();
    if (this.#state !== "connected") {
      this.close(connectTimeoutReason(this.#state, this.#context.times.connectTimeoutMs));
      return;
    }
    const next = this.#keepalive.next({
      takenBytes: this.#takenBytes,
      isFull: this.#flow.isFull,
      isThrottled: this.#consumeThrottled() || this.#flow.isReadPaused,
    });
    if (typeof next === "object") this.close(next);
    else if (next === "ping") this.#ping();
    else this.#wait(next);
  }

  close(reason: Disconnect): void {
    if (this.isEnded) return;
    const isWritable = !this.#flow.isFull || this.transport.lacksOnlyConfirmation === true;
    if (isWritable && !this.#flow.isEmpty) this.#write();
    this.#end(reason.code, reason.reason);
    this.transport.close(reason);
  }

  /** Ends the connection without another message, which the peer would not read. */
  terminate(): void {
    this.#context.meters.limitHit("maxHeldBytes");
    this.#end(disconnectTable.slow.code, "slow for longest while all held too much (maxHeldBytes)");
    this.transport.destroy();
  }

  get #takenBytes(): number {
    return this.#flow.takenBytes(this.transport.unsentBytes);
  }

  get #codec(): Codec {
    const { codec, name } = this.transport;
    if (codec === undefined) throw new Error(`the transport ${name} has no codec`);
    return codec;
  }

  #queueMessage(message: Encoded): void {
    if (this.isEnded) return;
    this.#touch();
    this.#flow.addMessage(message);
    if (this.#flow.isFull) this.#context.held.set(this, this.unsentBytes);
  }

  #touch(): void {
    // While full, the rest goes out when the transport has drained.
    if (this.#flow.isEmpty && !this.#flow.isFull) this.#context.delivery.flushLater(this);
  }

  #write(): void {
    const frame = this.#flow.take();
    if (frame !== undefined) {
      this.transport.write([frame.bytes], frame.isHandledAtOnce);
      this.#meter.bytesSent(frame.bytes.length);
    }
    this.#flow.written(this.transport.unsentBytes);
    if (!this.#flow.isFull) return;
    this.fellBehind();
    this.#context.held.set(this, this.unsentBytes);
  }

  /** Runs the commands that may start, then pauses or resumes reading. */
  runCommands(): void {
    while (!this.isEnded && this.#flow.canRunCommands(this.transport.unsentBytes)) {
      const step = this.#commands.next(this.#state);
      if (step === undefined) break;
      this.#take(step);
    }
    if (this.isEnded) return;
    const decision = this.#flow.decide(
      !this.#flow.canRunCommands(this.transport.unsentBytes) ||
        this.#commands.hasWaiting ||
        this.#commands.isInputOwed ||
        this.#isLeaving ||
        (this.#inputRate?.isThrottled ?? false),
    );
    if (decision === "pause") this.transport.pauseReading();
    else if (decision === "resume") this.transport.resumeReading();
  }

  #take(step: Step): void {
    if (step.method === "pong") this.receivePong();
    else if (step.method === "send") void this.#runMessage(step);
    else if (step.method === "close") this.close(step.reason);
    else if (step.method === "refuse") {
      this.trace.limited(step.error.code, step.error.message);
      this.send(step);
    } else void this.#run(step);
  }

  async #run(request: Request): Promise<void> {
    if (request.method === "connect") this.#state = "connecting";
    const outcome = await runCommand(this, request, this.#context);
    this.#commands.done(request);
    if (this.#state === "connecting") {
      this.#state = "refused";
      this.trace.refused(this.id, outcome);
    }
    if (this.isEnded) return;
    if ("disconnect" in outcome) {
      this.close(outcome.disconnect);
      return;
    }
    if ("reply" in outcome) this.send(outcome.reply);
    this.runCommands();
  }

  async #runMessage(message: Extract<Step, { method: "send" }>): Promise<void> {
    await runMessage(this, message, this.#context);
    this.#commands.done(message);
    this.runCommands();
  }

  #ping(): void {
    this.#consumeThrottled();
    this.#keepalive.pinged(this.#context.clock.elapsed());
    if (this.transport.hasOwnPings) this.transport.sendPing?.();
    else this.#queueMessage(this.encoding.codec.encodePing());
    this.#wait("pong");
  }

  #wait(waitsFor: KeepaliveWait): void {
    this.#context.deadlines.set(this, this.#keepalive.wait(waitsFor, this.#takenBytes));
  }

  /** Whether the peer's input was throttled since the last call. */
  #consumeThrottled(): boolean {
    const wasThrottledHere = this.#inputRate?.consumeThrottled() ?? false;
    const wasThrottledBelow = this.transport.consumeThrottled?.() ?? false;
    return wasThrottledHere || wasThrottledBelow;
  }

  #expire(): void {
    const { expiresAt } = this.#client.identity;
    if (expiresAt === undefined && this.#expiry === undefined) return;
    this.#expiry ??= new Expiry(this.#context, () => this.close(disconnect("connectionExpired")));
    this.#expiry.set(expiresAt);
  }

  /** A failure that one client causes must not end the process. */
  #fail(error: unknown): void {
    this.#context.onError(error, { stage: "running a client's commands" });
    this.close(disconnect("internalError"));
  }

  /** @param code 0 if the peer or the network ended it */
  #end(code: number, reason: string): void {
    if (this.isEnded) return;
    const wasWelcomed = this.#state === "welcomed" || this.#state === "connected";
    this.#release(code, reason);
    if (wasWelcomed) notifyDisconnected(this.#context, this.#client.actor);
  }

  /** Frees what it holds on this node. */
  #release(code: number, reason: string): void {
    this.#state = "ended";
    this.#meter.connectionEnded(code === 0);
    if (this.#flow.isFull) this.#context.held.set(this, 0);
    this.#commands.end();
    this.#inputRate?.stop();
    this.#context.deadlines.clear(this);
    this.#expiry?.stop();
    this.channels.end();
    this.trace.closed(code, reason, this);
    this.#flow.clear();
    this.#registry.ended(this);
  }
}

const anonymous: Identity = Object.freeze({ user: "" });
