/** A part of the showcase: the channels and methods of one page, and what it does by itself while the server runs. */
import type { AccessContext, Durability, User } from "holdfast";
import type { Store } from "./store.js";

/** What parts are made from. */
export interface PartContext {
  readonly store: Store;
  /** Whether it is somebody with a name who is not banned, or a program of this machine. */
  readonly isWelcome: (user: User) => Promise<boolean>;
  /** Whether it is one of these, or a guest: somebody without a name, who may look and not write. */
  readonly mayLook: (user: User) => Promise<boolean>;
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

/** Runs a task again and again. @returns what ends that */
export type Repeat = (everyMs: number, task: () => void) => () => void;

/** The process may end meanwhile. */
export const repeat: Repeat = (everyMs, task) => {
  const timer = setInterval(task, everyMs);
  timer.unref();
  return () => clearInterval(timer);
};

type Rule = (context: AccessContext) => boolean | Promise<boolean>;

/** One rule for everything in a channel. */
export function allow(rule: Rule) {
  return { subscribe: rule, publish: rule, presence: rule, history: rule };
}

/** For channels that only the server uses. */
export const nobody = { subscribe: false, publish: false, presence: false, history: false } as const;
