/**
 * The commands of one session. {@link CommandQueue} decides which may start, or why one is refused; {@link commandHandlers} turns
 * the checked parameters of each into its reply. Commands start in order, several at a time, none before connect is done; a
 * costly one waits until earlier work is paid off, and for its turn.
 */

import { HoldfastError } from "../errors.js";
import type { Meters } from "../observe/meters.js";
import { TokenBucket } from "../time/token-bucket.js";
import { type Disconnect, disconnect, type ErrorName, type ReplyError, replyError } from "../wire/codes.js";
import {
  type ClientInfo,
  type Command,
  isNewlyPublished,
  type Method,
  type Reply,
  type Request,
  type RequestOf,
  type SubscribeResult,
} from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import { connect, refresh, subRefresh } from "./connecting.js";
import type { SessionContext } from "./context.js";
import { canReadList } from "./data-access.js";
import { denialOf } from "./denials.js";
import type { SessionState } from "./keepalive.js";
import { callMethod, PublishRate, publishInTurn, publishMethod } from "./publishing.js";
import { readHistory } from "./reading.js";
import type { Session } from "./session.js";
import { busyText, costOfTime, estimateOf, type WorkAccount } from "./work.js";

/** What the session does next. */
export type Step =
  | Request
  | Extract<Command, { method: "pong" | "send" }>
  | { readonly method: "refuse"; readonly id: number; readonly error: ReplyError }
  | { readonly method: "close"; readonly reason: Disconnect };

type Waiting = Command | { readonly method: "fault"; readonly reason: string };
type RateVerdict = "ok" | "empty" | "overdrawn";

/** Longest wait before a debt is checked again. */
const maxWaitMs = 60_000;
/** Commands of its burst that a connection may have used and still be served while the event loop lags. */
const shareOfCommands = 10;

const largeAnswers: ReadonlySet<string> = new Set(["presence", "history"]);

export class CommandQueue {
  readonly #context: SessionContext;
  readonly #session: Pick<Session, "runCommands">;
  readonly #bucket: TokenBucket | undefined;
  /** Created with the first publication. */
  #publishRate: PublishRate | undefined;
  /** Created with the first charge. */
  #work: WorkAccount | undefined;
  #user = "";
  /** Whether the next costly command has its turn. */
  #hasTurn = false;
  #owesInput = false;
  #cancelWait: (() => void) | undefined;
  #waiting: Waiting[] | undefined;
  /** Commands of `#waiting` that have been started. */
  #started = 0;
  #inFlight = 0;
  #largeInFlight = 0;
  #isEnded = false;

  constructor(context: SessionContext, session: Pick<Session, "runCommands">) {
    const { commandsPerSecond, commandBurst } = context.limits;
    this.#context = context;
    this.#session = session;
    if (commandsPerSecond !== null)
      this.#bucket = new TokenBucket(commandsPerSecond, commandBurst, context.clock.elapsed());
  }

  get hasWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Whether no command waits or runs. */
  get isIdle(): boolean {
    return this.#waiting === undefined && this.#inFlight === 0;
  }

  add(commands: readonly Command[], fault?: string): void {
    if (commands.length === 0 && fault === undefined) return;
    this.#waiting ??= [];
    for (const command of commands) this.#waiting.push(command);
    if (fault !== undefined) this.#waiting.push({ method: "fault", reason: fault });
  }

