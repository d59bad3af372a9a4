/** A part of the showcase: the channels and methods of one page, and what it does by itself while the server runs. */
import type { Durability, User } from "holdfast";
import type { Store } from "./store.js";

/** What parts are made from. */
export interface PartContext {
  readonly store: Store;
  /** Whether it is somebody with a name who is not banned, or a program of this machine. */
  readonly isWelcome: (user: User) => Promise<boolean>;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly durability: Durability;
  /** Failures that nobody waits for. */
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** For parts that do something without being asked. */
export interface RunningPart {
  /** Called once the server listens. Must not keep the process alive. */
  start(): void;
  /** Called before the server closes. */
  stop(): void;
}
