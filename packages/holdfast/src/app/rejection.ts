/** How the application's code refuses a command: with a code and a text that the client is told. */
import { HoldfastError } from "../errors.js";

const leastCode = 400;
const mostCode = 1999;

export class Rejection extends Error {
  override readonly name = "Rejection";
  readonly code: number;

  /**
   * @param code 400–1999; lower ones are the protocol's
   * @throws HF_OPTION_INVALID for any other code
   */
  constructor(code: number, message: string) {
    super(message);
    if (!Number.isInteger(code) || code < leastCode || code > mostCode)
      throw new HoldfastError(
        "HF_OPTION_INVALID",
        `the code of a rejection must be an integer from ${leastCode} to ${mostCode}, but is ${String(code)}`,
      );
    this.code = code;
  }
}

/** To be called in a hook or a method. @throws always */
export function reject(code: number, message: string): never {
  throw new Rejection(code, message);
}
