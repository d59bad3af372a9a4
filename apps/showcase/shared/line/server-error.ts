/** Why something that was asked of the server did not come about, in its own words. */

export interface ServerError {
  /** The server's; 0 where there was no answer. */
  readonly code: number;
  readonly message: string;
  /** The server has said no, and would say so again. */
  readonly isFinal: boolean;
}

/** @param error what a request or a publication of the client was rejected with */
export function readServerError(error: unknown): ServerError {
  const { details, cause, message } = (error ?? {}) as {
    details?: { code?: unknown; isTemporary?: unknown };
    cause?: { message?: unknown };
    message?: unknown;
  };
  const code = typeof details?.code === "number" ? details.code : 0;
  const said = [cause?.message, message].find((text) => typeof text === "string") as string | undefined;
  return { code, message: said ?? "no answer", isFinal: code > 0 && details?.isTemporary !== true };
}
