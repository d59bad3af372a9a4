/** What `holdfast doctor` is told of a store that nodes share. Each broker's `inspect` file fills it, with the checks that the broker makes at its start. */
import { HoldfastError } from "../errors.js";

export interface Risk {
  readonly severity: "warning" | "note";
  /** What was found, as a sentence. */
  readonly message: string;
  /** What to do next. */
  readonly advice: string;
}

export interface Inspection {
  readonly hosts: readonly string[];
  readonly isTls: boolean;
  readonly hasCredentials: boolean;
  /** Why a server would not start with it. */
  readonly faults: readonly HoldfastError[];
  /** Where it starts, but may lose publications. */
  readonly risks: readonly Risk[];
}

/** Runs a check of a broker. @returns its HoldfastError, if it throws one */
export async function faultsOf(check: () => Promise<void> | void): Promise<readonly HoldfastError[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (error instanceof HoldfastError) return [error];
    throw error;
  }
}
