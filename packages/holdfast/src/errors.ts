/**
 * The error class of the packages, and the registry of its codes, which docs/reference/codes.md lists. Faults of a peer are not thrown but
 * become close codes (websocket/, wire/codes.ts). Runs in browsers, too.
 */

/** Every code: its default message, its HTTP status, and whether trying again may help. */
export const errorCodes = {
  HF_OPTION_INVALID: {
    message: "invalid option",
    status: 500,
    isRetryable: false,
  },
  HF_CONFIG_INVALID: { message: "invalid configuration", status: 500, isRetryable: false },
  HF_SERVER_LISTEN: { message: "server cannot listen", status: 500, isRetryable: true },
  HF_SERVER_STATE: {
    message: "not possible in the current state of the server",
    status: 500,
    isRetryable: false,
  },
  HF_REQUEST_REFUSED: { message: "request refused", status: 400, isRetryable: false },
  HF_BROKER_FULL: { message: "broker is full", status: 507, isRetryable: true },
  HF_MAP_FULL: { message: "map is full", status: 507, isRetryable: false },
  HF_STORE_BACKUP: { message: "store could not be copied", status: 500, isRetryable: true },
  HF_STORE_CORRUPT: { message: "store is damaged", status: 500, isRetryable: false },
  HF_STORE_FAILED: { message: "store is read-only after a write failure", status: 503, isRetryable: false },
  HF_STORE_IN_USE: { message: "store is in use by another server", status: 500, isRetryable: true },
  HF_STORE_NEWER: { message: "store was written by a newer version", status: 500, isRetryable: false },
  HF_STORE_OPEN: { message: "store cannot be opened", status: 500, isRetryable: false },
  HF_BROKER_UNAVAILABLE: { message: "broker cannot be reached", status: 503, isRetryable: true },
  HF_BROKER_UNSUPPORTED: { message: "broker does not support this", status: 501, isRetryable: false },
  HF_BROKER_CLOSED: { message: "broker is closed", status: 503, isRetryable: false },
  HF_KEYS_UNAVAILABLE: { message: "keys of tokens are unavailable", status: 503, isRetryable: true },
  HF_REVOCATIONS_FULL: { message: "too many revocations", status: 507, isRetryable: true },
  HF_WEBSOCKET_STATE: { message: "connection is not open", status: 500, isRetryable: false },
  HF_WEBSOCKET_ARGUMENT: {
    message: "invalid argument",
    status: 500,
    isRetryable: false,
  },
  HF_WEBSOCKET_CLOSED: { message: "connection closed", status: 500, isRetryable: true },
  HF_CLIENT_CLOSED: { message: "client is closed", status: 500, isRetryable: false },
  HF_CLIENT_CONNECTION: {
    message: "connection broke before a reply",
    status: 503,
    isRetryable: true,
  },
  HF_CLIENT_FULL: { message: "too many unacknowledged publications", status: 503, isRetryable: true },
  HF_CLIENT_TIMEOUT: { message: "no reply in time", status: 504, isRetryable: true },
  HF_CLIENT_SLOW: { message: "loop is too slow", status: 500, isRetryable: true },
  HF_LAB_FAILED: { message: "lab run failed", status: 500, isRetryable: true },
  HF_CLI_USAGE: { message: "invalid command line", status: 500, isRetryable: false },
  HF_CLI_CONNECTION: { message: "server cannot be reached", status: 503, isRetryable: true },
} as const satisfies Record<string, { message: string; status: number; isRetryable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;

export interface HoldfastErrorOptions {
  readonly cause?: unknown;
  /** Values for programs; the message names them for people. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error of these packages. `code` is stable and listed in docs/reference/codes.md; `message` is for people and may change. */
export class HoldfastError extends Error {
  override readonly name = "HoldfastError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message?: string, options: HoldfastErrorOptions = {}) {
    super(
      message ?? errorCodes[code].message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.details = options.details ?? {};
  }
}

/**
 * Unknown options are mistakes, such as typos.
 * @param prefix the path of the options, such as `limits`
 * @param ours names of other libraries' options, and what they are called here
 * @throws HF_OPTION_INVALID naming the first unknown option, and the known ones
 */
export function refuseUnknownOptions(
  options: object,
  known: readonly string[],
  prefix = "",
  ours: Readonly<Record<string, string>> = {},
): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const at = prefix === "" ? "" : `${prefix}.`;
  const nearest = Object.hasOwn(ours, unknown) ? undefined : nearestOf(unknown, known);
  const hint = Object.hasOwn(ours, unknown)
    ? ` (use ${ours[unknown]})`
    : nearest === undefined
      ? ""
      : ` (did you mean ${at}${nearest}?)`;
  const names = [...known].sort().map((name) => at + name);
  // The nearest name says more than very many.
  const list =
    nearest !== undefined && known.length > maxListedOptions ? "" : `; known options: ${names.join(", ")}`;
  throw new HoldfastError("HF_OPTION_INVALID", `unknown option ${at}${unknown}${hint}${list}`, {
    details: { option: `${at}${unknown}` },
  });
}

const maxListedOptions = 25;
const maxTypos = 3;

/** The word that differs least from a mistyped one; nothing where all differ much. */
export function nearestOf(word: string, words: readonly string[]): string | undefined {
  const [nearest] = words
    .map((each) => ({ each, typos: typosBetween(word.toLowerCase(), each.toLowerCase()) }))
    .filter(({ each, typos }) => typos <= Math.min(maxTypos, each.length / 3))
    .sort((a, b) => a.typos - b.typos);
  return nearest?.each;
}

/** Letters to add, drop or replace (Levenshtein); letters in another order are one typo. */
function typosBetween(a: string, b: string): number {
  if ([...a].sort().join() === [...b].sort().join()) return a === b ? 0 : 1;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries())
      next.push(
        Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}

/**
 * An option whose value is invalid, for the caller to throw.
 * @param accepted follows "must be"
 * @param given follows "but is"; left out for secrets
 */
export function invalidOption(option: string, accepted: string, given?: string): HoldfastError {
  const came = given === undefined ? "" : `, but is ${given}`;
  return new HoldfastError("HF_OPTION_INVALID", `${option} must be ${accepted}${came}`, {
    details: { option },
  });
}

export function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof HoldfastError && error.code === code;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
