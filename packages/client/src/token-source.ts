/** Tokens as the SDK asks for them. What a function gives when it fails must not end a connection for good. */
import { HoldfastError } from "../../holdfast/src/errors.js";

/** A token, or how to get one: asked at first, and again whenever the one there is has expired. */
export type TokenSource = string | (() => string | Promise<string>);

interface SdkToken {
  readonly token?: string;
  readonly getToken?: () => Promise<string>;
}

export function toSdkToken(source: TokenSource | undefined): SdkToken {
  if (source === undefined) return {};
  return typeof source === "string" ? { token: source } : { getToken: () => askFor(source) };
}

/**
 * The SDK tries again later when this rejects, and ends the connection for good when it gives an empty text.
 * @throws what the function throws, HF_OPTION_INVALID where it gave no token
 */
async function askFor(source: () => string | Promise<string>): Promise<string> {
  const given: unknown = await source();
  if (typeof given !== "string")
    throw refuse(
      `${given === null ? "null" : typeof given}; where the answer is JSON, take the token out of it`,
    );
  const token = given.trim();
  // No server would take these, and after a token that is none clients stay away.
  if (/\s|^[<{["]/.test(token))
    throw refuse("a page or JSON; look whether the answer was one (response.ok) before taking its text");
  return token;
}

function refuse(given: string): HoldfastError {
  return new HoldfastError("HF_OPTION_INVALID", `token must give a token, but gave ${given}`, {
    details: { option: "token" },
  });
}
