/** What is tortured: one server, or several nodes on one store. Carries out the faults that are its own. */
import type { SystemFault } from "./plan.js";

export interface System {
  /** Ports of its servers, on 127.0.0.1. */
  readonly ports: readonly number[];
  /** Times that a process of it has ended. */
  readonly numEnds: number;
  /** @throws Error when it does not start */
  start(): Promise<void>;
  /** Resolves when the fault is over. @throws Error when what has ended does not start again */
  carryOut(fault: SystemFault): Promise<void>;
  /** No more faults. Resolves when everything runs. */
  heal(): Promise<void>;
  /** Kills everything and starts it again. @returns whether the logs must be there after that */
  restart(): Promise<boolean>;
  /** How its store has broken what it promises, so that nobody could keep a promise on it; undefined if it has not. */
  findStoreFault?(): Promise<string | undefined>;
  /** Ends everything. */
  stop(): Promise<void>;
  /** What has happened to it, a line each. For people. */
  describe(): string[];
}
