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

  constructor({ account, storage, search, logOut, onSessionEnd }: VisitOptions) {
    this.account = account;
    this.storage = storage;
    this.#logOut = logOut;
    this.line = new PageLine({ search, onSessionEnd, onChange: () => this.changed() });
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
    this.changed();
  }

  logOut(): void {
    this.#logOut();
  }

  close(): void {
    this.line.close();
    this.#listeners.clear();
  }
}
