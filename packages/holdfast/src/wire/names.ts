/** Names of channels: what they, keys and idempotency keys may consist of, and patterns that match them. */

export const maxChannelNameBytes = 255;

/** Printable ASCII, as in the protocol's reference server. */
const printableAscii = /^[\x20-\x7e]+$/;

/** @returns what is wrong with the name, or undefined if it is valid */
export function findChannelNameFault(name: string): string | undefined {
  if (name === "") return "a channel name must not be empty";
  if (name.length > maxChannelNameBytes)
    return `a channel name may have up to ${maxChannelNameBytes} characters, not ${name.length}`;
  if (!printableAscii.test(name)) return "a channel name must consist of printable ASCII characters";
  return undefined;
}

/** Of a key and of an idempotency key. */
export const maxKeyCharacters = 255;

/** @returns what is wrong with the key, or undefined if it is valid */
export function findKeyFault(name: string, key: string): string | undefined {
  if (key.length === 0 || key.length > maxKeyCharacters)
    return `${name} must have 1 to ${maxKeyCharacters} characters, not ${key.length}`;
  // A lone surrogate has no UTF-8 encoding: stored as bytes, all of them would become the same key.
  return /\p{Surrogate}/u.test(key) ? `${name} must not contain a lone surrogate` : undefined;
}

const bitsPerWord = 32;

/**
 * Matches names by a pattern: `*` matches any characters, `?` exactly one. Clients choose the names, so a match takes at most
 * the name's length times the pattern's length over 32 steps.
 * @returns whether a name matches; without a pattern, every name does
 */
export function matcherOf(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined || pattern === "") return () => true;
  const wildcard = pattern.search(/[*?]/);
  if (wildcard < 0) return (name) => name === pattern;
  const head = pattern.slice(0, wildcard);
  const states = new States(pattern.slice(wildcard));
  return (name) => name.startsWith(head) && states.match(name, head.length);
}

/**
 * All states of a pattern at once, a bit each: how many of its characters, without stars, the name may have matched so far.
 * (R. Baeza-Yates and G. Gonnet, "A new approach to text searching", 1992.)
 */
class States {
  readonly #count: number;
  /** By character: the states it advances. */
  readonly #advanced = new Map<string, Uint32Array>();
  /** States that any character advances. */
  readonly #advancedByAny: Uint32Array;
  /** States with a star, which stay with any character. */
  readonly #stays: Uint32Array;

  constructor(pattern: string) {
    const characters = pattern.replaceAll("*", "");
    this.#count = characters.length;
    this.#advancedByAny = this.#createWords();
    this.#stays = this.#createWords();
    let state = 0;
    for (const character of pattern.split("")) {
      if (character === "*") setBit(this.#stays, state);
      else if (character === "?") setBit(this.#advancedByAny, state++);
      else setBit(this.#advancedBy(character), state++);
    }
  }

  match(name: string, from: number): boolean {
    let states = this.#createWords();
    let next = this.#createWords();
    setBit(states, 0);
    for (let i = from; i < name.length; i++) {
      const advanced = this.#advanced.get(name[i] as string);
      let carry = 0;
      for (let word = 0; word < states.length; word++) {
        const bits = states[word] as number;
        const moved = bits & ((advanced?.[word] ?? 0) | (this.#advancedByAny[word] as number));
        next[word] = (moved << 1) | carry | (bits & (this.#stays[word] as number));
        carry = moved >>> (bitsPerWord - 1);
      }
      [states, next] = [next, states];
    }
    return hasBit(states, this.#count);
  }

  #advancedBy(character: string): Uint32Array {
    let words = this.#advanced.get(character);
    if (words === undefined) {
      words = this.#createWords();
      this.#advanced.set(character, words);
    }
    return words;
  }

  #createWords(): Uint32Array {
    return new Uint32Array(Math.floor(this.#count / bitsPerWord) + 1);
  }
}

function setBit(words: Uint32Array, bit: number): void {
  const word = Math.floor(bit / bitsPerWord);
  words[word] = (words[word] as number) | (1 << (bit % bitsPerWord));
}

function hasBit(words: Uint32Array, bit: number): boolean {
  return ((words[Math.floor(bit / bitsPerWord)] as number) & (1 << (bit % bitsPerWord))) !== 0;
}

/**
 * A page of a list, by name: up to `limit` items after a name, in the order of code units. Keeps a page's worth while it looks, so that
 * long lists are not sorted.
 */
export function firstBy<T>(
  items: Iterable<T>,
  nameOf: (item: T) => string,
  choice: { readonly after?: string | undefined; readonly limit: number },
): readonly T[] {
  const page = new Page(nameOf, choice);
  for (const item of items) page.offer(item);
  return page.end();
}

/** The same of a list that is looked through in parts. */
export class Page<T> {
  readonly #nameOf: (item: T) => string;
  readonly #after: string | undefined;
  readonly #limit: number;
  #items: T[] = [];
  #last: string | undefined;

  constructor(
    nameOf: (item: T) => string,
    { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  ) {
    this.#nameOf = nameOf;
    this.#after = after;
    this.#limit = limit;
  }

  offer(item: T): void {
    const name = this.#nameOf(item);
    if (this.#after !== undefined && name <= this.#after) return;
    if (this.#last !== undefined && name > this.#last) return;
    this.#items.push(item);
    if (this.#items.length < 2 * this.#limit) return;
    this.#items = this.#sorted();
    this.#last = this.#nameOf(this.#items[this.#limit - 1] as T);
  }

  /** The page, once all items were offered. */
  end(): readonly T[] {
    return this.#sorted();
  }

  #sorted(): T[] {
    const nameOf = this.#nameOf;
    return this.#items.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)).slice(0, this.#limit);
  }
}
