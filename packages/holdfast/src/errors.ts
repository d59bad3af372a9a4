/**
 * The one error class of the package and the registry of its codes. Owns what can be thrown at a caller;
 * faults of a remote peer never throw, they become close codes (websocket/, wire/codes.ts).
 */

/** Every code a caller can meet: its default message, the HTTP status it maps to, and whether trying again may help. */
export const errorCodes = {
  HF_OPTION_INVALID: {
    message: "an option has a value that is not accepted",
    status: 500,
    isRetryable: false,
  },
  HF_CONFIG_INVALID: { message: "the configuration is not accepted", status: 500, isRetryable: false },
  HF_SERVER_LISTEN: { message: "the server could not listen", status: 500, isRetryable: true },
  HF_SERVER_STATE: { message: "the server is not in a state for that", status: 500, isRetryable: false },
  HF_REQUEST_REFUSED: { message: "what was asked for is not accepted", status: 400, isRetryable: false },
  HF_BROKER_FULL: { message: "the broker holds as much as it may", status: 507, isRetryable: true },
  HF_MAP_FULL: { message: "the map holds as much as it may", status: 507, isRetryable: false },
  HF_STORE_CORRUPT: { message: "the store is damaged", status: 500, isRetryable: false },
  HF_STORE_FAILED: { message: "the store takes nothing more", status: 503, isRetryable: false },
  HF_STORE_IN_USE: { message: "the store is in use by another server", status: 500, isRetryable: true },
  HF_STORE_NEWER: { message: "the store has a newer format", status: 500, isRetryable: false },
  HF_STORE_OPEN: { message: "the store could not be opened", status: 500, isRetryable: false },
  HF_BROKER_CLOSED: { message: "the broker is closed", status: 503, isRetryable: false },
  HF_KEYS_UNAVAILABLE: { message: "the keys of tokens cannot be had", status: 503, isRetryable: true },
  HF_REVOCATIONS_FULL: { message: "no more revocations can be kept", status: 507, isRetryable: true },
  HF_WEBSOCKET_STATE: { message: "the connection is not open", status: 500, isRetryable: false },
  HF_WEBSOCKET_ARGUMENT: {
    message: "a value given to the connection is not accepted",
    status: 500,
    isRetryable: false,
  },
  HF_WEBSOCKET_CLOSED: { message: "the connection was closed", status: 500, isRetryable: true },
  HF_CLIENT_CLOSED: { message: "the client is closed", status: 500, isRetryable: false },
  HF_CLIENT_CONNECTION: {
    message: "the connection broke before an answer came",
    status: 503,
    isRetryable: true,
  },
  HF_CLIENT_FULL: { message: "as much waits to be sent as may", status: 503, isRetryable: true },
  HF_CLIENT_TIMEOUT: { message: "no answer came in time", status: 504, isRetryable: true },
  HF_CLIENT_SLOW: { message: "publications are read too slowly", status: 500, isRetryable: true },
  HF_LAB_FAILED: { message: "the lab could not measure", status: 500, isRetryable: true },
  HF_CLI_USAGE: { message: "the command line is not accepted", status: 500, isRetryable: false },
  HF_CLI_CONNECTION: { message: "the server could not be reached", status: 503, isRetryable: true },
} as const satisfies Record<string, { message: string; status: number; isRetryable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;

export interface HoldfastErrorOptions {
  readonly cause?: unknown;
  /** Values that belong to the fault, for programs; the message already names them for people. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error of this package. `code` is stable and listed in docs/reference/codes.md; `message` is for people. */
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
 * Options that nobody knows are a mistake of whoever wrote them.
 * @param prefix where the options stand among others, such as `limits`
 * @param ours what other libraries' options are called here
 * @throws HF_OPTION_INVALID naming the first that is not known, and those that are
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
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `there is no option ${at}${unknown}; ${Object.hasOwn(ours, unknown) ? `here it is ${ours[unknown]}; ` : ""}there are ${[
      ...known,
    ]
      .sort()
      .map((name) => at + name)
      .join(", ")}`,
    { details: { option: `${at}${unknown}` } },
  );
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

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
