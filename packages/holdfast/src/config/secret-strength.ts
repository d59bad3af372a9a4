/** Estimates how easily a secret could be guessed. A rough estimate that finds obviously weak secrets. */

const words =
  /secret|changeme|change|replace|password|passw|token|your|my|super|example|default|test|demo|jwt|hmac|holdfast|admin|please|this|that|key|the|qwerty|letmein|dev|prod|uction|placeholder|insert|here|api|256|512|bit|very|for|in|is|to|me|abcdef|0123456789|123456789|12345678|123456|1234/g;
/** Fewer characters beside words of the dictionary are no secret. */
const minOtherCharacters = 12;
const minBits = 80;

/** @returns why the secret is weak, which continues "it …", or undefined */
export function findWeakness(secret: string): string | undefined {
  const plain = secret.toLowerCase().replace(/[^a-z0-9]/g, "");
  const unit = findRepeated(secret) ?? findRepeated(plain);
  if (unit !== undefined) return `repeats ${unit} characters`;
  if (isInSequence(plain)) return "is a sequence of consecutive characters";
  const others = plain.replace(words, "");
  if (others.length < Math.min(minOtherCharacters, secret.length * 0.6)) return "consists of common words";
  if (estimateBits(secret) < minBits) return "has too few different characters";
  return undefined;
}

/** The length of the part that a text repeats. */
function findRepeated(text: string): number | undefined {
  for (let length = 1; length <= text.length / 2; length++) {
    const unit = text.slice(0, length);
    if (unit.repeat(Math.ceil(text.length / length)).slice(0, text.length) === text) return length;
  }
  return undefined;
}

/** Whether most characters are the next one, as in `abcdef` and `123456`. */
function isInSequence(text: string): boolean {
  let steps = 0;
  for (let at = 1; at < text.length; at++) if (text.charCodeAt(at) - text.charCodeAt(at - 1) === 1) steps++;
  return steps > text.length / 2;
}

/** Shannon's entropy of its characters, times their number. */
function estimateBits(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const perCharacter = [...counts.values()].reduce((sum, count) => {
    const share = count / text.length;
    return sum - share * Math.log2(share);
  }, 0);
  return perCharacter * text.length;
}

/** Bits of a random text of such characters, the best case. */
export function maxBits(text: string): number {
  const classes: readonly [RegExp, number][] = [
    [/^[0-9]*$/, 10],
    [/^[0-9a-f]*$/i, 16],
    [/^[0-9a-z]*$/, 36],
    [/^[\w-]*$/, 64],
  ];
  const size = classes.find(([pattern]) => pattern.test(text))?.[1] ?? 94;
  return text.length * Math.log2(size);
}
