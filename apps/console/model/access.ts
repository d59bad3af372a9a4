/**
 * Who looks: the key of this tab, until the tab is closed or the person leaves. A key is tried before it is kept, and left as soon as the
 * server no longer knows it.
 */
import type { KeyAnswer } from "./answers.js";
import { Api, ApiProblem, isWithin, messageOf, type Scope } from "./api.js";
import { Changes } from "./changes.js";

/** The part of PageStorage that is used. */
export interface KeyStore {
  read(name: string): unknown;
  write(name: string, value: unknown): void;
  remove(name: string): void;
}

export interface AccessOptions {
  readonly base: string;
  readonly fetch: typeof fetch;
  readonly store: KeyStore;
}

export type AccessState =
  | { readonly state: "outside"; readonly problem?: string }
  | { readonly state: "asking" }
  | { readonly state: "inside"; readonly api: Api; readonly name: string; readonly scope: Scope };

const kept = "key";

export class Access extends Changes {
  readonly #options: AccessOptions;
  #current: AccessState = { state: "outside" };
  #isReachable = true;

  constructor(options: AccessOptions) {
    super();
    this.#options = options;
  }

  get current(): AccessState {
    return this.#current;
  }

  /** Whether the last call was answered. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  /** With the key that this tab has kept, if any. */
  async open(): Promise<void> {
    const key = this.#options.store.read(kept);
    if (typeof key === "string") await this.enter(key);
  }

  /** Tries a key, and keeps it if the server knows it. */
  async enter(key: string): Promise<void> {
    const { base, fetch, store } = this.#options;
    this.#become({ state: "asking" });
    const api = new Api({ base, fetch, key, onCalled: (problem) => this.#called(problem) });
    try {
      const { name, scope } = await api.call<KeyAnswer>("key");
      store.write(kept, key);
      this.#become({ state: "inside", api, name, scope });
    } catch (error) {
      if (error instanceof ApiProblem && error.kind === "key") store.remove(kept);
      this.#become({ state: "outside", problem: messageOf(error) });
    }
  }

  leave(problem?: string): void {
    this.#options.store.remove(kept);
    this.#become({ state: "outside", ...(problem !== undefined && { problem }) });
  }

  may(needed: Scope): boolean {
    return this.#current.state === "inside" && isWithin(this.#current.scope, needed);
  }

  #called(problem: ApiProblem | undefined): void {
    if (problem?.kind === "key" && this.#current.state === "inside") {
      this.leave("The server no longer knows your key.");
      return;
    }
    const isReachable = problem?.kind !== "unreachable";
    if (isReachable === this.#isReachable) return;
    this.#isReachable = isReachable;
    this.changed();
  }

  #become(state: AccessState): void {
    this.#current = state;
    this.changed();
  }
}
