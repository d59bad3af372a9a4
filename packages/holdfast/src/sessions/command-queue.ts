/**
 * The commands a session has received: started in order, some at a time, nothing before connect is done. A costly one
 * waits until what was spent before is paid off, and for its turn.
 */

import { TokenBucket } from "../time/token-bucket.js";
import { type Disconnect, disconnect, replyError } from "../wire/codes.js";
import type { Command, Request } from "../wire/messages.js";
import { commandHandlers, expectedFailure, type Outcome } from "./commands.js";
import type { SessionContext } from "./context.js";
import { PublishRate, publishMethod } from "./publishing.js";
import type { Session } from "./session.js";
import { busyText, costOfTime, estimateOf, type WorkAccount } from "./work.js";

type Waiting = Command | { readonly method: "fault"; readonly reason: string };

/** After which a debt is looked at again. */
const longestWaitMs = 60_000;
/** Commands beyond the rate's that a connection may have sent lately and still be served while the loop lags. */
const shareOfCommands = 10;

const largeAnswers: ReadonlySet<string> = new Set(["presence", "history"]);

function isLarge(command: Waiting): boolean {
  return (
    largeAnswers.has(command.method) || (command.method === "subscribe" && command.params.map !== undefined)
  );
}

export class CommandQueue {
  readonly #session: Session;
  readonly #context: SessionContext;
  readonly #bucket: TokenBucket | undefined;
  #publishRate: PublishRate | undefined;
  /** Made when there is something to charge. */
  #work: WorkAccount | undefined;
  #workUser = "";
  /** Whether the costly command that is next may start. */
  #hasTurn = false;
  #owesInput = false;
  #cancelWait: (() => void) | undefined;
  #waiting: Waiting[] = [];
  /** Commands of `#waiting` that have been started. */
  #started = 0;
  #inFlight = 0;
  #largeInFlight = 0;
  #hasConnectStarted = false;
  #isConnectUnderWay = false;

  constructor(session: Session, context: SessionContext) {
    const { commandsPerSecond, commandBurst } = context.limits;
    this.#session = session;
    this.#context = context;
    if (commandsPerSecond !== null)
      this.#bucket = new TokenBucket(commandsPerSecond, commandBurst, context.clock.elapsed());
  }

  /** Whether connect has come, and has no answer yet. */
  get isConnectUnderWay(): boolean {
    return this.#isConnectUnderWay;
  }

  get hasConnectStarted(): boolean {
    return this.#hasConnectStarted;
  }

  get hasWaiting(): boolean {
    return this.#started < this.#waiting.length;
  }

  add(commands: readonly Command[], fault?: string): void {
    for (const command of commands) this.#waiting.push(command);
    if (fault !== undefined) this.#waiting.push({ method: "fault", reason: fault });
  }

  clear(): void {
    this.#waiting = [];
    this.#started = 0;
  }

  /** The connection has ended. */
  end(): void {
    this.clear();
    this.#publishRate?.stop(this.#context.clock.elapsed());
    this.#publishRate = undefined;
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    this.#work?.release();
    this.#work = undefined;
  }

