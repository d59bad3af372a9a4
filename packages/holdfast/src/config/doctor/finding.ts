/** What the doctor has found, and what to do about it. */

/** An `error` breaks a promise or lets anybody in, a `warning` may be meant, a `note` is for those who wonder. */
export type Severity = "error" | "warning" | "note";

export interface Finding {
  readonly severity: Severity;
  /** Stable, for programs. */
  readonly id: string;
  /** What was found, as a sentence. */
  readonly message: string;
  /** What to do next. */
  readonly advice: string;
}

export const severities: readonly Severity[] = ["error", "warning", "note"];
