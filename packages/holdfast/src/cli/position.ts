/** Positions as they are typed: `epoch:offset`, or `0` for the beginning. */
import { HoldfastError, type Position } from "../index.js";

/** @throws HF_CLI_USAGE when the text is no position */
export function parsePosition(text: string): Position {
  const match = /^(?:(.*):)?(\d+)$/.exec(text);
  const offset = Number(match?.[2]);
  if (match === null || !Number.isSafeInteger(offset))
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--since must look like epoch:offset, for example 3f2a91c0:17, or be 0, not ${text}`,
    );
  return { epoch: match[1] ?? "", offset };
}