  /** What parsing the client's input has cost, in work units; where that is more than it may, nothing more is read for a while. */
  chargeInput(units: number): void {
    if (units === 0 || this.#session.isEnded) return;
    this.charge(units);
    this.#owesInput = true;
  }

  /** Whether input is to wait until what came before is paid off; the session is told when it is. */
  get isInputOwed(): boolean {
    if (!this.#owesInput) return false;
    const waitMs = this.#account.waitMs();
    this.#owesInput = waitMs > 0;
    if (waitMs > 0) this.#wait(waitMs);
    return this.#owesInput;
  }

  /** What was done for the client, in work units. */
  charge(units: number): void {
    if (units > 0 && !this.#session.isEnded) this.#account.charge(units);
  }

  /** Of the user; before it is known who it is, or without a name, of the connection. */
  get #account(): WorkAccount {
    const { user } = this.#session;
    if (this.#work === undefined || user !== this.#workUser) {
      this.#work?.release();
      this.#work = this.#context.work.account(user === "" ? undefined : `user ${user}`);
      this.#workUser = user;
    }
    return this.#work;
  }

  /** Starts what may start. */
  run(): void {
    // A command may end the connection, and with it this queue, so each is counted as started before it is.
    while (this.hasWaiting && this.#canStart()) this.#start(this.#waiting[this.#started++] as Waiting);
    if (!this.hasWaiting) this.clear();
  }

  #canStart(): boolean {
    if (this.#session.isEnded) return false;
    // Commands that follow connect in one frame wait for it.
    if (this.#hasConnectStarted && !this.#session.isAdmitted) return false;
    const { maxCommandsInFlight, maxUnsentBytes } = this.#context.limits;
    if (this.#inFlight >= maxCommandsInFlight || this.#session.unsentBytes > maxUnsentBytes) return false;
    // One large answer at a time, so that what waits for a peer stays bounded.
    const next = this.#waiting[this.#started];
    if (next === undefined) return true;
    if (this.#largeInFlight > 0 && isLarge(next)) return false;
    return this.#hasTurn || this.#mayBegin(this.#estimateOf(next));
  }

  #estimateOf(command: Waiting): number {
    return command.method === "fault" ? 0 : estimateOf(command, this.#context.limits);
  }

  /** Whether something that costs so much may begin now; otherwise the queue goes on when it may. */
  #mayBegin(units: number): boolean {
    if (units === 0) return true;
    if (this.#cancelWait !== undefined) return false;
    const { work } = this.#context;
    const waitMs = this.#account.waitMs();
    if (waitMs > 0) {
      this.#wait(waitMs);
      return false;
    }
    const begin = () => {
      this.#hasTurn = true;
      this.#goOn();
    };
    this.#hasTurn = work.begins(units, begin);
    if (!this.#hasTurn) this.#cancelWait = () => work.cancel(begin);
    return this.#hasTurn;
  }

  #wait(waitMs: number): void {
    const { clock } = this.#context;
    this.#cancelWait ??= clock.setTimer(() => this.#goOn(), Math.min(longestWaitMs, Math.ceil(waitMs)));
  }

  #goOn(): void {
    this.#cancelWait = undefined;
    this.#session.commandDone();
  }

  #start(command: Waiting): void {
    this.#hasTurn = false;
    const now = this.#context.clock.elapsed();
    const rate = this.#bucket?.take(now) ?? "ok";
    const refusal = this.#findRefusal(command, rate);
    if (refusal) this.#session.close(refusal);
    else if (command.method === "pong") this.#session.receivePong();
    else if (command.method === "invalid") this.#session.sendError(command.id, "badRequest", command.message);
    else if (command.method === "send") void this.#takeMessage(command.data);
    else if (command.method !== "fault") this.#startRequest(command, rate, now);
  }

  #startRequest(request: Request, rate: "ok" | "empty" | "overdrawn", now: number): void {
    if (rate === "empty") {
      this.#session.sendError(request.id, "tooManyRequests", this.#rateText(now));
      return;
    }
    if (this.#isShed(request)) return;
    if (isPublishing(request) && !this.#mayPublish(request.id, now)) return;
    if (request.method === "connect") {
      this.#hasConnectStarted = true;
      this.#isConnectUnderWay = true;
    }
    this.#inFlight++;
    if (isLarge(request)) this.#largeInFlight++;
    void this.#carryOut(request);
  }

  /** While the event loop lags: refuses what would add to it, for those that have had their share, and new connections. */
  #isShed(request: Request): boolean {
    if (!this.#context.work.isLagging) return false;
    if (request.method === "connect") {
      this.#session.close(disconnect("tooManyRequests", busyText));
      return true;
    }
    const isCostly = isPublishing(request) || this.#estimateOf(request) > 0;
    if (!isCostly || this.#isWithinShare) return false;
    this.#session.sendError(request.id, "tooManyRequests", busyText);
    return true;
  }

  get #isWithinShare(): boolean {
    const { clock, limits } = this.#context;
    const hasSentFew = this.#bucket?.has(limits.commandBurst - shareOfCommands, clock.elapsed()) ?? true;
    return hasSentFew && this.#account.isWithinShare;
  }

  /** Answers or ends the connection where it may not. */
  #mayPublish(id: number, now: number): boolean {
    this.#publishRate ??= new PublishRate(this.#session.user, this.#context, now);
    const refusal = this.#publishRate.take(now);
    if (refusal === undefined) return true;
    if (refusal.isClosing) this.#session.close(disconnect("tooManyRequests", refusal.text));
    else this.#session.sendError(id, "tooManyRequests", refusal.text);
    return false;
  }

  /** @returns why the connection must end, where what came leaves no other way */
  #findRefusal(command: Waiting, rate: "ok" | "empty" | "overdrawn"): Disconnect | undefined {
    const { method } = command;
    if (method === "fault") return disconnect("badRequest", command.reason);
    if (rate === "overdrawn") return disconnect("tooManyRequests", this.#rateText());
    if (method === "connect") {
      return this.#hasConnectStarted ? disconnect("badRequest", "connect may be sent once") : undefined;
    }
    if (!this.#session.isAdmitted)
      return disconnect(
        "badRequest",
        method === "invalid" ? command.message : "the first command must be connect",
      );
    if (method === "send" && this.#context.application.onMessage === undefined)
      return disconnect("notAvailable", "this server takes no one-way messages");
    return undefined;
  }

  /** Takes its place among the commands under way, though nobody waits for an answer. */
  async #takeMessage(data: string): Promise<void> {
    const { application, onError } = this.#context;
    this.#inFlight++;
    try {
      await application.onMessage?.(data, this.#session.actor);
    } catch (error) {
      onError(error, { stage: "onMessage" });
    }
    this.#inFlight--;
    if (!this.#session.isEnded) this.#session.commandDone();
  }

  async #carryOut(request: Request): Promise<void> {
    let outcome: Outcome;
    try {
      // The table maps each method to a handler of just that request, which the compiler can't follow.
      const handler = commandHandlers[request.method] as (
        session: Session,
        request: Request,
        context: SessionContext,
      ) => Promise<Outcome>;
      const { clock } = this.#context;
      const startedAt = clock.elapsed();
      const pending = handler(this.#session, request, this.#context);
      this.charge(costOfTime(clock.elapsed() - startedAt));
      outcome = await pending;
    } catch (error) {
      outcome = this.#failure(request, error);
    }
    this.#inFlight--;
    if (request.method === "connect") this.#isConnectUnderWay = false;
    if (isLarge(request)) this.#largeInFlight--;
    if (this.#session.isEnded) return;
    if ("disconnect" in outcome) {
      this.#session.close(outcome.disconnect);
      return;
    }
    if ("reply" in outcome) this.#session.send(outcome.reply);
    this.#session.commandDone();
  }

  #failure(request: Request, error: unknown): Outcome {
    const expected = expectedFailure(error);
    // Channels may be subscribed to already, so the connection ends; clients come back.
    if (expected && request.method === "connect")
      return { disconnect: disconnect("internalError", expected.message) };
    if (expected) return { reply: { id: request.id, error: expected } };
    this.#context.onError(error, { stage: `command ${request.method}` });
    if (request.method === "connect") return { disconnect: disconnect("internalError") };
    return { reply: { id: request.id, error: replyError("internal") } };
  }

  #rateText(now?: number): string {
    const { commandsPerSecond, commandBurst } = this.#context.limits;
    const text = `${commandsPerSecond} commands a second are accepted, ${commandBurst} at once`;
    return now === undefined || this.#bucket === undefined
      ? text
      : `${text}; try again in ${Math.ceil(this.#bucket.waitMs(now))} ms`;
  }
}

function isPublishing(request: Request): boolean {
  const { method } = request;
  return method === "publish" || (method === "rpc" && request.params.method === publishMethod);
}
