/**
 * What a component shows of a channel or a map, as a store for `useSyncExternalStore`: the first watcher subscribes, the last
 * unsubscribes. Owns the status and the error; what is shown beside them is up to its subclasses. Does not depend on React.
 */
import { HoldfastError, messageOf } from "../../../holdfast/src/errors.js";
import { endedByServer, subscribing } from "../from-sdk.js";
import type { ChannelStatus } from "../index.js";

export abstract class Feed<Snapshot> {
  protected status: ChannelStatus = subscribing;
  protected error: HoldfastError | undefined;
  readonly #name: string;
  readonly #watchers = new Set<() => void>();
  #snapshot: Snapshot | undefined;
  #unsubscribe: (() => void) | undefined;

  /** @param name of the channel */
  constructor(name: string) {
    this.#name = name;
  }

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#start();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#stop();
    };
  };

  /** The same object until something changes. */
  readonly snapshot = (): Snapshot => {
    this.#snapshot ??= this.read();
    return this.#snapshot;
  };

  /** Subscribes to the channel. @returns a function that unsubscribes */
  protected abstract open(): () => void;
  protected abstract read(): Snapshot;
  /** The last watcher has left. */
  protected onStop(): void {}

  protected setStatus(status: ChannelStatus): void {
    this.status = status;
    if (status.state === "subscribed") this.error = undefined;
    else if (status.state === "unsubscribed" && status.code !== 0)
      this.error = endedByServer(`the subscription to ${this.#name} was ended`, status.code, status.reason);
    this.changed();
  }

  /** @param error undefined once it works again */
  protected fail(error: unknown): void {
    this.error =
      error === undefined || error instanceof HoldfastError
        ? error
        : new HoldfastError("HF_REQUEST_REFUSED", messageOf(error), { cause: error });
    this.changed();
  }

  protected changed(): void {
    this.#snapshot = undefined;
    for (const watcher of this.#watchers) watcher();
  }

  #start(): void {
    this.error = undefined;
    try {
      this.#unsubscribe = this.open();
    } catch (error) {
      this.fail(error);
    }
  }

  #stop(): void {
    this.onStop();
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.status = subscribing;
    this.#snapshot = undefined;
  }
}
