/**
 * Data that callers send and get: JSON, or bytes, which are base64 in JSON; what each channel carries; and the size that a server
 * accepts.
 */
import type { AnyApp, Payloads } from "../../holdfast/src/app/app-shape.js";
import { parsePattern, sortPatterns } from "../../holdfast/src/app/pattern.js";
import { HoldfastError, invalidOption } from "../../holdfast/src/errors.js";
import { bytesOfBase64, payloadText } from "../../holdfast/src/wire/payload.js";

/** The command around the data: ids, names of fields, an idempotency key. */
const commandBytes = 200;
const encoder = new TextEncoder();

/** @throws HF_OPTION_INVALID */
export function assertPayloads(payloads: unknown): asserts payloads is Payloads<AnyApp> {
  const isRecord = typeof payloads === "object" && payloads !== null && !Array.isArray(payloads);
  const isKnown = isRecord && Object.values(payloads).every((each) => each === "json" || each === "binary");
  if (!isKnown) throw invalidOption("payloads", '"json" or "binary" by pattern', JSON.stringify(payloads));
  for (const pattern of Object.keys(payloads as object)) parsePattern(pattern);
}

/** What each channel carries, by the option `payloads`. */
export class ChannelPayloads {
  readonly #rules;

  /** @throws HF_OPTION_INVALID if a pattern is none */
  constructor(payloads: Payloads<AnyApp>) {
    const rules = Object.entries(payloads).map(([text, kind]) => ({ pattern: parsePattern(text), kind }));
    this.#rules = sortPatterns(rules);
  }

  /** @throws HF_OPTION_INVALID naming the channel's payload, if the data is something else */
  assert(channel: string, data: unknown): void {
    const kind = this.#kindOf(channel);
    if ((kind === "binary") === data instanceof Uint8Array) return;
    const accepted =
      kind === "binary" ? "a Uint8Array" : 'JSON, not bytes, unless the option payloads says "binary"';
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `the payload of ${channel} is "${kind}": data must be ${accepted}`,
    );
  }

  /** @returns the data of a publication, as readers get it @throws HF_OPTION_INVALID if it is not what the channel carries */
  read(channel: string, data: unknown): unknown {
    if (this.#kindOf(channel) === "json") return data;
    try {
      return bytesOf(data);
    } catch (cause) {
      throw new HoldfastError(
        "HF_OPTION_INVALID",
        `the option payloads says that ${channel} is "binary", but its data is no base64`,
        { cause, details: { option: "payloads" } },
      );
    }
  }

  #kindOf(channel: string): "json" | "binary" {
    return this.#rules.find(({ pattern }) => pattern.match(channel))?.kind ?? "json";
  }
}

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
 * The bytes of a method's result, or of a publication of a channel that `payloads` does not name: this client speaks JSON, in which
 * they are base64.
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
