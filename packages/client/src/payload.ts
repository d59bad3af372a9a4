/** Data that callers send: JSON, or bytes, which are base64 in JSON, within the size that a server accepts. */
import { HoldfastError, invalidOption } from "../../holdfast/src/errors.js";
import { bytesOfBase64, payloadText } from "../../holdfast/src/wire/payload.js";

/** The command around the data: ids, names of fields, an idempotency key. */
const commandBytes = 200;
const encoder = new TextEncoder();

/**
 * A copy as the server will see it, unaffected by later changes of the caller.
 * @param what for errors: "data", "the argument"
 * @throws HF_OPTION_INVALID if it cannot be expressed in JSON, or is too large
 */
export function toPayload(value: unknown, what: string, name: string, maxMessageBytes: number): unknown {
  const text = toText(value, what);
  const bytes = encoder.encode(text).length + encoder.encode(name).length + commandBytes;
  if (bytes > maxMessageBytes)
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `${what} for ${name} makes a message of about ${bytes} bytes, more than maxMessageBytes (${maxMessageBytes})`,
      { details: { bytes, maxMessageBytes } },
    );
  return JSON.parse(text) as unknown;
}

/**
 * The bytes of a publication, or of a method's result, in a channel whose payload is `binary`: this client speaks JSON, in which they
 * are base64.
 * @throws HF_OPTION_INVALID if the data is no base64
 */
export function bytesOf(data: unknown): Uint8Array {
  const bytes = typeof data === "string" ? bytesOfBase64(JSON.stringify(data)) : undefined;
  if (bytes === undefined) throw invalidOption("data", "a string in base64");
  return bytes;
}

function toText(value: unknown, what: string): string {
  if (value instanceof Uint8Array) return payloadText(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new HoldfastError("HF_OPTION_INVALID", `${what} must be JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (text === undefined)
    throw new HoldfastError("HF_OPTION_INVALID", `${what} must be JSON, but is ${typeof value}`);
  return text;
}