  /** Charges commands to a user from now on. @param user empty for an anonymous one */
  identify(user: string): void {
    if (user === this.#user) return;
    this.#work?.release();
    this.#work = undefined;
    this.#user = user;
  }

  /** The connection has ended. */
  end(): void {
    this.#isEnded = true;
    this.#clear();
    this.#publishRate?.stop(this.#context.clock.elapsed());
    this.#publishRate = undefined;
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    this.#work?.release();
    this.#work = undefined;
  }

  /** Charges the work of parsing the client's input, in work units; while it is in debt, nothing more is read. */
  chargeInput(units: number): void {
    if (units === 0 || this.#isEnded) return;
    this.charge(units);
    this.#owesInput = true;
  }

  /** Whether input must wait until earlier work is paid off; the session goes on when it is. */
  get isInputOwed(): boolean {
    if (!this.#owesInput) return false;
    const waitMs = this.#account.waitMs();
    this.#owesInput = waitMs > 0;
    if (waitMs > 0) this.#wait(waitMs);
    return this.#owesInput;
  }

  /** Charges work done for the client, in work units. */
  charge(units: number): void {
    if (units > 0 && !this.#isEnded) this.#account.charge(units);
  }

  /** Takes the next command, if one may start. A request or message is in flight until it is `done`. */
  next(state: SessionState): Step | undefined {
    const waiting = this.#waiting;
    if (waiting === undefined) return undefined;
    const command = waiting[this.#started] as Waiting;
    if (!this.#canStart(command, state)) return undefined;
    if (++this.#started === waiting.length) this.#clear();
    return this.#begin(command, state);
  }

  /** A request or message is no longer in flight. */
  done(command: Extract<Step, Command>): void {
    this.#inFlight--;
    if (isLarge(command)) this.#largeInFlight--;
  }

  /** The user's account; the connection's while the user is unknown or anonymous. */
  get #account(): WorkAccount {
    this.#work ??= this.#context.work.account(this.#user === "" ? undefined : `user ${this.#user}`);
    return this.#work;
  }

  #clear(): void {
    this.#waiting = undefined;
    this.#started = 0;
  }

  #canStart(command: Waiting, state: SessionState): boolean {
    // Commands that follow connect in one frame wait for it.
    if (this.#isEnded || (state !== "opened" && state !== "connected")) return false;
    if (this.#inFlight >= this.#context.limits.maxCommandsInFlight) return false;
    // One large answer at a time, so that the bytes waiting for a peer stay bounded.
    if (this.#largeInFlight > 0 && isLarge(command)) return false;
    return this.#hasTurn || this.#canBegin(this.#estimateOf(command));
  }

  #estimateOf(command: Waiting): number {
    return command.method === "fault" ? 0 : estimateOf(command, this.#context.limits);
  }

  /** Whether work of this cost may begin now; otherwise the session goes on when it may. */
  #canBegin(units: number): boolean {
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
      this.#resume();
    };
    this.#hasTurn = work.tryBegin(units, begin);
    if (!this.#hasTurn) this.#cancelWait = () => work.cancel(begin);
    return this.#hasTurn;
  }

  /** The account is in debt. */
  #wait(waitMs: number): void {
    const { clock, meters } = this.#context;
    if (this.#cancelWait === undefined) meters.limitHit("workPerSecond");
    this.#cancelWait ??= clock.setTimer(() => this.#resume(), Math.min(maxWaitMs, Math.ceil(waitMs)));
  }

  #resume(): void {
    this.#cancelWait = undefined;
    this.#session.runCommands();
  }

  #begin(command: Waiting, state: SessionState): Step {
    this.#hasTurn = false;
    if (command.method === "fault")
      return { method: "close", reason: disconnect("badRequest", command.reason) };
    const now = this.#context.clock.elapsed();
    const rate = this.#bucket?.take(now) ?? "ok";
    if (rate !== "ok") this.#context.meters.limitHit("commandsPerSecond");
    const reason = this.#findClose(command, rate, state);
    if (reason !== undefined) return { method: "close", reason };
    switch (command.method) {
      case "pong":
        return command;
      case "invalid":
        return refuse(command.id, "badRequest", command.message);
      case "send":
        this.#inFlight++;
        return command;
      default:
        return this.#beginRequest(command, rate, now);
    }
  }

  #beginRequest(request: Request, rate: RateVerdict, now: number): Step {
    if (rate === "empty") return refuse(request.id, "tooManyRequests", this.#rateText(now));
    const refusal = this.#findLagRefusal(request) ?? this.#findPublishRefusal(request, now);
    if (refusal !== undefined) return refusal;
    this.#inFlight++;
    if (isLarge(request)) this.#largeInFlight++;
    return request;
  }

  /** While the event loop lags: refuses new connections, and costly commands of clients that have used their share. */
  #findLagRefusal(request: Request): Step | undefined {
    if (!this.#context.work.isLagging) return undefined;
    const isConnect = request.method === "connect";
    const isCostly = isPublishing(request) || this.#estimateOf(request) > 0;
    if (!isConnect && (!isCostly || this.#isWithinShare)) return undefined;
    this.#context.meters.limitHit("shedAboveLagMs");
    if (isConnect) return { method: "close", reason: disconnect("tooManyRequests", busyText) };
    return refuse(request.id, "tooManyRequests", busyText);
  }

  get #isWithinShare(): boolean {
    const { clock, limits } = this.#context;
    const hasSentFew = this.#bucket?.has(limits.commandBurst - shareOfCommands, clock.elapsed()) ?? true;
    return hasSentFew && this.#account.isWithinShare;
  }

  #findPublishRefusal(request: Request, now: number): Step | undefined {
    if (!isPublishing(request)) return undefined;
    this.#publishRate ??= new PublishRate(this.#user, this.#context, now);
    const refusal = this.#publishRate.take(now);
    if (refusal === undefined) return undefined;
    this.#context.meters.limitHit(refusal.limit);
    return refusal.isClosing
      ? { method: "close", reason: disconnect("tooManyRequests", refusal.text) }
      : refuse(request.id, "tooManyRequests", refusal.text);
  }

  /** Why the command must end the connection, or undefined. */
  #findClose(command: Command, rate: RateVerdict, state: SessionState): Disconnect | undefined {
    const { method } = command;
    if (rate === "overdrawn") return disconnect("tooManyRequests", this.#rateText());
    if (method === "connect")
      return state === "opened" ? undefined : disconnect("badRequest", "connect may be sent once");
    if (state !== "connected")
      return disconnect(
        "badRequest",
        method === "invalid" ? command.message : "the first command must be connect",
      );
    if (method === "send" && this.#context.application.onMessage === undefined)
      return disconnect("notAvailable", "this server takes no one-way messages");
    return undefined;
  }

  #rateText(now?: number): string {
    const { commandsPerSecond, commandBurst } = this.#context.limits;
    const text = `${commandsPerSecond} commands a second are accepted, ${commandBurst} at once`;
    return now === undefined || this.#bucket === undefined
      ? text
      : `${text}; try again in ${Math.ceil(this.#bucket.waitMs(now))} ms`;
  }
}

function refuse(id: number, name: ErrorName, detail: string): Step {
  return { method: "refuse", id, error: replyError(name, detail) };
}

function isLarge(command: Waiting): boolean {
  return (
    largeAnswers.has(command.method) || (command.method === "subscribe" && command.params.map !== undefined)
  );
}

function isPublishing(request: Request): boolean {
  const { method } = request;
  return method === "publish" || (method === "rpc" && request.params.method === publishMethod);
}

/** The outcome of a command. */
export type Outcome =
  /** `user`: of a refused connect, if it is known who asked. */
  | { readonly reply: Reply; readonly user?: string }
  | { readonly disconnect: Disconnect; readonly user?: string }
  /** The reply was sent before the command was done. */
  | { readonly isAnswered: true };

type Handlers = {
  readonly [M in Method]: (
    session: Session,
    request: RequestOf<M>,
    context: SessionContext,
  ) => Promise<Outcome>;
};

export const commandHandlers: Handlers = {
  connect: (session, { id, params }, context) => connect(session, id, params, context),

  async subscribe(session, { id, params }) {
    const fault = channelFault(params.channel, id);
    if (fault) return fault;
    if (params.unsupported) return refusal(id, replyError("notAvailable", params.unsupported));
    const failure = await session.channels.subscribe(params, (result: SubscribeResult) =>
      session.send({ id, method: "subscribe", result }),
    );
    if (failure === undefined) return { isAnswered: true };
    return "error" in failure ? refusal(id, failure.error) : failure;
  },

  async unsubscribe(session, { id, params }) {
    const fault = channelFault(params.channel, id);
    if (fault) return fault;
    await session.channels.unsubscribe(params.channel);
    return { reply: { id, method: "unsubscribe" } };
  },

  async publish(session, { id, params }, context) {
    const fault = channelFault(params.channel, id);
    if (fault) return fault;
    const published = await publishInTurn(session, params, context);
    if ("code" in published) return refusal(id, published);
    const isNew = isNewlyPublished(published);
    return { reply: { id, method: "publish", ...(!isNew && { result: published }) } };
  },

  async presence(session, { id, params: { channel } }, context) {
    const fault = await presenceFault(session, channel, id, context);
    if (fault) return fault;
    const result = await context.broker.presence.list(channel);
    const bytes = result.reduce((sum, info) => sum + sizeOfInfo(info), 0);
    if (bytes <= context.limits.maxPresenceBytes) return { reply: { id, method: "presence", result } };
    const advice = `${result.length} clients are too many for one reply; use presence_stats`;
    return refusal(id, replyError("limitExceeded", advice));
  },

  async presence_stats(session, { id, params: { channel } }, context) {
    const fault = await presenceFault(session, channel, id, context);
    if (fault) return fault;
    return { reply: { id, method: "presence_stats", result: await context.broker.presence.stats(channel) } };
  },

  async history(session, { id, params }, context) {
    const { channel } = params;
    const fault = channelFault(channel, id);
    if (fault) return fault;
    const { application } = context;
    const policy = application.policyFor(channel);
    if (policy === undefined) return refusal(id, replyError("unknownChannel"));
    await session.channels.calls.pending(channel);
    const { client, channels } = session;
    const { actor } = client;
    const isAllowed =
      (await policy.may("history", actor, channels.has(channel))) &&
      (await canReadList(application, policy, actor, (name) => channels.has(name)));
    if (!isAllowed) return refusal(id, denialOf(policy, "history", actor, channels.has(channel)));
    const result = await readHistory(context, params, policy.rules);
    return "code" in result ? refusal(id, result) : { reply: { id, method: "history", result } };
  },

  ping: async (_session, { id }) =>
    refusal(id, replyError("notAvailable", "the server pings, not the client")),
  async rpc(session, { id, params }, context) {
    const result = await callMethod(session, params, context);
    return "code" in result ? refusal(id, result) : { reply: { id, method: "rpc", result: result.data } };
  },
  refresh: (session, { id, params }, context) => refresh(session, id, params, context),
  sub_refresh: (session, { id, params }, context) => subRefresh(session, id, params, context),
};

/** Never rejects: a command that throws has failed. */
export async function runCommand(
  session: Session,
  request: Request,
  context: SessionContext,
): Promise<Outcome> {
  const { clock, meters } = context;
  const startedAt = clock.elapsed();
  try {
    // The table maps each method to a handler of just that request, which the compiler can't follow.
    const handler = commandHandlers[request.method] as (...parts: unknown[]) => Promise<Outcome>;
    const pending = handler(session, request, context);
    session.charge(costOfTime(clock.elapsed() - startedAt));
    return await pending;
  } catch (error) {
    return failureOf(request, error, context);
  } finally {
    meters.ofCommand(request.method).done(clock.elapsed() - startedAt);
  }
}

/** One-way: it gets no reply, but counts as a command in flight. */
export async function runMessage(
  { client: { actor } }: Session,
  { data }: Extract<Step, { method: "send" }>,
  { application, onError }: SessionContext,
): Promise<void> {
  try {
    await application.onMessage?.(data, actor);
  } catch (error) {
    onError(error, { stage: "onMessage" });
  }
}

/** The outcome of a command that threw. */
function failureOf(request: Request, error: unknown, { onError, meters }: SessionContext): Outcome {
  const expected = expectedFailure(error, meters);
  // Some channels may be subscribed already, so the connection ends; clients reconnect.
  if (expected && request.method === "connect")
    return { disconnect: disconnect("internalError", expected.message) };
  if (expected) return refusal(request.id, expected);
  onError(error, { stage: `command ${request.method}` });
  if (request.method === "connect") return { disconnect: disconnect("internalError") };
  return refusal(request.id, replyError("internal"));
}

/** Estimated bytes of an entry in a reply. */
function sizeOfInfo({ user, client, connInfo = "", chanInfo = "" }: ClientInfo): number {
  return user.length + 2 * client.length + connInfo.length + chanInfo.length + 32;
}

function refusal(id: number, error: ReplyError): Outcome {
  return { reply: { id, error } };
}

function channelFault(channel: string, id: number): Outcome | undefined {
  const fault = findChannelNameFault(channel);
  if (fault === undefined) return undefined;
  // The protocol ends the connection for an empty name, and replies to any other fault.
  return channel === ""
    ? { disconnect: disconnect("badRequest", fault) }
    : refusal(id, replyError("badRequest", fault));
}

async function presenceFault(
  session: Session,
  channel: string,
  id: number,
  { application }: SessionContext,
): Promise<Outcome | undefined> {
  const fault = channelFault(channel, id);
  if (fault) return fault;
  const policy = application.policyFor(channel);
  if (policy === undefined) return refusal(id, replyError("unknownChannel"));
  if (!policy.rules.hasPresence)
    return refusal(id, replyError("notAvailable", "this channel has no presence"));
  await session.channels.calls.pending(channel);
  const { actor } = session.client;
  const isSubscribed = session.channels.has(channel);
  const isAllowed = await policy.may("presence", actor, isSubscribed);
  return isAllowed ? undefined : refusal(id, denialOf(policy, "presence", actor, isSubscribed));
}

/**
 * The error for an expected failure; undefined for any other, which is a bug or a broken dependency.
 * @param meters count the limit that was reached
 */
export function expectedFailure(error: unknown, meters?: Meters): ReplyError | undefined {
  if (!(error instanceof HoldfastError)) return undefined;
  const { quota } = error.details;
  if (typeof quota === "string") meters?.limitHit(quota);
  // Temporary: room comes back as publications expire or are removed.
  if (error.code === "HF_BROKER_FULL") return replyError("tooManyRequests", error.message);
  if (error.code === "HF_MAP_FULL") return replyError("limitExceeded", error.message);
  if (error.code === "HF_BROKER_UNAVAILABLE")
    return replyError("internal", "the store cannot be reached at the moment; try again");
  // What was pending when the server closed; its connection ends, too.
  if (error.code === "HF_BROKER_CLOSED") return replyError("internal", "the server is closing");
  if (error.code === "HF_BROKER_UNSUPPORTED") return replyError("notAvailable", error.message);
  if (error.code === "HF_STORE_FAILED")
    return replyError("internal", "the store is read-only after a write failure");
  if (error.code === "HF_REVOCATIONS_FULL") return replyError("limitExceeded", error.message);
  // Temporary, and reported where the keys are fetched.
  return error.code === "HF_KEYS_UNAVAILABLE"
    ? replyError("internal", "the keys that verify tokens are unavailable at the moment")
    : undefined;
}
