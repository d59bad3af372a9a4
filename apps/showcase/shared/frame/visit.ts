/** A person's stay on a page: who they are, and their line. The page's own model listens to it. */
import { PageLine } from "../line/page-line.js";
import type { Account } from "../session/entrance.js";
import type { PageStorage } from "../session/storage.js";

export interface VisitOptions {
  readonly account: Account;
  readonly storage: PageStorage;
  readonly search: string;
  readonly logOut: () => void;
  readonly onSessionEnd: (why: "unknown" | "logged out") => void;
}

export class Visit {
  readonly line: PageLine;
  readonly storage: PageStorage;
  account: Account;
  readonly #listeners = new Set<() => void>();
  readonly #logOut: () => void;
  readonly #waiting: ((isNamed: boolean) => void)[] = [];

  constructor({ account, storage, search, logOut, onSessionEnd }: VisitOptions) {
    this.account = account;
    this.storage = storage;
    this.#logOut = logOut;
    this.line = new PageLine({ search, onSessionEnd, onChange: () => this.changed() });
  }

  /** Somebody without a name: may look, and is asked for one before the first write. */
  get isGuest(): boolean {
    return this.account.user === "";
  }

  /** Whether the page asks for a name now. */
  get isAsking(): boolean {
    return this.#waiting.length > 0;
  }

  /** Asks a guest for a name. @returns whether there is one now */
  askName(): Promise<boolean> {
    if (!this.isGuest) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.changed();
    });
  }

  /** The guest does not want a name now. */
  cancelName(): void {
    this.#answer(false);
  }

  #answer(isNamed: boolean): void {
    for (const resolve of this.#waiting.splice(0)) resolve(isNamed);
    this.changed();
  }

  get client() {
    return this.line.client;
  }

  /** Calls a listener after every change; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** The session is another: connects anew under it. */
  become(account: Account): void {
    this.account = account;
    this.line.tryNow();
    this.#answer(!this.isGuest);
  }

  logOut(): void {
    this.#logOut();
  }

  close(): void {
    this.#answer(false);
    this.line.close();
    this.#listeners.clear();
  }
}
