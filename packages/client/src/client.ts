/** A client of a server: typed by the application that the server runs, over one connection that reconnects by itself. */
import type { App } from "../../holdfast/src/app/define-app.js";
import { formatChannel, type Params } from "../../holdfast/src/app/pattern.js";
import type {
  ArgumentOf,
  ChannelArgument,
  DataFor,
  HasParams,
  InputFor,
  MethodArgument,
  MethodNamesOf,
  ParamsOf,
  PatternOf,
  ResultOf,
} from "../../holdfast/src/app/types.js";
import { Channel, type ChannelContext } from "./channel.js";
import { Connection, type ServerAddress } from "./connection.js";
import { Listeners } from "./listeners.js";
import { LiveMap } from "./live-map.js";
import { Maps } from "./maps.js";
import type { ResolvedOptions } from "./options.js";
import { toPayload } from "./payload.js";
import { type Publication, toPublication } from "./publication.js";
import { PublishQueue } from "./publish-queue.js";
import type { ClientStatus } from "./status.js";
import { Subscriptions } from "./subscriptions.js";

/** A pattern's parameters, as an argument: none where it has none, any where nothing is known of the pattern. */
export type ParamsArgument<P extends string> = string extends P
  ? [params?: Params]
  : HasParams<P> extends true
    ? [params: ParamsOf<P>]
    : [];

/** A method's argument: may be left out where the method takes `undefined`, or anything. */
export type RpcArgument<Argument> = undefined extends Argument ? [argument?: Argument] : [argument: Argument];

/** @typeParam A the server's application: `typeof app` */
export class Client<A extends App = App> {
  readonly #context: ChannelContext;
  readonly #messages: Listeners<[unknown]>;
  readonly #publications: Listeners<[string, Publication]>;

  /** Connects when it is first used; made by `connect`. */
  constructor(address: ServerAddress, options: ResolvedOptions) {
    const connection = new Connection(address, options);
    this.#context = {
      connection,
      subscriptions: new Subscriptions(connection),
      maps: new Maps(connection),
      queue: new PublishQueue(connection),
    };
    this.#messages = new Listeners("a message listener", options.onError);
    this.#publications = new Listeners("a publication listener", options.onError);
    connection.sdk.on("message", ({ data }) => this.#messages.call(data));
    connection.sdk.on("publication", (context) =>
      this.#publications.call(context.channel, toPublication(context)),
    );
  }

  get status(): ClientStatus {
    return this.#context.connection.status;
  }

  /** Publications that are not acknowledged yet. */
  get queuedPublications(): number {
    return this.#context.queue.size;
  }

  /**
   * A channel of the application, by its pattern and parameters (`"chat:{room}", { room: "lobby" }`) or by its name
   * (`"chat:lobby"`). Nothing is sent until something is done with it.
   * @throws HF_OPTION_INVALID where a parameter is missing or not accepted
   */
  channel<P extends string>(
    pattern: ChannelArgument<A, P>,
    ...[params]: ParamsArgument<P>
  ): Channel<InputFor<A, PatternOf<A, P>>, DataFor<A, PatternOf<A, P>>> {
    const name = formatChannel(pattern, (params ?? {}) as Params);
    return new Channel(name, this.#context);
  }

  /**
   * A channel of kind `map`: all its keys with their values, and what changes.
   * @throws HF_OPTION_INVALID where a parameter is missing or not accepted
   */
  map<P extends string>(
    pattern: ChannelArgument<A, P>,
    ...[params]: ParamsArgument<P>
  ): LiveMap<InputFor<A, PatternOf<A, P>>, DataFor<A, PatternOf<A, P>>> {
    return new LiveMap(formatChannel(pattern, (params ?? {}) as Params), this.#context);
  }

  /**
   * Calls a method of the application, once: unlike a publication it is not sent again.
   * @throws HF_REQUEST_REFUSED with the server's code in `details`, HF_CLIENT_CONNECTION, HF_CLIENT_TIMEOUT,
   * HF_CLIENT_CLOSED, HF_OPTION_INVALID
   */
  async rpc<M extends string>(
    method: MethodArgument<A, M>,
    ...[argument]: M extends MethodNamesOf<A> ? RpcArgument<ArgumentOf<A, M>> : [argument?: unknown]
  ): Promise<M extends MethodNamesOf<A> ? ResultOf<A, M> : never> {
    const { connection } = this.#context;
    const data =
      argument === undefined
        ? undefined
        : toPayload(argument, "the argument", method, connection.options.maxMessageBytes);
    const reply = await connection.request(method, () => connection.sdk.rpc(method, data));
    return reply.data as M extends MethodNamesOf<A> ? ResultOf<A, M> : never;
  }

  /** Resolves once there is a connection. @throws HF_REQUEST_REFUSED where the server wants none, HF_CLIENT_CLOSED */
  async ready(): Promise<void> {
    await this.#context.connection.whenConnected();
  }

  /** Told of each change. @returns a function that removes the listener */
  onStatus(listener: (status: ClientStatus) => void): () => void {
    this.#context.connection.start();
    return this.#context.connection.statusListeners.add(listener);
  }

  /** Told what the server sends to this client in no channel. @returns a function that removes the listener */
  onMessage(listener: (data: unknown) => void): () => void {
    this.#context.connection.start();
    return this.#messages.add(listener);
  }

  /** Told of publications in channels that the server has subscribed this client to. @returns a function that removes the listener */
  onPublication(listener: (channel: string, publication: Publication) => void): () => void {
    this.#context.connection.start();
    return this.#publications.add(listener);
  }

  /** Connects without waiting for a first use, and again after the server has ended the connection for good. @throws HF_CLIENT_CLOSED */
  connect(): void {
    this.#context.connection.connect();
  }

  /**
   * Drops the connection, or the wait for the next attempt, and connects at once: after a login, or for somebody who does
   * not want to wait. Subscriptions go on where they were. @throws HF_CLIENT_CLOSED
   */
  reconnect(): void {
    this.#context.connection.reconnect();
  }

  /** Ends everything for good: subscriptions, loops over publications, and what waits to be sent is rejected. */
  close(): void {
    this.#context.subscriptions.close();
    this.#context.maps.close();
    this.#context.connection.close();
    this.#messages.clear();
    this.#publications.clear();
  }
}
