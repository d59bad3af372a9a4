/** A client of a server: typed by the server's application, over one connection that reconnects by itself. */
import type {
  AnyApp,
  ChannelArgument,
  ChannelData,
  ChannelInput,
  HasParams,
  MethodArgument,
  MethodInput,
  MethodName,
  MethodResult,
  PatternParams,
} from "../../holdfast/src/app/app-shape.js";
import { formatChannel, type Params } from "../../holdfast/src/app/pattern.js";
import { Channel, type ChannelContext } from "./channel.js";
import { createChannelSubscriptions } from "./channel-subscription.js";
import { Connection, type ServerAddress } from "./connection.js";
import { type ClientStatus, type Publication, toPublication } from "./from-sdk.js";
import { Listeners } from "./listeners.js";
import { LiveMap } from "./live-map.js";
import { createMapSubscriptions } from "./map-subscription.js";
import type { ResolvedOptions } from "./options.js";
import { toPayload } from "./payload.js";
import { PublishQueue } from "./publish-queue.js";

/** The parameters of a pattern, as an argument: none if it has none, any if the pattern is not known to the compiler. */
export type ParamsArgument<P extends string> = string extends P
  ? [params?: Params]
  : HasParams<P> extends true
    ? [params: PatternParams<P>]
    : [];

/** The argument of a method: optional if the method accepts `undefined`. */
export type RpcArgument<Argument> = undefined extends Argument ? [argument?: Argument] : [argument: Argument];

/** @typeParam A the server's application: `typeof app` */
export class Client<A extends AnyApp = AnyApp> {
  readonly #context: ChannelContext;
  readonly #messages: Listeners<[unknown]>;
  readonly #publications: Listeners<[string, Publication]>;

  /** Made by `connect`. Connects when it is first used. */
  constructor(address: ServerAddress, options: ResolvedOptions) {
    const connection = new Connection(address, options);
    this.#context = {
      connection,
      subscriptions: createChannelSubscriptions(connection),
      maps: createMapSubscriptions(connection),
      queue: new PublishQueue(connection),
    };
    this.#messages = new Listeners("a message listener", options.onError);
    this.#publications = new Listeners("a publication listener", options.onError);
    connection.sdk.on("message", ({ data }) => this.#messages.call(data));
    connection.sdk.on("publication", (context) =>
      connection.readPublication((payloads) =>
        this.#publications.call(context.channel, toPublication(context, payloads)),
      ),
    );
  }

  get status(): ClientStatus {
    return this.#context.connection.status;
  }

  /** Number of unacknowledged publications. */
  get queuedPublications(): number {
    return this.#context.queue.size;
  }

  /**
   * A channel, by its pattern and parameters (`"chat:{room}", { room: "lobby" }`) or by its name (`"chat:lobby"`). Sends nothing yet.
   * @throws HF_OPTION_INVALID if a parameter is missing or invalid
   */
  channel<P extends string>(
    pattern: ChannelArgument<A, P>,
    ...[params]: ParamsArgument<P>
  ): Channel<ChannelInput<A, P>, ChannelData<A, P>> {
    const name = formatChannel(pattern, (params ?? {}) as Params);
    return new Channel(name, this.#context);
  }

  /**
   * A channel of kind `map`, by its pattern and parameters or by its name: its keys and values, kept current.
   * @throws HF_OPTION_INVALID if a parameter is missing or invalid
   */
  map<P extends string>(
    pattern: ChannelArgument<A, P>,
    ...[params]: ParamsArgument<P>
  ): LiveMap<ChannelInput<A, P>, ChannelData<A, P>> {
    return new LiveMap(formatChannel(pattern, (params ?? {}) as Params), this.#context);
  }

  /**
   * Calls a method. Unlike a publication, the call is not repeated if the connection breaks.
   * @throws HF_REQUEST_REFUSED with the server's code in `details`, HF_CLIENT_CONNECTION, HF_CLIENT_TIMEOUT,
   * HF_CLIENT_CLOSED, HF_OPTION_INVALID
   */
  async rpc<M extends string>(
    method: MethodArgument<A, M>,
    ...[argument]: M extends MethodName<A> ? RpcArgument<MethodInput<A, M>> : [argument?: unknown]
  ): Promise<M extends MethodName<A> ? MethodResult<A, M> : never> {
    const { connection } = this.#context;
    const data =
      argument === undefined
        ? undefined
        : toPayload(argument, "the argument", method, connection.options.maxMessageBytes);
    const reply = await connection.request(method, () => connection.sdk.rpc(method, data));
    return reply.data as M extends MethodName<A> ? MethodResult<A, M> : never;
  }

  /** Resolves when connected. @throws HF_REQUEST_REFUSED if the server refuses the client, HF_CLIENT_CLOSED */
  async ready(): Promise<void> {
    await this.#context.connection.whenConnected();
  }

  /** Calls the listener with each change of `status`. @returns a function that removes the listener */
  onStatus(listener: (status: ClientStatus) => void): () => void {
    this.#context.connection.start();
    return this.#context.connection.statusListeners.add(listener);
  }

  /** Calls the listener with each message that the server sends outside of channels. @returns a function that removes the listener */
  onMessage(listener: (data: unknown) => void): () => void {
    this.#context.connection.start();
    return this.#messages.add(listener);
  }

  /**
   * Calls the listener with publications of channels that the server has subscribed this client to.
   * @returns a function that removes the listener
   */
  onPublication(listener: (channel: string, publication: Publication) => void): () => void {
    this.#context.connection.start();
    return this.#publications.add(listener);
  }

  /** Connects before the first use, or again after the server has ended the connection for good. @throws HF_CLIENT_CLOSED */
  connect(): void {
    this.#context.connection.connect();
  }

  /**
   * Drops the connection, or the wait for the next attempt, and connects at once: after a login, say. Subscriptions continue where they
   * were.
   * @throws HF_CLIENT_CLOSED
   */
  reconnect(): void {
    this.#context.connection.reconnect();
  }

  /** Closes the connection for good. Ends subscriptions and loops, and rejects unsent publications. */
  close(): void {
    this.#context.subscriptions.close();
    this.#context.maps.close();
    this.#context.connection.close();
    this.#messages.clear();
    this.#publications.clear();
  }
}
