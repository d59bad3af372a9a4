/** Decimal numbers that come as texts, such as a tag's value: compared without rounding, whatever their size. */

/** Longer texts are no decimals, so that comparing one takes little time. */
export const maxDecimalCharacters = 256;

const pattern = /^([+-]?)(\d+)(?:\.(\d+))?$/;

export interface Decimal {
  /** Zero is not negative. */
  readonly isNegative: boolean;
  /** Digits before the point, without zeros in front: empty where the number is less than one. */
  readonly whole: string;
  /** Digits after the point, without zeros at the end. */
  readonly fraction: string;
}

/** @returns undefined where the text is no plain decimal: digits, with a sign, or a point between digits, or both */
export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > maxDecimalCharacters) return undefined;
  const parts = pattern.exec(text);
  if (parts === null) return undefined;
  const [, sign, digits = "", decimals = ""] = parts;
  const whole = digits.replace(/^0+/, "");
  let end = decimals.length;
  // A regular expression would begin anew at every zero.
  while (decimals[end - 1] === "0") end--;
  const fraction = decimals.slice(0, end);
  return { isNegative: sign === "-" && (whole !== "" || fraction !== ""), whole, fraction };
}

/** @returns less than zero where a is less than b, zero where they are equal, more than zero where a is more */
export function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.isNegative !== b.isNegative) return a.isNegative ? -1 : 1;
  const order =
    a.whole.length - b.whole.length || compareTexts(a.whole, b.whole) || compareTexts(a.fraction, b.fraction);
  return a.isNegative ? 0 - order : order;
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
