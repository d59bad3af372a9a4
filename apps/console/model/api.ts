/**
 * Calls of the server's API with the key of this tab, which goes into a header and never into an address. What goes wrong is one of few
 * kinds, each with a sentence for the person who looks.
 */

/** What a key may do; each includes those before it. */
export type Scope = "read" | "publish" | "admin";

/**
 * - `key`: the server does not accept the key. `wait`: too many wrong keys came from here.
 * - `refused`: the call itself, with a code. `unreachable`: there was no answer, or none of this server's.
 */
export type ProblemKind = "key" | "wait" | "refused" | "unreachable";

export class ApiProblem extends Error {
  readonly kind: ProblemKind;
  readonly code: number;

  constructor(kind: ProblemKind, message: string, code = 0) {
    super(message);
    this.kind = kind;
    this.code = code;
  }
}

export interface ApiOptions {
  readonly key: string;
  /** Address of the API, with a slash at its end. */
  readonly base: string;
  readonly fetch: typeof fetch;
  /** Told of each call's end: undefined if it was answered. */
  readonly onCalled?: (problem: ApiProblem | undefined) => void;
}

/** The parts of a call that models need; tests have their own. */
export interface Caller {
  call<R>(method: string, params?: object, signal?: AbortSignal): Promise<R>;
}

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

export class Api implements Caller {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /** @throws ApiProblem; an AbortError if `signal` ends the call */
  async call<R>(method: string, params: object = {}, signal?: AbortSignal): Promise<R> {
    const { onCalled } = this.#options;
    try {
      const result = await this.#call<R>(method, params, signal);
      onCalled?.(undefined);
      return result;
    } catch (error) {
      if (error instanceof ApiProblem) onCalled?.(error);
      throw error;
    }
  }

  async #call<R>(method: string, params: object, signal: AbortSignal | undefined): Promise<R> {
    const { base, key, fetch: send } = this.#options;
    const response = await send(`${base}${method}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-API-Key": key },
      body: JSON.stringify(params),
      cache: "no-store",
      credentials: "same-origin",
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      if (signal?.aborted) throw error;
      throw new ApiProblem("unreachable", "The server cannot be reached.");
    });
    const answer = await readAnswer(response);
    if (response.status === 401) throw new ApiProblem("key", "The server does not know this key.");
    if (response.status === 429)
      throw new ApiProblem("wait", `Too many wrong keys came from here. Try again ${waitOf(response)}.`);
    if (answer?.error) throw new ApiProblem("refused", toSentence(answer.error.message), answer.error.code);
    if (!response.ok || answer?.result === undefined)
      throw new ApiProblem("unreachable", `The server answered ${response.status} instead of a result.`);
    return answer.result as R;
  }
}

async function readAnswer(response: Response): Promise<Answer | undefined> {
  try {
    return (await response.json()) as Answer;
  } catch {
    return undefined;
  }
}

function waitOf({ headers }: Response): string {
  const seconds = Number(headers.get("Retry-After"));
  return seconds > 0 ? `in ${seconds} s` : "later";
}

/** Errors of the protocol begin small and end without a full stop. */
export function toSentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

const ranks: Readonly<Record<Scope, number>> = { read: 0, publish: 1, admin: 2 };

export function isWithin(scope: Scope, needed: Scope): boolean {
  return ranks[scope] >= ranks[needed];
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
