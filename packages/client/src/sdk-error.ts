/** What the SDK rejects with, and what that means: the server has refused, or nobody knows. */
import { HoldfastError, messageOf } from "../../holdfast/src/errors.js";

/** Codes below are the SDK's own: the connection broke, or nothing came in time. */
const firstServerCode = 100;
const timeoutCode = 1;

interface SdkError {
  readonly code: number;
  readonly message: string;
  readonly isTemporary: boolean;
}

export function readSdkError(error: unknown): SdkError {
  const { code, temporary } = (typeof error === "object" && error !== null ? error : {}) as {
    code?: unknown;
    temporary?: unknown;
  };
  const { message = messageOf(error) } = (error ?? {}) as { message?: string };
  return { code: typeof code === "number" ? code : 0, message, isTemporary: temporary === true };
}

/** Whether the server has said no, and would say so again. */
export function isRefusal({ code, isTemporary }: SdkError): boolean {
  return code >= firstServerCode && !isTemporary;
}

/** @param what what was asked for, which the message begins with */
export function toHoldfastError(error: unknown, what: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const sdkError = readSdkError(error);
  const { code, message, isTemporary } = sdkError;
  if (code >= firstServerCode)
    return new HoldfastError("HF_REQUEST_REFUSED", `${what} was refused: ${message} (code ${code})`, {
      cause: error,
      details: { code, isTemporary },
    });
  if (code === timeoutCode)
    return new HoldfastError("HF_CLIENT_TIMEOUT", `${what} got no answer in time`, { cause: error });
  return new HoldfastError(
    "HF_CLIENT_CONNECTION",
    `${what} got no answer before the connection broke (${message}); whether it was carried out is not known`,
    { cause: error },
  );
}

/** The server has ended a connection or a subscription for good. */
export function refusedForGood(what: string, code: number, reason: string): HoldfastError {
  return new HoldfastError("HF_REQUEST_REFUSED", `${what}: ${reason} (code ${code})`, {
    details: { code, isTemporary: false },
  });
}
