/** What callers hand over to be sent: JSON, no larger than a server takes. */
import { HoldfastError } from "../../holdfast/src/errors.js";

/** For the command around the data: ids, names of fields, an idempotency key. */
const commandBytes = 200;
const encoder = new TextEncoder();

/**
 * A copy as the server will see it, so that later changes by the caller do not count.
 * @param what for messages: "data", "the argument"
 * @throws HF_OPTION_INVALID where JSON cannot express it, or it is too large
 */
export function toPayload(value: unknown, what: string, name: string, maxMessageBytes: number): unknown {
  const text = toText(value, what);
  const bytes = encoder.encode(text).length + encoder.encode(name).length + commandBytes;
  if (bytes > maxMessageBytes)
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `${what} for ${name} makes a message of about ${bytes} bytes; accepted are ${maxMessageBytes} (maxMessageBytes)`,
      { details: { bytes, maxMessageBytes } },
    );
  return JSON.parse(text) as unknown;
}

function toText(value: unknown, what: string): string {
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
