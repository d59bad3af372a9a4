/** Options that nobody knows are a mistake of whoever wrote them. */
import { HoldfastError } from "../errors.js";

/** @throws HF_OPTION_INVALID naming the first that is not known, and those that are */
export function refuseUnknownOptions(prefix: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const at = prefix === "" ? "" : `${prefix}.`;
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `there is no option ${at}${unknown}; there are ${known.map((name) => at + name).join(", ")}`,
    { details: { option: `${at}${unknown}` } },
  );
}
