/**
 * One who is present: subscribed to a channel with presence, on one connection after the other, and a witness of the joins and
 * leaves of all who are.
 */
import type { Connection, WirePush } from "./connection.js";
import type { Recorder, Watch } from "./history.js";
import { Line, type LineOptions } from "./line.js";

export interface PresenceClientOptions extends Pick<LineOptions, "url" | "random" | "onFailure"> {
  readonly name: string;
  readonly channel: string;
  readonly recorder: Recorder;
}

const retryDelayMs = 100;

export class PresenceClient {
  readonly #options: PresenceClientOptions;
  readonly #line: Line;
  readonly #watch: Watch;
  /** Connection on which it is subscribed. */
  #subscribed: Connection | undefined;
  #subscriptions = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PresenceClientOptions) {
    this.#options = options;
    this.#watch = options.recorder.watch(options.name, options.channel);
    this.#line = new Line({
      ...options,
      user: options.name,
      onOpen: (connection) => this.#subscribe(connection),
      onPush: (connection, push) => this.#receive(connection, push),
      onClose: () => {
        this.#subscribed = undefined;
      },
    });
  }

  get channel(): string {
    return this.#options.channel;
  }

  get localPort(): number | undefined {
    return this.#line.connection?.localPort;
  }

  /** Under which it is present; undefined where it is not. */
  get clientId(): string | undefined {
    return this.#subscribed?.clientId;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#line.stop();
  }

  #subscribe(connection: Connection): void {
    const { channel, name, onFailure } = this.#options;
    connection.call("subscribe", { channel, join_leave: true }, (answer) => {
      if (answer.kind === "result") {
        this.#subscribed = connection;
        this.#subscriptions++;
      } else if (answer.kind === "error" && answer.error.temporary === true)
        this.#timer = setTimeout(() => this.#subscribe(connection), retryDelayMs);
      else if (answer.kind === "error")
        onFailure(`${name} was refused ${channel}: ${answer.error.code} ${answer.error.message}`);
    });
  }

  #receive(connection: Connection, { join, leave, unsubscribe }: WirePush): void {
    const info = join?.info ?? leave?.info;
    const subscription = this.#subscriptions;
    if (info) this.#watch.events.push({ kind: join ? "join" : "leave", subscription, client: info.client });
    if (unsubscribe === undefined) return;
    this.#subscribed = undefined;
    this.#subscribe(connection);
  }
}
